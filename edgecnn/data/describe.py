"""The yaml that describes a set: where it is, its classes, and how it is divided."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from edgecnn.errors import DataError

Share = Annotated[float, Field(gt=0, lt=1)]


class CropsSection(BaseModel):
    """Windows that are cut out of the pictures, see `edgecnn.data.crops`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: tuple[str, ...] = Field(min_length=1)
    """The wanted ones, in the order of their ids; objects of others are background."""
    looks: int = Field(1, gt=0, le=100)
    """Windows for each object, at most."""
    empty: Share = 0.5
    """Share of the windows that show no wanted object."""
    span: tuple[Annotated[float, Field(ge=1)], Annotated[float, Field(ge=1)]] = (1.5, 3.0)
    """Side of a window as a multiple of its object's longer side, drawn evenly; at most the
    picture's shorter side."""
    margin: float = Field(0.0, ge=0)
    """Pixels between a window and the wanted objects that it does not show, at least."""
    seed: int = Field(0, ge=0)


class DatasetFile(BaseModel):
    """A dataset as a yaml states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = "."
    """``PATH[:split]``, looked for beside the yaml and then under ``$EDGECNN_DATA``."""
    kind: Literal["coco", "csv", "folder", "idx", "voc"] | None = None
    """Told from the content where it is not given."""
    classes: tuple[str, ...] = ()
    """Names in the order of their ids; by default those that the set itself has."""
    split: dict[str, Share] | None = None
    """Name and share of each part that the set is divided into; the shares add up to 1."""
    seed: int = Field(0, ge=0)
    """Of the division."""
    crops: CropsSection | None = None
    """The set is windows cut from the pictures, after these were divided."""

    @field_validator("classes")
    @classmethod
    def _named_once(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(classes)) != len(classes):
            raise ValueError("expected each class once")
        return classes

    @field_validator("split")
    @classmethod
    def _whole(cls, split: dict[str, float] | None) -> dict[str, float] | None:
        if split is not None and abs(sum(split.values()) - 1) > 1e-6:
            raise ValueError(f"expected shares that add up to 1, got {sum(split.values()):g}")
        return split


def load_dataset_file(path: Path) -> DatasetFile:
    """Read the description of a set.

    Raises:
        DataError: not yaml, an unknown key or a value that does not fit; names the key.
    """
    try:
        return DatasetFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        one_line = " ".join(str(error).split())
        raise DataError(f"{path}: expected a yaml that describes a set: {one_line}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "top"
        raise DataError(
            f"{path}: {place}: {first['msg']}; known keys: {', '.join(DatasetFile.model_fields)}"
        ) from error
