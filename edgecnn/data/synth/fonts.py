"""Finds fonts by name in the packages that bring them; none is in this repository.

A font is named ``pillow:default``, ``matplotlib:FILE`` or ``apt:PACKAGE:FILE``, so that a recipe
records where each came from and an error can say what to install.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from edgecnn.errors import DataError

SYSTEM_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/share/texmf/fonts"))

PIP_FONTS = (
    "matplotlib:DejaVuSerif.ttf",
    "matplotlib:DejaVuSerif-Bold.ttf",
    "matplotlib:STIXGeneral.ttf",
    "matplotlib:STIXGeneralBol.ttf",
)
"""Serif fonts with Cyrillic letters that pip brings; training leaves them to validation."""


@lru_cache(maxsize=1)
def _system_fonts() -> dict[str, Path]:
    return {
        path.name: path
        for folder in SYSTEM_FOLDERS
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in {".ttf", ".otf"}
    }


def find_font(name: str) -> Path | None:
    """Return the file of a named font; None stands for Pillow's built-in font.

    Raises:
        DataError: no such font is installed; the message says which package brings it.
    """
    origin, _, rest = name.partition(":")
    if origin == "pillow" and rest == "default":
        return None
    if origin == "matplotlib":
        spec = importlib.util.find_spec("matplotlib")
        if spec is None or not spec.submodule_search_locations:
            raise DataError(f"font {name} comes with matplotlib: pip install 'edgecnn[train]'")
        path = Path(spec.submodule_search_locations[0]) / "mpl-data/fonts/ttf" / rest
        if path.is_file():
            return path
        raise DataError(f"font {name}: the installed matplotlib has no {rest}")
    if origin == "apt":
        package, _, file = rest.partition(":")
        found = _system_fonts().get(file)
        if found is None:
            raise DataError(f"font {file} is not installed: apt-get install {package}")
        return found
    raise DataError(f"font {name}: expected pillow:default, matplotlib:FILE or apt:PACKAGE:FILE")


class Face:
    """One font, drawn a character at a time; sizes are given as the height of a capital."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = find_font(name)
        em = self._load(200)
        top, bottom = em.getbbox("0", anchor="ls")[1::2]
        self._em_per_cap = 200 / max(1.0, float(bottom - top))
        self._missing = bytes(em.getmask("\U0010fffe"))
        self.glyph = lru_cache(maxsize=4096)(self._glyph)

    def _load(self, size: int) -> ImageFont.FreeTypeFont:
        if self._path is None:
            font = ImageFont.load_default(size)
            if not isinstance(font, ImageFont.FreeTypeFont):
                raise DataError("Pillow was built without FreeType: install a wheel from PyPI")
            return font
        try:
            return ImageFont.truetype(str(self._path), size)
        except OSError as error:
            raise DataError(f"font {self.name}: the file is no font: {error}") from error

    @lru_cache(maxsize=256)  # noqa: B019  a face lives as long as its process
    def _sized(self, cap_px: int) -> ImageFont.FreeTypeFont:
        return self._load(max(4, round(cap_px * self._em_per_cap)))

    def covers(self, characters: Iterable[str]) -> bool:
        """Tell whether the font really draws every one of ``characters``."""
        em = self._load(200)
        return all((mask := bytes(em.getmask(c))) and mask != self._missing for c in characters)

    def _glyph(self, char: str, cap_px: int) -> tuple[NDArray[np.uint8], int, int, float]:
        """Return (coverage H x W, left bearing px, top above baseline px, advance px)."""
        font = self._sized(cap_px)
        left, top = font.getbbox(char, anchor="ls")[:2]
        mask = font.getmask(char, mode="L")
        width, height = mask.size
        pixels = np.asarray(mask, dtype=np.uint8).reshape(height, width)
        return pixels, int(left), -int(top), float(font.getlength(char))


@lru_cache(maxsize=256)
def load_face(name: str) -> Face:
    """Return the (cached) face of a named font."""
    return Face(name)
