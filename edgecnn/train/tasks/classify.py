"""The `classify` task on the host: recipe, loss and metric of one label per picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from edgecnn.data.augment import AugmentOptions
from edgecnn.data.pictures import labels_of, usable
from edgecnn.data.samples import Dataset, Fault
from edgecnn.errors import InputError, RecipeError
from edgecnn.models import create_backbone, find_architecture
from edgecnn.models.base import ConvNet
from edgecnn.models.weights import WeightsSource
from edgecnn.train.features import cached_features
from edgecnn.train.loading import load_batches
from edgecnn.train.pictures import (
    PictureBatch,
    PictureStream,
    collate,
    prepared,
)
from edgecnn.train.sections import BaseRecipe, Strict
from edgecnn.train.splits import agreed_classes, open_both
from edgecnn.train.start import start
from edgecnn.train.stream import Shuffle, shard
from edgecnn.train.tasks.base import Batch, Validation
from edgecnn.train.transfer import TransferSection, hold
from edgecnn.vision.classes import class_scores


class PictureData(Strict):
    """What trains and what chooses."""

    train: str
    """A DATASET, PATH[:split]."""
    validation: str | Annotated[float, Field(gt=0, lt=1)]
    """A DATASET; or the share of the training split, drawn by class, that is held back."""
    classes: tuple[str, ...] = ()
    """Filled in by the first run: the names behind the indices of the outputs."""
    workers: int = Field(2, ge=0)
    """Processes that prepare pictures."""
    augment: AugmentOptions = AugmentOptions()


class ClassifierModel(Strict):
    """The network."""

    architecture: str
    options: dict[str, Any] = Field(default_factory=dict)
    """Of its constructor, such as width and dropout."""
    weights: WeightsSource | None = None
    """Where it starts from; by default at random."""

    @model_validator(mode="after")
    def _known(self) -> ClassifierModel:
        try:
            find_architecture(self.architecture).check_options(self.options)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def text(self) -> str:
        """The architecture with its options, for a person."""
        return ", ".join((self.architecture, *(f"{k} {v}" for k, v in self.options.items())))


class ClassifyLoss(Strict):
    """Cross-entropy over classes, or of one sigmoid where there are two."""

    kind: Literal["softmax", "sigmoid"] = "softmax"
    label_smoothing: float = Field(0, ge=0, lt=1)
    """Szegedy et al., CVPR 2016."""
    mixup: float = Field(0, ge=0)
    """Alpha of the Beta distribution of Zhang et al., ICLR 2018; 0: off."""


class ClassifyRecipe(BaseRecipe):
    """Everything a run depends on that gives a picture one label."""

    task: Literal["classify"] = "classify"
    model: ClassifierModel
    loss: ClassifyLoss = ClassifyLoss()
    transfer: TransferSection = TransferSection()
    data: PictureData

    @model_validator(mode="after")
    def _fits(self) -> ClassifyRecipe:
        if self.transfer.cache is not None and (
            self.data.augment != AugmentOptions() or self.loss.mixup
        ):
            raise ValueError("transfer.cache holds one view per picture: no augment, no mixup")
        if self.init is not None and self.model.weights is not None:
            raise ValueError("init and model.weights both say where to start: give one")
        return self

    @property
    def network(self) -> str:
        """What the network is, for a card."""
        return self.model.text


def build_classifier(recipe: ClassifyRecipe) -> ConvNet:
    """Build the network of a recipe whose classes are known, with random weights."""
    outputs = 1 if recipe.loss.kind == "sigmoid" else len(recipe.data.classes)
    options = dict(recipe.model.options, num_classes=outputs)
    if recipe.input.channels != find_architecture(recipe.model.architecture).input_shape[0]:
        options.setdefault("in_channels", recipe.input.channels)
    return cast(ConvNet, create_backbone(recipe.model.architecture, **options))


class ClassifyTask:
    """Trains a classifier of pictures."""

    metric = "accuracy"
    unit = "pictures"

    def __init__(self, recipe: ClassifyRecipe, strict: bool) -> None:
        train, validation, self.faults = open_splits(recipe, strict)
        self.recipe = _with_classes(recipe, train, validation)
        self.epoch_samples = len(train.samples)
        self._train, self._validation = train, validation
        self._features: Tensor | None = None
        self.notices = tuple(f"{f.file}: {f.kind}: {f.detail}: left out" for f in self.faults)

    def build(self) -> ConvNet:
        """Build the network with the weights it starts from, and freeze what a transfer says."""
        model = build_classifier(self.recipe)
        self.notices += start(model, model, self.recipe, self._train)
        if self.recipe.transfer.cache is not None:
            cache = Path(self.recipe.transfer.cache)
            self._features = cached_features(model, self.recipe.input, self._train, cache)
        return model

    def trained(self, model: nn.Module) -> nn.Module:
        """Return the network, or its classifier where the features are cached."""
        return model if self._features is None else cast(ConvNet, model).classifier

    def base(self, model: nn.Module) -> tuple[nn.Module | None, float]:
        """Return the features, and their share of the learning rate."""
        return cast(ConvNet, model).features, self.recipe.transfer.rate

    def hold(self, model: nn.Module) -> None:
        """Keep what is frozen in evaluation mode."""
        hold(cast(ConvNet, model), self.recipe.transfer)

    def batches(self, start: int, rank: int, world: int) -> Iterable[PictureBatch]:
        """Return this process's batches from picture ``start`` of the shuffled stream on."""
        options, seed = self.recipe.optimizer, self.recipe.seed
        total = options.samples or (options.epochs or 0) * self.epoch_samples
        if self._features is not None:
            labels = torch.from_numpy(labels_of(self._train))
            order = Shuffle(self.epoch_samples, seed)
            for positions in shard(start, total, options.batch, rank, world):
                rows = torch.tensor([order(p) for p in positions])
                yield PictureBatch(self._features[rows], labels[rows])
            return
        data = self.recipe.data
        stream = PictureStream(self._train, self.recipe.input, data.augment, seed)
        yield from load_batches(
            stream, collate, start, total, options.batch, rank, world, data.workers
        )

    def loss(self, model: nn.Module, batch: Batch, progress: float) -> Tensor:
        """Return the mean cross-entropy of a batch."""
        assert isinstance(batch, PictureBatch)
        options = self.recipe.loss
        if not options.mixup:
            return _cross_entropy(model(batch.pixels), batch.labels, options)
        share = float(torch.distributions.Beta(options.mixup, options.mixup).sample())
        other = torch.randperm(len(batch.labels))
        logits = model(share * batch.pixels + (1 - share) * batch.pixels[other])
        first = _cross_entropy(logits, batch.labels, options)
        return share * first + (1 - share) * _cross_entropy(logits, batch.labels[other], options)

    def validate(self, model: nn.Module) -> Validation:
        """Return accuracy and mean cross-entropy on the validation split."""
        logits = infer_logits(model, self.recipe, self._validation)
        labels = torch.from_numpy(labels_of(self._validation))
        plain = self.recipe.loss.model_copy(update={"label_smoothing": 0.0})
        value = float(_cross_entropy(logits, labels, plain))
        right = probabilities(logits).argmax(1) == labels.numpy()
        return Validation(float(np.mean(right)), value)


