"""The recipe of a detector, and the network and decoder it stands for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from edgecnn.bundle.decode import AnchorsDecode, Suppression
from edgecnn.models.detector import Detector, DetectorOptions
from edgecnn.train.sections import BaseRecipe, Strict
from edgecnn.train.tasks.classify import ClassifierModel, PictureData
from edgecnn.train.transfer import TransferSection


class DetectorModel(ClassifierModel):
    """The network: a backbone, a pyramid of some strides, and heads."""

    channels: int = Field(96, gt=0)
    """Of the pyramid."""
    strides: tuple[Annotated[int, Field(gt=0)], ...] = (8, 16, 32)
    """Pixels per cell of each level."""
    oriented: bool = False
    """Give boxes at any angle."""
    points: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        (), max_length=100
    )
    """Names of points that each box has, as the data names them; not with ``oriented``."""


class AnchorSection(Strict):
    """Anchor boxes; the first run finds them in its training split."""

    per_level: int = Field(2, gt=0, le=16)
    sizes: tuple[tuple[tuple[PositiveFloat, PositiveFloat], ...], ...] = ()
    """Width and height in pixels of the input, for each level."""


class DetectLoss(Strict):
    """Weights of the parts of the loss; that of the scores is 1."""

    box: float = Field(2.0, ge=0)
    angle: float = Field(1.0, ge=0)
    points: float = Field(2.0, ge=0)
    wing: float = Field(0.1, gt=0)
    """Errors of points below this share of the anchor's side count by their logarithm."""
    wing_curvature: float = Field(0.02, gt=0)
    """A share likewise; the smaller, the more small errors count."""


class DetectRecipe(BaseRecipe):
    """Everything a run depends on that finds labelled boxes."""

    task: Literal["detect"] = "detect"
    model: DetectorModel
    anchors: AnchorSection = AnchorSection()
    loss: DetectLoss = DetectLoss()
    transfer: TransferSection = TransferSection()
    suppression: Suppression = Suppression()
    """What the bundle's decoder gives."""
    data: PictureData

    @model_validator(mode="after")
    def _fits(self) -> DetectRecipe:
        coarsest = self.model.strides[-1]
        if self.input.width % coarsest or self.input.height % coarsest:
            raise ValueError(
                f"input: expected sides that are multiples of {coarsest}, the largest stride, got "
                f"{self.input.width} x {self.input.height}"
            )
        if any(
            b != 2 * a for a, b in zip(self.model.strides, self.model.strides[1:], strict=False)
        ):
            raise ValueError(f"model.strides: expected doubling ones, got {self.model.strides}")
        if self.anchors.sizes and len(self.anchors.sizes) != len(self.model.strides):
            raise ValueError("anchors.sizes: expected one row for each of model.strides")
        if self.transfer.cache is not None or self.transfer.train == "classifier":
            raise ValueError("transfer: a detector has no classifier to train alone: all or late")
        if self.model.points and self.model.oriented:
            raise ValueError("model.points: oriented boxes have none: give one of the two")
        if self.init is not None and self.model.weights is not None:
            raise ValueError("init and model.weights both say where to start: give one")
        return self

    @property
    def network(self) -> str:
        """What the network is, for a card."""
        levels = ", ".join(map(str, self.model.strides))
        turned = ", oriented boxes" if self.model.oriented else ""
        turned += f", {len(self.model.points)} points" if self.model.points else ""
        return f"{self.model.text}; pyramid of {self.model.channels} at {levels}{turned}"


def build_detector(recipe: DetectRecipe) -> Detector:
    """Build the network of a recipe whose classes and anchors are known, with random weights."""
    model = recipe.model
    return Detector(
        DetectorOptions(
            model.architecture, len(recipe.data.classes),
            tuple(len(level) for level in recipe.anchors.sizes), model.strides, model.channels,
            model.oriented, len(model.points), recipe.input.channels, model.options,
        )
    )  # fmt: skip


def decode_rules(recipe: DetectRecipe) -> AnchorsDecode:
    """Return how the outputs of a recipe's network are decoded."""
    return AnchorsDecode(
        labels=recipe.data.classes, strides=recipe.model.strides, anchors=recipe.anchors.sizes,
        oriented=recipe.model.oriented, points=recipe.model.points,
        suppression=recipe.suppression,
    )  # fmt: skip
