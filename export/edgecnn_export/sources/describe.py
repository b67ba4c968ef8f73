"""What a person says of a network that edgecnn did not train: ``--preprocess`` and ``--input``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from edgecnn.bundle.decode import Decode, LabelsDecode, TensorsDecode, VectorDecode
from edgecnn.bundle.manifest import InputSpec, Task
from edgecnn.errors import InputError
from edgecnn_export.sources.base import Facts

Shape = tuple[int, int, int]
"""Channels, height, width."""

_TASKS: dict[str, Task] = {
    "ctc": "read", "labels": "classify", "vector": "embed", "tensors": "tensors",
}  # fmt: skip


class Description(BaseModel):
    """How pictures become inputs of a foreign network, and what its outputs are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    colour: Literal["rgb", "bgr", "grey"] | None = None
    """rgb where there are three channels, grey where there is one."""
    mean: tuple[FiniteFloat, ...] = (0.0,)
    """Subtracted, on the scale 0..255; one number, or one per channel."""
    std: tuple[FiniteFloat, ...] = (1.0,)
    """Divided by, on the scale 0..255."""
    interpolation: Literal["area", "linear"] = "area"
    resize: Literal["stretch", "letterbox"] = "stretch"
    """letterbox: keep the aspect ratio, as what finds things in pictures of any shape wants."""
    task: Literal["classify", "embed", "tensors"] | None = None
    """classify: the outputs are logits of ``labels``; embed: one vector; tensors: anything."""
    labels: tuple[str, ...] = ()
    """Names of the classes in the order of the outputs."""
    name: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")
    licence: str = "not stated"
    provenance: str = "not stated"
    shape: Shape | None = None
    """``--input``; by default what the source itself says."""

    def spec(self, found: Shape | None, layout: Literal["nhwc", "nchw"]) -> InputSpec:
        """Return the input section of the manifest.

        Args:
            found: the shape that the source itself states, if any.
            layout: in which the network takes it.

        Raises:
            InputError: no shape is known, or mean and std do not fit the channels.
        """
        shape = self.shape or found
        if shape is None:
            raise InputError("the input's size is not known: give --input C,H,W")
        if found is not None and shape != found:
            raise InputError(f"--input {_text(shape)}: the network takes {_text(found)}")
        channels, height, width = shape
        if channels not in (1, 3):
            raise InputError(f"expected pictures of 1 or 3 channels, got {channels}")
        try:
            return InputSpec(
                width=width, height=height, channels=channels,
                colour=self.colour or ("grey" if channels == 1 else "rgb"), layout=layout,
                mean=self.mean * channels if len(self.mean) == 1 else self.mean,
                std=self.std * channels if len(self.std) == 1 else self.std,
                interpolation=self.interpolation, resize=self.resize,
            )  # fmt: skip
        except ValidationError as error:
            raise InputError(f"--preprocess: {error.errors()[0]['msg']}") from error

    def facts(self, name: str, decode: Decode, spec: InputSpec, source: str, sha256: str) -> Facts:
        """Return what the bundle says."""
        usable = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:64] or "foreign"
        return Facts(
            self.name or usable, _TASKS[decode.kind], spec, f"foreign: {source}"[:200],
            self.licence, self.provenance, sha256,
        )  # fmt: skip


def _text(shape: Shape) -> str:
    return ",".join(map(str, shape))


def load_description(path: Path | None, shape: Shape | None) -> Description:
    """Read ``--preprocess FILE.yaml``; without one, pixels go in as they are, 0..255.

    Raises:
        InputError: no such file, or not such a file; the message names the key.
    """
    content: object = {}
    if path is not None:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: cannot read the description: {reason}") from error
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: expected keys such as mean and std, got {type(content).__name__}"
        )
    try:
        return Description.model_validate({**content, "shape": shape})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        known = ", ".join(k for k in Description.model_fields if k != "shape")
        raise InputError(f"{path}: {key}: {first['msg']} (keys: {known})") from error


def decode_of(
    description: Description, shapes: tuple[tuple[int, ...], ...], names: tuple[str, ...]
) -> Decode:
    """Return how the outputs are read: as described, else as their shapes suggest.

    Raises:
        InputError: the outputs do not fit the described task.
    """
    flat = len(shapes) == 1 and len(shapes[0]) == 2
    if description.labels:
        if not flat or shapes[0][1] != len(description.labels):
            raise InputError(
                f"{len(description.labels)} labels do not fit outputs of shape {shapes}"
            )
        return LabelsDecode(labels=description.labels)
    if description.task == "embed":
        if not flat:
            raise InputError(f"task embed needs one output (1, D), got {shapes}")
        return VectorDecode(size=shapes[0][1])
    return TensorsDecode(names=names)
