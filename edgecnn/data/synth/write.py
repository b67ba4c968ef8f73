"""Writes generated sets to disk, whole or not at all."""

from __future__ import annotations

import csv
import importlib.util
import io
import shutil
import tempfile
from pathlib import Path

import cv2
import yaml
from pydantic import ValidationError

from edgecnn.data.synth.lines import LineGenerator, LineProfile
from edgecnn.errors import DataError, InputError
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
    """Read a profile from yaml; the default one for None.

    Raises:
        DataError: not yaml, an unknown key or a value that does not fit.
    """
    if path is None:
        return default_profile()
    try:
        return LineProfile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(
            f"{path}: expected a yaml profile: {' '.join(str(error).split())}"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{path}: {place}: {first['msg']}; known keys: {', '.join(LineProfile.model_fields)}"
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
    try:
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder} is not empty: choose another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be made: {error.strerror}") from error
    try:
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(("file", "text", "currency"))
        for index in range(number):
            sample = generator(index)
            name = f"line-{index:06d}.png"
            if not cv2.imwrite(str(temporary / name), sample.image):
                raise DataError(f"{folder / name}: cannot be written: is the disk full?")
            writer.writerow((name, sample.text, sample.currency or ""))
        (temporary / "labels.csv").write_text(rows.getvalue(), encoding="utf-8")
        temporary.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return number
