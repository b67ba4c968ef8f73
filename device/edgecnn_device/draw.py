"""Draws what was found onto a copy of its picture, readable at any size of it."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edgecnn.vision.ctc import SerialReading
from edgecnn.vision.placement import Size
from edgecnn_device.tasks import Box, Label, Landmarks, Result
from edgecnn_device.tasks.classify import TOP

READABLE = 320
"""Pixels: a picture whose longer side is less is enlarged; a narrower one gets a margin."""
LEAST_HEIGHT = 64
"""Pixels: a lower picture gets a margin below, so that a name need not stand on what it names."""
CAPTION_LINES = {"classify": TOP, "read": 1}
"""Lines that stand below the picture by task, whether or not there is something to say: so all
frames of a video are of one size."""

Colour = tuple[int, int, int]
_GROUND = 40
"""Grey level of margins and captions."""
_GOLDEN = 0.618034
"""Of a turn of hues from one class to the next: no two near ones look alike."""


def draw(
    image: NDArray[np.uint8], results: Iterable[Result], caption_lines: int = 0
) -> NDArray[np.uint8]:
    """Return a new picture that shows the results.

    Boxes and quads stand on the picture with label and score, the best on top, and points as dots,
    of landmarks those that can be seen; labels of the whole picture and read texts stand below it.

    Args:
        image: (H, W, 3) BGR, is left as it is.
        results: of one picture, in its pixels.
        caption_lines: room below the picture for at least so many lines, see `CAPTION_LINES`.

    Returns:
        (H', W', 3) BGR: the picture at the top left, enlarged by a whole number where it is small,
        margins where it is narrow or low, and the caption. Its size depends on that of the picture
        and on the lines alone.
    """
    found = list(results)
    height, width = image.shape[:2]
    scale = max(1, -(-READABLE // max(height, width)))
    canvas = _with_margins(image.repeat(scale, axis=0).repeat(scale, axis=1))
    captions = [caption for result in found if (caption := _caption(result))]
    for result in reversed(found):
        _mark(canvas, result, scale)
    return _with_captions(canvas, captions, max(caption_lines, len(captions)))


def mark_quad(
    canvas: NDArray[np.uint8], corners: NDArray[np.float64], text: str, colour: Colour
) -> None:
    """Draw a quad onto a picture itself, with its text at the top corner.

    Args:
        canvas: (H, W, 3) BGR, is changed.
        corners: (4, 2) x, y in its pixels; what is outside is cut.
        text: empty for none.
        colour: BGR.
    """
    _outline(canvas, corners, colour)
    if text:
        _tag(canvas, text, corners, colour)


def class_colour(index: int) -> Colour:
    """Return the colour of a class, BGR, the same in every picture."""
    red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN % 1, 0.85, 0.95)
    return round(255 * blue), round(255 * green), round(255 * red)


def _mark(canvas: NDArray[np.uint8], result: Result, scale: int) -> None:
    """Draw what has a place in the picture; a new kind of result gets its case here."""
    match result:
        case Box():
            x1, y1, x2, y2 = result.box
            quad = result.quad or ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
            corners = scale * np.asarray(quad, np.float64)
            colour = class_colour(result.index)
            _outline(canvas, corners, colour)
            name = f"{result.label} {result.score:.2f}"
            _tag(canvas, name, corners, colour)
            for index, (x, y) in enumerate(result.points):
                _dot(canvas, scale * (x + 0.5), scale * (y + 0.5), index)
        case Landmarks():
            for index, point in enumerate(result.points):
                if point.score >= 0.5:
                    _dot(canvas, scale * (point.x + 0.5), scale * (point.y + 0.5), index)


def _caption(result: Result) -> str:
    """Return what is said of the picture as a whole; empty where nothing is."""
    match result:
        case Label():
            return f"{result.label} {result.score:.2f}"
        case SerialReading():
            return f"{result.currency} {result.text} {result.confidence:.2f}"
    return ""


def _with_margins(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    bottom, right = max(0, LEAST_HEIGHT - image.shape[0]), max(0, READABLE - image.shape[1])
    return np.pad(image, ((0, bottom), (0, right), (0, 0)), constant_values=_GROUND)


def _unit(canvas: NDArray[np.uint8]) -> float:
    """Return the size that lines and letters follow: the middle one of the sides, in pixels."""
    return float(np.sqrt(canvas.shape[0] * canvas.shape[1]))


def _outline(canvas: NDArray[np.uint8], corners: NDArray[np.float64], colour: Colour) -> None:
    """Draw a closed line through corners (N, 2), in eighths of a pixel; what is outside is cut."""
    # A corner far away would not fit into OpenCV's 32 bits; 4 sides of the picture is far enough.
    far = 4.0 * max(canvas.shape[:2])
    points = np.rint(8 * (np.clip(corners, -far, far) - 0.5)).astype(np.int32)
    width = max(1, round(_unit(canvas) / 250))
    cv2.polylines(canvas, [points[:, None]], True, colour, width, cv2.LINE_AA, shift=3)


def _dot(canvas: NDArray[np.uint8], x: float, y: float, index: int) -> None:
    """Fill a circle with a dark rim; one outside the picture is cut."""
    far = 4.0 * max(canvas.shape[:2])
    x, y = (float(np.clip(v, -far, far)) - 0.5 for v in (x, y))
    radius = max(2.0, _unit(canvas) / 120)
    place = round(8 * x), round(8 * y)
    for size, colour in ((1.4 * radius, (_GROUND,) * 3), (radius, class_colour(index))):
        cv2.circle(canvas, place, round(8 * size), colour, -1, cv2.LINE_AA, shift=3)


def _tag(
    canvas: NDArray[np.uint8], text: str, corners: NDArray[np.float64], colour: Colour
) -> None:
    """Write text above the top corner, else below the lowest, or as near as there is room."""
    pixels = _written(text, max(11, round(_unit(canvas) / 40)), colour)
    height, width = (min(a, b) for a, b in zip(pixels.shape, canvas.shape[:2], strict=False))
    top, lowest = corners[corners[:, 1].argmin()], corners[corners[:, 1].argmax()]
    above = top[1] >= height or lowest[1] + height > canvas.shape[0]
    left, upper = (top[0], top[1] - height) if above else (corners[:, 0].min(), lowest[1])
    x = int(np.clip(left, 0, canvas.shape[1] - width))
    y = int(np.clip(upper, 0, canvas.shape[0] - height))
    canvas[y : y + height, x : x + width] = pixels[:height, :width]


def _with_captions(canvas: NDArray[np.uint8], captions: list[str], lines: int) -> NDArray[np.uint8]:
    if not lines:
        return canvas
    size = max(13, round(_unit(canvas) / 30))
    rows = [_written(text, size, (_GROUND,) * 3) for text in captions]
    step = _written("", size, (_GROUND,) * 3).shape[0]
    below = np.full((lines * step, canvas.shape[1], 3), _GROUND, np.uint8)
    for line, row in enumerate(rows):
        width = min(row.shape[1], below.shape[1])
        below[line * step : line * step + step, :width] = row[:, :width]
    return np.concatenate((canvas, below))


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a font of this height in pixels: one with Cyrillic letters where there is one."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def _written(text: str, size: int, ground: Colour) -> NDArray[np.uint8]:
    """Return text on a ground of one colour, (H, W, 3) BGR; H depends on the size alone."""
    font, margin = _font(size), max(2, size // 5)
    box: Size = (round(font.getlength(text)) + 2 * margin, size + 3 * margin)
    dark = ground[0] * 0.11 + ground[1] * 0.59 + ground[2] * 0.3 < 140
    image = Image.new("RGB", box, ground)  # red and blue change places: for OpenCV
    ink = (255, 255, 255) if dark else (0, 0, 0)
    ImageDraw.Draw(image).text((margin, margin // 2), text, ink, font)
    return np.asarray(image, np.uint8)
