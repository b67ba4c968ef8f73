"""The manifest: everything a device has to know about a model, in one strict schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveFloat, model_validator

SCHEMA_VERSION = 1

MANIFEST, GOLDEN, CARD, SIGNATURE = "manifest.json", "golden.npz", "card.md", "signature"
OWN_MEMBERS = frozenset({MANIFEST, GOLDEN, CARD, SIGNATURE})
"""What every bundle holds beside its variants (the signature where one was made)."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Member = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A file name inside the bundle: flat, no separators, no leading dot."""

Currency = Literal["KRW", "USD", "INR", "RUB", "JPY"]
Format = Literal["onnx", "tflite"]
Precision = Literal[
    "fp32", "fp16", "int8", "int8-symmetric", "int8-weights", "int8-dynamic", "int16x8"
]
"""What a person asks for; a variant's `scheme` says what the file holds."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSpec(_Strict):
    """What the network takes, and how a picture is turned into it."""

    width: int = Field(gt=0, le=8192)
    """Pixels."""
    height: int = Field(gt=0, le=8192)
    """Pixels."""
    channels: Literal[1, 3] = 3
    colour: Literal["rgb", "bgr", "grey"] = "rgb"
    layout: Literal["nhwc", "nchw"] = "nhwc"
    dtype: Literal["float32", "uint8"] = "float32"
    """uint8: pixels as they are; mean and std stand in the network."""
    mean: tuple[FiniteFloat, ...]
    """Subtracted, per channel, on the scale 0..255."""
    std: tuple[Annotated[FiniteFloat, Field(gt=0)], ...]
    """Divided by, per channel, on the scale 0..255."""
    resize: Literal["stretch", "letterbox", "none"] = "stretch"
    """stretch: to width x height, without keeping the aspect ratio; letterbox: as large as fits,
    at the top left, the rest grey; none: as it is, for a network that takes any picture of at
    least width x height (a smaller one gets grey at its right and bottom)."""
    interpolation: Literal["area", "linear"] = "area"
    """area falls back to linear where the picture is enlarged."""

    @model_validator(mode="after")
    def _consistent(self) -> InputSpec:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(
                f"mean and std need {self.channels} numbers each, got "
                f"{len(self.mean)} and {len(self.std)}"
            )
        if (self.colour == "grey") != (self.channels == 1):
            raise ValueError(f"colour {self.colour} does not fit {self.channels} channels")
        return self


class ReadDecode(_Strict):
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


class LabelsDecode(_Strict):
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


class MatchCurve(_Strict):
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


class VectorDecode(_Strict):
    """What an `embed` network gives: one vector per picture."""

    kind: Literal["vector"] = "vector"
    size: int = Field(gt=0, le=65_536)
    """Numbers in it."""
    curve: MatchCurve | None = None
    """None: nobody measured which vectors match, so that nothing can be decided with them."""


class TensorsDecode(_Strict):
    """The outputs of a network that edgecnn knows no task for; they are passed on as they are."""

    kind: Literal["tensors"] = "tensors"
    names: tuple[Annotated[str, Field(max_length=200)], ...] = Field(min_length=1, max_length=64)
    """In the order of the outputs."""


Labels = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
    Field(min_length=1, max_length=10_000),
]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


class Suppression(_Strict):
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


class AnchorsDecode(_Strict):
    """How to decode a `detect` network with anchors.

    Its outputs are, for each level in turn, boxes (1, rows x columns x anchors, 4, or 6 where
    oriented) and scores (1, the same, labels), as `edgecnn.vision.anchors` states.
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
    decoded: bool = False
    """Whether the network decodes: its two outputs are, for all levels together, boxes (1, places,
    4) as x1, y1, x2, y2 (or 5 as middle x, y, width, height, angle) in pixels of the input, and
    scores (1, places, labels) of 0..1."""
    suppression: Suppression = Suppression()

    @model_validator(mode="after")
    def _level_by_level(self) -> AnchorsDecode:
        if len(self.anchors) != len(self.strides) or not all(self.anchors):
            raise ValueError(
                f"expected anchors for each of {len(self.strides)} strides, got "
                f"{len(self.anchors)} levels"
            )
        return self


