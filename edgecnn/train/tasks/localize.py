"""The `localize` task on the host: recipe, loss and metric of one box per picture, or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from edgecnn.bundle.decode import BoxDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.localization import LocalizationScore, found_of, score_locations, single_objects
from edgecnn.data.samples import Dataset, Fault
from edgecnn.errors import DataError
from edgecnn.models import find_architecture
from edgecnn.models.base import ConvNet
from edgecnn.models.localizer import Localizer, LocalizerOptions, create_localizer
from edgecnn.train.detection.loss import along_object
from edgecnn.train.loading import load_batches
from edgecnn.train.located import LocatedBatch, LocatedStream, collate, targets_of
from edgecnn.train.pictures import prepared
from edgecnn.train.sections import BaseRecipe, Strict
from edgecnn.train.splits import agreed_classes, open_both
from edgecnn.train.start import start
from edgecnn.train.tasks.base import Batch, Validation
from edgecnn.train.tasks.classify import ClassifierModel, PictureData
from edgecnn.train.transfer import TransferSection, hold
from edgecnn.vision.localize import decode_location
from edgecnn.vision.placement import placement

METRIC = "localization_iou"
"""Mean over pictures of `LocalizationScore.credits`."""


class LocalizerModel(ClassifierModel):
    """The network."""

    channels: int = Field(64, gt=0)
    """Of the feature map that the heads see."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Of that map, before the heads."""


class LocalizeLoss(Strict):
    """Weights of the parts: the box by GIoU and smooth L1, the rest by cross-entropy.

    Box and class count only where something is there. The shares of box losses are those of
    Carion et al., "End-to-end object detection with transformers", ECCV 2020.
    """

    presence: float = Field(1.0, ge=0)
    classes: float = Field(1.0, ge=0)
    giou: float = Field(2.0, ge=0)
    l1: float = Field(5.0, ge=0)
    """Of middle, width and height as shares of the input."""


class LocalizeRecipe(BaseRecipe):
    """Everything a run depends on that gives a picture one box, or none."""

    task: Literal["localize"] = "localize"
    model: LocalizerModel
    loss: LocalizeLoss = LocalizeLoss()
    transfer: TransferSection = TransferSection()
    data: PictureData

    @model_validator(mode="after")
    def _fits(self) -> LocalizeRecipe:
        if self.transfer.cache is not None:
            raise ValueError("transfer.cache is for the task classify: here the boxes move")
        if self.init is not None and self.model.weights is not None:
            raise ValueError("init and model.weights both say where to start: give one")
        if self.input.resize == "none":
            raise ValueError("input.resize: expected stretch or letterbox, got none")
        return self

    @property
    def network(self) -> str:
        """What the network is, for a card."""
        return f"{self.model.text}, localize head"


def build_localizer(recipe: LocalizeRecipe) -> Localizer:
    """Build the network of a recipe whose classes are known, with random weights."""
    spec, options = recipe.input, dict(recipe.model.options)
    if spec.channels != find_architecture(recipe.model.architecture).input_shape[0]:
        options.setdefault("in_channels", spec.channels)
    return create_localizer(
        LocalizerOptions(
            recipe.model.architecture, len(recipe.data.classes),
            (spec.channels, spec.height, spec.width), options, recipe.model.channels,
            recipe.model.dropout,
        )
    )  # fmt: skip


class LocalizeTask:
    """Trains a localizer."""

    metric = METRIC
    unit = "pictures"

    def __init__(self, recipe: LocalizeRecipe, strict: bool) -> None:
        train, validation, self.faults = open_splits(recipe, strict)
        self.recipe = _with_classes(recipe, train, validation)
        self.epoch_samples = len(train.samples)
        self._train, self._validation = train, validation
        self.notices = tuple(f"{f.file}: {f.kind}: {f.detail}: left out" for f in self.faults)

    def build(self) -> Localizer:
        """Build the network with the weights it starts from, and freeze what a transfer says."""
        model = build_localizer(self.recipe)
        backbone = cast(ConvNet, model.backbone)
        self.notices += start(model, backbone, self.recipe, self._train)
        return model

    def trained(self, model: nn.Module) -> nn.Module:
        """Return the network."""
        return model

    def base(self, model: nn.Module) -> tuple[nn.Module | None, float]:
        """Return the backbone, and its share of the learning rate."""
        return cast(Localizer, model).backbone, self.recipe.transfer.rate

    def hold(self, model: nn.Module) -> None:
        """Keep what is frozen of the backbone in evaluation mode; the neck is always new."""
        hold(cast(ConvNet, cast(Localizer, model).backbone), self.recipe.transfer)

    def batches(self, start: int, rank: int, world: int) -> Iterable[LocatedBatch]:
        """Return this process's batches from picture ``start`` of the shuffled stream on."""
        options, data = self.recipe.optimizer, self.recipe.data
        total = options.samples or (options.epochs or 0) * self.epoch_samples
        stream = LocatedStream(self._train, self.recipe.input, data.augment, self.recipe.seed)
        yield from load_batches(
            stream, collate, start, total, options.batch, rank, world, data.workers
        )

    def loss(self, model: nn.Module, batch: Batch, progress: float) -> Tensor:
        """Return the loss of a batch."""
        assert isinstance(batch, LocatedBatch)
        return localize_loss(model(batch.pixels), batch, self.recipe.loss)

    def validate(self, model: nn.Module) -> Validation:
        """Return the metric and the loss on the validation split."""
        spec, found = self.recipe.input, self._validation
        outputs = infer(model, spec, found)
        loss = localize_loss(outputs, targets_of(found, spec), self.recipe.loss)
        arrays = [x.float().numpy() for x in outputs]
        score = score_outputs(arrays, found, BoxDecode(labels=found.classes), spec)
        return Validation(score.value, float(loss))


