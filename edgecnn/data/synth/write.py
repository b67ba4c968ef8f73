"""Writes generated sets to disk, whole or not at all."""

from __future__ import annotations

import csv
import importlib.util
import io
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from edgecnn.data.synth.lines import LineGenerator, LineProfile
from edgecnn.errors import DataError
from edgecnn.files import new_folder
from edgecnn.vision.serials import GRAMMARS


def default_profile() -> LineProfile:
    """Return the profile for the fonts at hand.

    Without matplotlib only Pillow's own font is there; it has no Cyrillic, so RUB is left out.
    """
    if importlib.util.find_spec("matplotlib") is not None:
        return LineProfile()
    latin = tuple(c for c in GRAMMARS if c != "RUB")
    return LineProfile(fonts=("pillow:default",), currencies=latin)


def load_profile(path: Path | None) -> LineProfile:
    """Read a profile of lines from yaml; the default one for None.

    Raises:
        DataError: not yaml, an unknown key or a value that does not fit.
    """
    return default_profile() if path is None else read_profile(path, LineProfile)


_Profile = TypeVar("_Profile", bound=BaseModel)


def read_profile(path: Path, kind: type[_Profile]) -> _Profile:
    """Read a profile of some kind from yaml.

    Raises:
        DataError: not yaml, an unknown key or a value that does not fit.
    """
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(
            f"{path}: expected a yaml profile: {' '.join(str(error).split())}"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: {place}: {first['msg']}; known keys: {', '.join(kind.model_fields)}"
        ) from error


def write_lines(folder: Path, number: int, seed: int, profile: LineProfile) -> int:
    """Write ``number`` pictures (PNG) and their labels.csv.

    Args:
        folder: must not exist, or be empty.
        number: how many.
        seed: of the generator.
        profile: what they look like.

    Returns:
        How many were written.

    Raises:
        InputError: the folder holds something.
    """
    generator = LineGenerator(profile, seed)
    with new_folder(folder) as temporary:
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(("file", "text", "currency"))
        for index in range(number):
            sample = generator(index)
            name = f"line-{index:06d}.png"
            write_png(temporary / name, sample.image)
            writer.writerow((name, sample.text, sample.currency or ""))
        (temporary / "labels.csv").write_text(rows.getvalue(), encoding="utf-8")
    return number


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture.

    Raises:
        DataError: it cannot be written.
    """
    if not cv2.imwrite(str(path), image):
        raise DataError(f"{path}: cannot be written: is the disk full?")