def _cross_entropy(logits: Tensor, labels: Tensor, options: ClassifyLoss) -> Tensor:
    if options.kind == "softmax":
        return nn.functional.cross_entropy(
            logits.float(), labels, label_smoothing=options.label_smoothing
        )
    target = labels.float() * (1 - options.label_smoothing) + options.label_smoothing / 2
    return nn.functional.binary_cross_entropy_with_logits(logits.float().squeeze(1), target)


@torch.no_grad()
def infer_logits(model: nn.Module, recipe: ClassifyRecipe, dataset: Dataset) -> Tensor:
    """Run a float model in evaluation mode over a dataset: (N, outputs) logits."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = [model(x.to(device)).cpu() for x in prepared(dataset, recipe.input)]
    model.train(was_training)
    return torch.cat(parts)


def probabilities(logits: Tensor) -> NDArray[np.float32]:
    """Return (N, classes) probabilities; one sigmoid output becomes two classes."""
    return class_scores(logits.float().numpy(), "sigmoid" if logits.shape[1] == 1 else "softmax")


def open_splits(recipe: ClassifyRecipe, strict: bool) -> tuple[Dataset, Dataset, tuple[Fault, ...]]:
    """Open the training and the validation split of a recipe; see `open_both`."""
    return open_both(recipe.data, recipe.seed, usable, strict)


def _with_classes(recipe: ClassifyRecipe, train: Dataset, validation: Dataset) -> ClassifyRecipe:
    """Write the class names into the recipe; all sources must agree."""
    wanted = agreed_classes(recipe.data, train, validation)
    if recipe.loss.kind == "sigmoid" and len(wanted) != 2:
        raise RecipeError(f"loss.kind: sigmoid needs two classes, got {len(wanted)}")
    data = recipe.data.model_copy(update={"classes": wanted})
    return recipe.model_copy(update={"data": data})
