"""The `landmarks` task on the host: recipe, loss and metric of N points per picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from edgecnn.bundle.decode import PointsDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.augment import AugmentOptions
from edgecnn.data.landmarks import mirror_pairs, truth_of, with_landmarks
from edgecnn.data.point_scoring import METRIC, PointScore, score_outputs
from edgecnn.data.samples import Dataset, Fault
from edgecnn.errors import DataError, RecipeError
from edgecnn.models import find_architecture
from edgecnn.models.base import ConvNet
from edgecnn.models.landmarks import LandmarkNet, LandmarkOptions, create_landmark_net
from edgecnn.train.landmark_losses import heatmap_loss, visibility_loss, wing_loss
from edgecnn.train.landmark_stream import LandmarkBatch, LandmarkStream, collate
from edgecnn.train.loading import load_batches
from edgecnn.train.pictures import prepared
from edgecnn.train.sections import BaseRecipe, Strict
from edgecnn.train.splits import open_both
from edgecnn.train.start import start
from edgecnn.train.tasks.base import Batch, Validation
from edgecnn.train.tasks.classify import ClassifierModel
from edgecnn.train.transfer import TransferSection, hold
from edgecnn.vision.placement import placement
from edgecnn.vision.points import to_shares


class LandmarkData(Strict):
    """What trains and what chooses."""

    train: str
    """A DATASET, PATH[:split]."""
    validation: str | Annotated[float, Field(gt=0, lt=1)]
    """A DATASET; or the share of the training split that is held back."""
    points: tuple[str, ...] = ()
    """Filled in by the first run: the names behind the indices of the outputs."""
    workers: int = Field(2, ge=0)
    """Processes that prepare pictures."""
    augment: AugmentOptions = AugmentOptions()
    """Where pictures are mirrored and no mirror_pairs are given, left and right in the names of
    the points tell them."""


class LandmarkModel(ClassifierModel):
    """The network: a backbone and a head."""

    method: Literal["heatmap", "regression"] = "heatmap"
    """heatmap is the default because it was the more exact of the two with the same budget: see
    tests/bench/face_points.py."""
    channels: int = Field(64, gt=0, le=4096)
    """Of the head."""
    map_stride: Literal[2, 4, 8, 16] = 4
    """heatmap: pixels of the input per cell."""


class LandmarkLoss(Strict):
    """The loss of the places by method, plus that of the visibility."""

    sigma: float = Field(1.0, gt=0)
    """heatmap: of the Gaussian about a point, cells of the map."""
    wing: float = Field(10.0, gt=0)
    """regression: errors below so many pixels of the input count by their logarithm."""
    wing_curvature: float = Field(2.0, gt=0)
    """regression: pixels; the smaller, the more small errors count."""
    visibility: float = Field(1.0, ge=0)
    """Weight of the visibility."""


class LandmarksRecipe(BaseRecipe):
    """Everything a run depends on that finds N points in a picture."""

    task: Literal["landmarks"] = "landmarks"
    model: LandmarkModel
    loss: LandmarkLoss = LandmarkLoss()
    transfer: TransferSection = TransferSection()
    normalizer: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] | None = None
    """Two points, by index from 0, whose distance errors are measured in, such as the eyes; by
    default the picture's diagonal."""
    data: LandmarkData

    @model_validator(mode="after")
    def _fits(self) -> LandmarksRecipe:
        if self.init is not None and self.model.weights is not None:
            raise ValueError("init and model.weights both say where to start: give one")
        if self.input.resize == "none":
            raise ValueError("input.resize: landmarks need one size: stretch or letterbox")
        if self.transfer.cache is not None:
            raise ValueError("transfer.cache is for the task classify: here the points move")
        return self

    @property
    def network(self) -> str:
        """What the network is, for a card."""
        return f"{self.model.text}, {self.model.method} head of {self.model.channels} channels"

    @property
    def decode(self) -> PointsDecode:
        """How the outputs are read; the points are known."""
        return PointsDecode(
            names=self.data.points, method=self.model.method, normalizer=self.normalizer
        )


def build_landmarks(recipe: LandmarksRecipe) -> LandmarkNet:
    """Build the network of a recipe whose points are known, with random weights."""
    section, spec = recipe.model, recipe.input
    options = dict(section.options)
    if spec.channels != find_architecture(section.architecture).input_shape[0]:
        options.setdefault("in_channels", spec.channels)
    return create_landmark_net(
        LandmarkOptions(
            section.architecture, len(recipe.data.points),
            (spec.channels, spec.height, spec.width), section.method, section.channels,
            section.map_stride, options,
        )
    )  # fmt: skip