class WindowsDecode(_Strict):
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


class BoxDecode(_Strict):
    """How to decode a `localize` network: presence (1, 1), box (1, 4) and classes (1, labels).

    All are logits; the box is middle x, middle y, width and height, through a sigmoid shares of the
    input. See `edgecnn.vision.localize`.
    """

    kind: Literal["box"] = "box"
    labels: Labels
    """Names of the classes in the order of the outputs."""
    min_presence: Share = 0.5
    """Below this probability nothing is there."""


class PointsDecode(_Strict):
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
Task = Literal["read", "classify", "embed", "tensors", "detect", "localize", "landmarks"]

_KINDS_OF_TASK: dict[Task, tuple[str, ...]] = {
    "read": ("ctc",), "classify": ("labels",), "embed": ("vector",), "tensors": ("tensors",),
    "detect": ("anchors", "windows"), "localize": ("box",), "landmarks": ("points",),
}  # fmt: skip


class Parity(_Strict):
    """How closely a variant follows the float model, over the parity inputs."""

    samples: int = Field(gt=0)
    max_abs: FiniteFloat
    """Largest absolute difference of an output."""
    reference_max: FiniteFloat
    """Largest absolute output of the float model."""
    cosine: FiniteFloat
    """Least cosine similarity of a sample."""
    sqnr_db: FiniteFloat
    """Signal-to-quantization-noise ratio, decibels."""


class Metric(_Strict):
    """The task metric of a variant on the gate set."""

    name: str
    value: FiniteFloat
    samples: int = Field(gt=0)
    drop: FiniteFloat
    """Percentage points below the float model; negative when better."""
    drop_low: FiniteFloat
    """Lower end of the paired 95 % interval of the drop."""
    drop_high: FiniteFloat
    """Upper end."""


class Variant(_Strict):
    """One model file."""

    file: Member
    format: Format
    precision: Precision
    scheme: str = Field(max_length=100)
    """How it was quantized, by its true name."""
    sha256: Sha256
    bytes: int = Field(gt=0)
    metric: Metric
    parity: Parity
    excluded_layers: tuple[str, ...] = ()
    """Layers kept in float."""
    golden_bound: FiniteFloat = Field(gt=0)
    """Largest absolute difference from golden.npz that a replay may show."""


class Calibration(_Strict):
    """The data that set the ranges of the int8 variants."""

    id: str = Field(max_length=200)
    sha256: Sha256
    """Over the sorted hashes of its samples."""
    samples: int = Field(gt=0)


class Manifest(_Strict):
    """The manifest of a bundle."""

    schema_version: Literal[1] = 1
    name: Name
    task: Task
    architecture: str = Field(max_length=200)
    input: InputSpec
    decode: Decode
    variants: tuple[Variant, ...] = Field(min_length=1, max_length=32)
    """Preferred first."""
    golden_sha256: Sha256
    card_sha256: Sha256
    calibration: Calibration | None
    source_sha256: Sha256
    """Of the float checkpoint."""
    licence: str = Field(max_length=500)
    provenance: str = Field(max_length=2000)
    """Where the training data came from."""

    @model_validator(mode="after")
    def _fits_together(self) -> Manifest:
        files = [v.file for v in self.variants]
        if len(set(files)) != len(files) or OWN_MEMBERS & set(files):
            raise ValueError(f"variants share a file, or take one of the bundle's own: {files}")
        kinds = [(v.format, v.precision) for v in self.variants]
        if len(set(kinds)) != len(kinds):
            raise ValueError(f"two variants have the same format and precision: {kinds}")
        if self.decode.kind not in _KINDS_OF_TASK[self.task]:
            raise ValueError(f"task {self.task} is not decoded by {self.decode.kind}")
        fixed = [v.file for v in self.variants if v.format != "onnx"]
        if self.input.resize == "none" and fixed:
            raise ValueError(f"resize none: {fixed[0]} takes one size, only ONNX files take any")
        return self

    def to_json(self) -> bytes:
        """Serialize; equal manifests give equal bytes."""
        return (self.model_dump_json(indent=2) + "\n").encode()
