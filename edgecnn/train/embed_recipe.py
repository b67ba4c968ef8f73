"""The recipe of the `embed` task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edgecnn.data.augment import AugmentOptions
from edgecnn.models import find_architecture
from edgecnn.models.embed_heads import HeadKind
from edgecnn.models.embedder import (
    Embedder,
    EmbedderOptions,
    Pooling,
    create_embedder,
    layer_shapes,
)
from edgecnn.train.embed_losses import Choice, Form
from edgecnn.train.sections import BaseRecipe, Strict
from edgecnn.train.tasks.classify import ClassifierModel
from edgecnn.train.transfer import TransferSection


class EmbedData(Strict):
    """Whose pictures train and choose; each class of a set is a person, and nobody is in both."""

    train: str
    """A DATASET, PATH[:split]."""
    validation: str | Annotated[float, Field(gt=0, lt=1)]
    """A DATASET; or the share of the training split, by people, that is held back."""
    workers: int = Field(2, ge=0)
    """Processes that prepare pictures."""
    augment: AugmentOptions = AugmentOptions()
    pictures_each: int = Field(4, gt=0)
    """Of a person in a step: `optimizer.batch` is a multiple of it. Not for `distill`, which sees
    every picture equally often."""
    least: int = Field(1, gt=0)
    """People with fewer pictures do not train."""
    teacher: str | None = None
    """distill: what a teacher says, relative to where the training is started: an .npz of its
    vectors of the pictures, see `load_teacher`, or the .onnx itself, see `OnlineTeacher`."""
    people: int = Field(0, ge=0)
    """Filled in by the first run: how many train. Their names are written nowhere."""


class EmbedModel(ClassifierModel):
    """The network."""

    size: int = Field(128, gt=1, le=4096)
    """Numbers in a vector."""
    pooling: Pooling = "depthwise"
    """How a feature map becomes one place, see `EmbedderOptions`."""
    mirror: bool = False
    """Whether the vector of a picture is that of its mirror image, too: twice the work."""


class EmbedLoss(Strict):
    """What is learned from a batch; a key that belongs to another kind is left alone."""

    kind: Literal["siamese", "triplet", "binary", "margin_softmax", "distill"]
    """siamese: cross-entropy on same or different from the L2 distance of each pair; binary: the
    same from |a - b|, number by number; triplet: a margin between a person's own pictures and
    others'; margin_softmax: who it is, made harder; distill: the angle to a teacher's vector."""
    choice: Choice = "semi_hard"
    """triplet: which of a batch, see `choose_triplets`."""
    form: Form = "arcface"
    """margin_softmax: where the margin goes."""
    margin: float | None = Field(None, gt=0, lt=2)
    """triplet: of squared distances, 0.2; arcface: radians, 0.5; cosface: of cosines, 0.35."""
    scale: float = Field(32.0, gt=0)
    """margin_softmax: of the cosines."""
    hint: float = Field(0.0, ge=0, le=100)
    """distill: weight of the error to the last map that a teacher in .onnx gives, see `hint_loss`;
    0: vectors alone."""
    hint_channels: int = Field(0, ge=0, le=8192)
    """Of that map; filled in from the file."""
    stages: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """distill: layers of the backbone behind which the maps of a teacher in .onnx belong, the last
    one included; each stage between them then learns by itself, see `Embedder.taught`. Such a run
    is a start for one that learns as a whole."""

    @property
    def width(self) -> float:
        """The margin, or the default of its paper."""
        defaults = {"arcface": 0.5, "cosface": 0.35}
        default = 0.2 if self.kind == "triplet" else defaults[self.form]
        return default if self.margin is None else self.margin


class EmbedRecipe(BaseRecipe):
    """Everything a run depends on that turns a picture of a person into a vector."""

    task: Literal["embed"] = "embed"
    model: EmbedModel
    loss: EmbedLoss
    transfer: TransferSection = TransferSection()
    data: EmbedData

    @model_validator(mode="after")
    def _fits(self) -> EmbedRecipe:
        options, distils = self.optimizer, self.loss.kind == "distill"
        if self.transfer.cache is not None:
            raise ValueError("transfer.cache is for the task classify: here all of it learns")
        if self.init is not None and self.model.weights is not None:
            raise ValueError("init and model.weights both say where to start: give one")
        if self.input.resize == "none":
            raise ValueError("input.resize: expected stretch or letterbox, got none")
        if distils != (self.data.teacher is not None):
            raise ValueError("data.teacher goes with loss.kind: distill, which needs it")
        asked = distils and str(self.data.teacher).endswith(".onnx")
        if (self.loss.hint or self.loss.stages) and not asked:
            raise ValueError(
                "loss.hint, loss.stages: expected kind distill with an .onnx for data.teacher"
            )
        if self.loss.hint and self.loss.stages:
            raise ValueError("loss.hint, loss.stages: give one: stages learn from every map")
        if options.batch < 2 or options.batch % (1 if distils else self.data.pictures_each):
            raise ValueError(
                f"optimizer.batch: expected a multiple of data.pictures_each, "
                f"{self.data.pictures_each}, got {options.batch}"
            )
        if (options.samples or 0) % options.batch:
            raise ValueError(
                f"optimizer.samples: expected whole steps of {options.batch}, got {options.samples}"
            )
        return self

    @property
    def network(self) -> str:
        """What the network is, for a card."""
        return f"{self.model.text}, {self.model.pooling} pooling to {self.model.size} numbers"


_HEADS: dict[str, HeadKind] = {
    "siamese": "distance", "binary": "difference", "margin_softmax": "cosine",
}  # fmt: skip


def build_embedder(recipe: EmbedRecipe) -> Embedder:
    """Build the network of a recipe whose people are counted, with random weights."""
    return create_embedder(options_of(recipe))


def map_shapes(recipe: EmbedRecipe) -> tuple[tuple[int, int, int], ...]:
    """Return channels, rows and columns behind each layer of a recipe's backbone."""
    return layer_shapes(options_of(recipe))


def options_of(recipe: EmbedRecipe) -> EmbedderOptions:
    """Return what a recipe's network is built from."""
    spec, options = recipe.input, dict(recipe.model.options)
    if spec.channels != find_architecture(recipe.model.architecture).input_shape[0]:
        options.setdefault("in_channels", spec.channels)
    return EmbedderOptions(
        recipe.model.architecture, (spec.channels, spec.height, spec.width), recipe.model.size,
        recipe.model.pooling, options, _HEADS.get(recipe.loss.kind, "none"), recipe.data.people,
        recipe.loss.hint_channels if recipe.loss.hint else 0, recipe.model.mirror,
    )  # fmt: skip
