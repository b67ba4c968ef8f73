"""The manifest: everything a device has to know about a model, in one strict schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from edgecnn.bundle.decode import Decode
from edgecnn.bundle.strict import Strict

SCHEMA_VERSION = 1

MANIFEST, GOLDEN, CARD, SIGNATURE = "manifest.json", "golden.npz", "card.md", "signature"
OWN_MEMBERS = frozenset({MANIFEST, GOLDEN, CARD, SIGNATURE})
"""What every bundle holds beside its variants (the signature where one was made)."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Member = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A file name inside the bundle: flat, no separators, no leading dot."""

Format = Literal["onnx", "tflite"]
Precision = Literal[
    "fp32", "fp16", "int8", "int8-symmetric", "int8-weights", "int8-dynamic", "int16x8"
]
"""What a person asks for; a variant's `scheme` says what the file holds."""


class InputSpec(Strict):
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


Task = Literal["read", "classify", "embed", "tensors", "detect", "localize", "landmarks"]

_KINDS_OF_TASK: dict[Task, tuple[str, ...]] = {
    "read": ("ctc",), "classify": ("labels",), "embed": ("vector",), "tensors": ("tensors",),
    "detect": ("anchors", "windows"), "localize": ("box",), "landmarks": ("points",),
}  # fmt: skip


class Parity(Strict):
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


class Metric(Strict):
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


class Variant(Strict):
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


class Calibration(Strict):
    """The data that set the ranges of the int8 variants."""

    id: str = Field(max_length=200)
    sha256: Sha256
    """Over the sorted hashes of its samples."""
    samples: int = Field(gt=0)


class Manifest(Strict):
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
