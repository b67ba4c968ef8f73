"""Where pretrained weights come from, as a recipe states it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgecnn.errors import CheckpointError

Layout = Literal["edgecnn", "torchvision", "timm", "tflite"]


class WeightsSource(BaseModel):
    """A file of weights, here or behind a url."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path | None = None
    """A file; a relative one is looked for as given, then under the folder EDGECNN_DATA."""
    url: str | None = None
    """An https address; http only on this machine itself."""
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    """Hash of the file in lower-case hex; a url needs it."""
    layout: Layout = "edgecnn"
    """Whose names the tensors bear; ``edgecnn`` is a checkpoint of `edgecnn train`."""
    allow_pickle: bool = False
    """Whether a torch ``.pth`` or ``.pt`` file may be read."""

    @model_validator(mode="after")
    def _one_place(self) -> WeightsSource:
        if (self.path is None) == (self.url is None):
            raise ValueError("expected one of path and url")
        if self.url is not None and self.sha256 is None:
            raise ValueError("a url needs the sha256 of the file behind it")
        return self


def find_file(path: Path) -> Path:
    """Return where a file of weights lies.

    Args:
        path: absolute, or relative to the working folder or to the folder EDGECNN_DATA.

    Raises:
        CheckpointError: it lies in neither.
    """
    data = os.environ.get("EDGECNN_DATA")
    places = [path] if path.is_absolute() or not data else [path, Path(data) / path]
    for place in places:
        if place.is_file():
            return place
    raise CheckpointError(
        f"{path}: no such file of weights: looked for {' and '.join(map(str, places))}"
    )
