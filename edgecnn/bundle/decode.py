"""How a network's outputs become results: one section for each kind of output."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, PositiveFloat, model_validator

from edgecnn.bundle.strict import Strict

Currency = Literal["KRW", "USD", "INR", "RUB", "JPY"]


class ReadDecode(Strict):
    """How to decode the columns of a `read` network."""

    kind: Literal["ctc"] = "ctc"
    charset: str = Field(min_length=1, max_length=512)
    """Characters of output 1, 2, ...; output 0 is the CTC blank."""
    currencies: tuple[Currency, ...] = Field(min_length=1, max_length=5)
    """Currencies whose grammars may explain a reading."""
    min_confidence: FiniteFloat = Field(ge=0, le=1)
    """Below this a reading is withheld."""

    @model_validator(mode="after")
    def _distinct(self) -> ReadDecode:
        if len(set(self.charset)) != len(self.charset):
            raise ValueError("a character stands in the charset twice")
        return self


class LabelsDecode(Strict):
    """How to turn the outputs of a `classify` network into labels."""

    kind: Literal["labels"] = "labels"
    labels: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        min_length=2, max_length=10_000
    )
    """Names of the classes in the order of the outputs."""
    activation: Literal["softmax", "sigmoid"] = "softmax"
    """sigmoid: one output, the logit of the second of two classes."""

    @model_validator(mode="after")
    def _two_for_a_sigmoid(self) -> LabelsDecode:
        if self.activation == "sigmoid" and len(self.labels) != 2:
            raise ValueError(f"sigmoid needs two labels, got {len(self.labels)}")
        return self


class MatchCurve(Strict):
    """Which cosine similarity two different people exceed how rarely; see `vision.matching`."""

    points: tuple[
        tuple[
            Annotated[FiniteFloat, Field(gt=0, le=1)], Annotated[FiniteFloat, Field(ge=-1, le=1)]
        ],
        ...,
    ] = Field(min_length=1, max_length=100)
    """False-match rate and the similarity above which two vectors match at it; rates fall, and
    similarities never do."""
    pairs: int = Field(ge=3)
    """Of different people, that were compared."""
    people: int = Field(ge=2)
    """Who made those pairs."""
    data: str = Field(min_length=1, max_length=500)
    """What it was measured on."""
    default_fmr: Annotated[FiniteFloat, Field(gt=0, le=1)]
    """Rate at which to decide where none is asked for."""

    @model_validator(mode="after")
    def _falls_to_its_end(self) -> MatchCurve:
        rates, scores = zip(*self.points, strict=True)
        if sorted(set(rates), reverse=True) != list(rates) or sorted(scores) != list(scores):
            raise ValueError("points: expected falling rates and similarities that never fall")
        if self.end < 3 / self.pairs * (1 - 1e-6):
            raise ValueError(
                f"points: {self.pairs} pairs say nothing of rates below 3 / {self.pairs}, got "
                f"{self.end:g}"
            )
        if self.default_fmr < self.end:
            raise ValueError(f"default_fmr: {self.default_fmr:g} is below the end, {self.end:g}")
        return self

    @property
    def end(self) -> float:
        """The lowest rate that was measured."""
        return self.points[-1][0]


class VectorDecode(Strict):
    """What an `embed` network gives: one vector per picture."""

    kind: Literal["vector"] = "vector"
    size: int = Field(gt=0, le=65_536)
    """Numbers in it."""
    curve: MatchCurve | None = None
    """None: nobody measured which vectors match, so that nothing can be decided with them."""


class TensorsDecode(Strict):
    """The outputs of a network that edgecnn knows no task for; they are passed on as they are."""

    kind: Literal["tensors"] = "tensors"
    names: tuple[Annotated[str, Field(max_length=200)], ...] = Field(min_length=1, max_length=64)
    """In the order of the outputs."""


Labels = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
    Field(min_length=1, max_length=10_000),
]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class Suppression(Strict):
    """Which of many candidates are given."""

    min_score: Share = 0.25
    """Candidates below are dropped first."""
    top_k: int = Field(1000, gt=0, le=100_000)
    """The best so many are compared with each other."""
    iou: Share = 0.5
    """Of two that overlap by more, the better stays."""
    across: bool = False
    """Compare boxes of different classes too."""
    soft: bool = False
    """Lower the score of what overlaps (Gaussian soft-NMS) in place of dropping it."""
    max_found: int = Field(300, gt=0, le=100_000)
    """At most so many are given, the best first."""


class AnchorsDecode(Strict):
    """How to decode a `detect` network with anchors.

    Its outputs are, for each level in turn, boxes (1, rows x columns x anchors, 4, or 8 where
    oriented, or 4 and 2 for each point) and scores (1, the same, labels), as
    `edgecnn.vision.anchors` states.
    """

    kind: Literal["anchors"] = "anchors"
    labels: Labels
    """Names of the classes in the order of the scores."""
    strides: tuple[Annotated[int, Field(gt=0, le=1024)], ...] = Field(min_length=1, max_length=8)
    """Pixels of the input per cell, for each level."""
    anchors: tuple[tuple[tuple[PositiveFloat, PositiveFloat], ...], ...] = Field(
        min_length=1, max_length=8
    )
    """Width and height in pixels of the input, for each level."""
    oriented: bool = False
    """Whether boxes lie at any angle."""
    points: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        (), max_length=100
    )
    """Names of the points that each box has, in their order; () for none."""
    decoded: bool = False
    """Whether the network decodes: its two outputs are, for all levels together, boxes (1, places,
    4) as x1, y1, x2, y2 (or 5 as middle x, y, width, height, angle) in pixels of the input, with x,
    y of each point behind, and scores (1, places, labels) of 0..1."""
    suppression: Suppression = Suppression()

    @model_validator(mode="after")
    def _level_by_level(self) -> AnchorsDecode:
        if len(self.anchors) != len(self.strides) or not all(self.anchors):
            raise ValueError(
                f"expected anchors for each of {len(self.strides)} strides, got "
                f"{len(self.anchors)} levels"
            )
        if self.points and self.oriented:
            raise ValueError("points: oriented boxes have none: give one of the two")
        return self

    @property
    def numbers(self) -> int:
        """How many a place gives behind its scores: four of its box, and what there is more."""
        return 4 + 4 * self.oriented + 2 * len(self.points)


class WindowsDecode(Strict):
    """How to decode a `detect` network that is a classifier slid over the picture.

    Its output is (1, outputs of the classifier, rows, columns); the window at row i and column j
    has its top left at j, i times the stride. See `edgecnn.vision.windows`.
    """

    kind: Literal["windows"] = "windows"
    labels: Labels
    """Names of the classes in the order of the outputs."""
    activation: Literal["softmax", "sigmoid"] = "softmax"
    background: tuple[str, ...] = ()
    """Classes that mean that nothing is there."""
    window: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]
    """Height and width in pixels of the input that one position sees."""
    stride: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]
    """Pixels down and across from one position to the next."""
    suppression: Suppression = Suppression()

    @model_validator(mode="after")
    def _known_classes(self) -> WindowsDecode:
        if not set(self.background) <= set(self.labels):
            raise ValueError(f"background: {self.background} are not all labels")
        if self.activation == "sigmoid" and len(self.labels) != 2:
            raise ValueError(f"sigmoid needs two labels, got {len(self.labels)}")
        return self


class BoxDecode(Strict):
    """How to decode a `localize` network: presence (1, 1), box (1, 4) and classes (1, labels).

    All are logits; the box is middle x, middle y, width and height, through a sigmoid shares of the
    input. See `edgecnn.vision.localize`.
    """

    kind: Literal["box"] = "box"
    labels: Labels
    """Names of the classes in the order of the outputs."""
    min_presence: Share = 0.5
    """Below this probability nothing is there."""


class PointsDecode(Strict):
    """How to decode a `landmarks` network."""

    kind: Literal["points"] = "points"
    names: Labels
    """Of the points, in their order."""
    method: Literal["heatmap", "regression"]
    """heatmap: maps (1, points, rows, columns) and visibility (1, points); regression: places
    (1, points x 2) and visibility (1, points); as `edgecnn.vision.points` states."""
    normalizer: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] | None = None
    """Points, by index, whose distance errors are given in, such as the eyes; None: the picture's
    diagonal."""

    @model_validator(mode="after")
    def _two_of_them(self) -> PointsDecode:
        if self.normalizer is not None and (
            max(self.normalizer) >= len(self.names) or len(set(self.normalizer)) != 2
        ):
            raise ValueError(
                f"normalizer: expected two of the points 0..{len(self.names) - 1}, got "
                f"{self.normalizer}"
            )
        return self


Decode = Annotated[
    ReadDecode | LabelsDecode | VectorDecode | TensorsDecode | AnchorsDecode | WindowsDecode
    | BoxDecode | PointsDecode,
    Field(discriminator="kind"),
]  # fmt: skip
