"""Puts small pictures with captions together to a sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edgecnn.data.synth.fonts import find_font

Picture = NDArray[np.uint8]
"""(H, W, 3) BGR."""

GAP = 4
"""White pixels around a tile."""
TEXT = 11
"""Pixels of the captions' font."""
LINE = 16
"""Height of a caption in pixels."""


def fit(image: NDArray[np.uint8], side: int) -> Picture:
    """Scale a picture, BGR or grey, to a longer side of ``side`` pixels, in BGR.

    Pixels stay square blocks where it is enlarged; it is averaged where it shrinks.
    """
    colour = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
    scale = side / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(colour, size, interpolation=method), np.uint8)


def write_line(text: str, width: int) -> Picture:
    """Return a white strip of `LINE` by ``width`` pixels with a line of text, cut where it ends."""
    font = _font()
    if font.getlength(text) > width:
        while text and font.getlength(text + "…") > width:
            text = text[:-1]
        text += "…"
    strip = Image.new("L", (width, LINE), 255)
    ImageDraw.Draw(strip).text((0, LINE - 4), text, fill=0, font=font, anchor="ls")
    return np.repeat(np.asarray(strip, np.uint8)[:, :, None], 3, axis=2)


def make_sheet(
    tiles: Sequence[Picture], captions: Sequence[str], columns: int, title: str
) -> Picture:
    """Arrange tiles of one size in rows, each over its caption, under a title.

    Args:
        tiles: (H, W, 3) BGR each.
        captions: one line for each tile.
        columns: tiles in a row.
        title: one line for the sheet.
    """
    pad = ((GAP, 0), (GAP, GAP), (0, 0))
    cells = [
        np.pad(np.vstack((tile, write_line(text, tile.shape[1]))), pad, constant_values=255)
        for tile, text in zip(tiles, captions, strict=True)
    ]
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % columns)
    rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    body = np.vstack(rows)
    head = np.pad(
        write_line(title, body.shape[1] - 2 * GAP),
        ((GAP, 0), (GAP, GAP), (0, 0)), constant_values=255,
    )  # fmt: skip
    return np.asarray(np.vstack((head, body)), np.uint8)


def square_columns(count: int) -> int:
    """Return the columns that make a sheet of ``count`` square tiles about square."""
    return math.ceil(math.sqrt(count))


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    # Of the fonts that pip brings, the one with the most letters.
    return ImageFont.truetype(str(find_font("matplotlib:DejaVuSans.ttf")), TEXT)