class LandmarksTask:
    """Trains a finder of points."""

    metric = METRIC
    unit = "pictures"

    def __init__(self, recipe: LandmarksRecipe, strict: bool) -> None:
        train, validation, self.faults = open_splits(recipe, strict)
        self.recipe = _resolved(recipe, train, validation)
        self.epoch_samples = len(train.samples)
        self._train, self._validation = train, validation
        self._truth = truth_of(validation, self.recipe.normalizer)
        self.notices = tuple(f"{f.file}: {f.kind}: {f.detail}: left out" for f in self.faults)

    def build(self) -> LandmarkNet:
        """Build the network with the weights it starts from, and freeze what a transfer says."""
        model = build_landmarks(self.recipe)
        self.notices += start(model, _backbone(model), self.recipe, self._train)
        return model

    def trained(self, model: nn.Module) -> nn.Module:
        """Return the whole network."""
        return model

    def base(self, model: nn.Module) -> tuple[nn.Module | None, float]:
        """Return the backbone, and its share of the learning rate."""
        return _backbone(model), self.recipe.transfer.rate

    def hold(self, model: nn.Module) -> None:
        """Keep what is frozen in evaluation mode."""
        hold(_backbone(model), self.recipe.transfer)

    def batches(self, start: int, rank: int, world: int) -> Iterable[LandmarkBatch]:
        """Return this process's batches from picture ``start`` of the shuffled stream on."""
        options, data = self.recipe.optimizer, self.recipe.data
        total = options.samples or (options.epochs or 0) * self.epoch_samples
        stream = LandmarkStream(self._train, self.recipe.input, data.augment, self.recipe.seed)
        yield from load_batches(
            stream, collate, start, total, options.batch, rank, world, data.workers
        )

    def loss(self, model: nn.Module, batch: Batch, progress: float) -> Tensor:
        """Return the mean loss of a batch."""
        assert isinstance(batch, LandmarkBatch)
        return _loss(model(batch.pixels), batch, self.recipe)

    def validate(self, model: nn.Module) -> Validation:
        """Return `METRIC` and the mean loss on the validation split."""
        outputs = infer_points(model, self.recipe.input, self._validation)
        spec = self.recipe.input
        found = score_outputs(outputs, self.recipe.decode, spec, self._truth)
        places = np.stack([
            to_shares(xy, placement((int(size[0]), int(size[1])), spec))
            for xy, size in zip(self._truth.places, self._truth.sizes, strict=True)
        ])  # fmt: skip
        visible = torch.from_numpy(self._truth.visible.astype(np.float32))
        batch = LandmarkBatch(torch.zeros(0), torch.from_numpy(places), visible)
        first, second = (torch.from_numpy(x) for x in outputs)
        return Validation(found.pck_5, float(_loss((first, second), batch, self.recipe)))


def _loss(outputs: tuple[Tensor, Tensor], batch: LandmarkBatch, recipe: LandmarksRecipe) -> Tensor:
    options = recipe.loss
    if recipe.model.method == "heatmap":
        of_places = heatmap_loss(outputs[0], batch.places, batch.visible, options.sigma)
    else:
        size = (recipe.input.height, recipe.input.width)
        of_places = wing_loss(outputs[0], batch.places, batch.visible, size,
                              options.wing, options.wing_curvature)  # fmt: skip
    return of_places + options.visibility * visibility_loss(outputs[1], batch.visible)


@torch.no_grad()
def infer_points(
    model: nn.Module, spec: InputSpec, dataset: Dataset
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run a float model in evaluation mode over a dataset: maps or places, and visibility."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = [[y.cpu().numpy() for y in model(x.to(device))] for x in prepared(dataset, spec)]
    model.train(was_training)
    first, second = (np.concatenate(column) for column in zip(*parts, strict=True))
    return first, second


def _backbone(model: nn.Module) -> ConvNet:
    return cast(ConvNet, cast(LandmarkNet, model).backbone)


def open_splits(
    recipe: LandmarksRecipe, strict: bool
) -> tuple[Dataset, Dataset, tuple[Fault, ...]]:
    """Open the training and the validation split of a recipe; see `open_both`."""
    return open_both(recipe.data, recipe.seed, with_landmarks, strict)


def _resolved(recipe: LandmarksRecipe, train: Dataset, validation: Dataset) -> LandmarksRecipe:
    """Write the points and their mirror pairs into the recipe; all sources must agree."""
    wanted = recipe.data.points or train.points
    for dataset in (train, validation):
        if dataset.points != wanted:
            raise RecipeError(
                f"data: {dataset.name} has the points {', '.join(dataset.points)}; expected "
                f"{', '.join(wanted)}, in this order"
            )
    augment = recipe.data.augment
    if augment.mirror and not augment.mirror_pairs:
        augment = augment.model_copy(update={"mirror_pairs": mirror_pairs(wanted)})
    highest = max((i for pair in augment.mirror_pairs for i in pair), default=0)
    if highest >= len(wanted):
        raise RecipeError(
            f"data.augment.mirror_pairs: expected points 0..{len(wanted) - 1}, got {highest}"
        )
    data = recipe.data.model_copy(update={"points": wanted, "augment": augment})
    return recipe.model_copy(update={"data": data})


def evaluate_points(model: nn.Module, recipe: LandmarksRecipe, dataset: Dataset) -> PointScore:
    """Score a float model on pictures that can all be read and have every point.

    Raises:
        DataError: the dataset has other points.
    """
    if dataset.points != recipe.data.points:
        raise DataError(
            f"{dataset.name}: has the points {', '.join(dataset.points)}; the run knows "
            f"{', '.join(recipe.data.points)}"
        )
    outputs = infer_points(model, recipe.input, dataset)
    truth = truth_of(dataset, recipe.normalizer)
    return score_outputs(outputs, recipe.decode, recipe.input, truth)