def localize_loss(
    outputs: tuple[Tensor, Tensor, Tensor], batch: LocatedBatch, options: LocalizeLoss
) -> Tensor:
    """Return the weighted sum of the losses of a batch.

    Args:
        outputs: presence (N, 1), box (N, 4) and classes (N, classes), logits.
        batch: the targets.
        options: the weights.
    """
    presence, box, classes = (x.float() for x in outputs)
    functional = nn.functional
    total = options.presence * functional.binary_cross_entropy_with_logits(
        presence[:, 0], batch.presence
    )
    there = batch.presence > 0
    if not there.any():
        return total
    shares, wanted = box[there].sigmoid(), batch.boxes[there]
    upright = nn.functional.pad(wanted, (0, 1))  # no angle
    _, overlap = along_object(shares, upright)
    return (
        total
        + options.classes * functional.cross_entropy(classes[there], batch.labels[there])
        + options.giou * (1 - overlap).mean()
        + options.l1 * functional.smooth_l1_loss(shares, wanted, beta=0.1)
    )


@torch.no_grad()
def infer(model: nn.Module, spec: InputSpec, dataset: Dataset) -> tuple[Tensor, Tensor, Tensor]:
    """Run a float model in evaluation mode over a dataset: presence, boxes and classes, logits."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = [model(x.to(device)) for x in prepared(dataset, spec)]
    model.train(was_training)
    presence, box, classes = (torch.cat(column).cpu() for column in zip(*parts, strict=True))
    return presence, box, classes


def score_outputs(
    outputs: Sequence[NDArray[np.float32]], dataset: Dataset, decode: BoxDecode, spec: InputSpec
) -> LocalizationScore:
    """Decode the outputs for a dataset as the device does, and score them.

    Args:
        outputs: presence (N, 1), box (N, 4) and classes (N, labels), logits.
        dataset: the N samples, as `single_objects` returns them.
        decode: of the manifest.
        spec: how pictures become inputs.
    """
    found = []
    for index, sample in enumerate(dataset.samples):
        assert sample.size is not None
        one = [x[index : index + 1] for x in outputs]
        boxes = decode_location(one, decode, placement(sample.size, spec))
        found.append(found_of(boxes.boxes, boxes.classes))
    return score_locations(found, dataset.samples, dataset.classes)


def score_model(model: nn.Module, recipe: LocalizeRecipe, dataset: Dataset) -> LocalizationScore:
    """Score a float model.

    Args:
        model: of the recipe.
        recipe: resolved.
        dataset: as `single_objects` returns it.

    Raises:
        DataError: the model knows other classes.
    """
    if dataset.classes != recipe.data.classes:
        raise DataError(
            f"{dataset.name}: has the classes {', '.join(dataset.classes)}; the run knows "
            f"{', '.join(recipe.data.classes) or 'none'}"
        )
    outputs = [x.float().numpy() for x in infer(model, recipe.input, dataset)]
    return score_outputs(outputs, dataset, BoxDecode(labels=dataset.classes), recipe.input)


def open_splits(recipe: LocalizeRecipe, strict: bool) -> tuple[Dataset, Dataset, tuple[Fault, ...]]:
    """Open the training and the validation split of a recipe; see `open_both`."""
    return open_both(recipe.data, recipe.seed, single_objects, strict)


def _with_classes(recipe: LocalizeRecipe, train: Dataset, validation: Dataset) -> LocalizeRecipe:
    """Write the class names into the recipe; all sources must agree."""
    wanted = agreed_classes(recipe.data, train, validation)
    data = recipe.data.model_copy(update={"classes": wanted})
    return recipe.model_copy(update={"data": data})
