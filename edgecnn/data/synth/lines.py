"""Draws labelled pictures of serial-number lines: the training, validation and test material.

Line ``i`` of a seed depends on (seed, i) alone, so any number of processes draw the same set.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from edgecnn.data.samples import LineSample
from edgecnn.data.synth import degrade
from edgecnn.data.synth.backgrounds import FAMILIES, paint
from edgecnn.data.synth.fonts import PIP_FONTS, Face, load_face
from edgecnn.data.synth.pixels import spread
from edgecnn.data.synth.typeset import Style, typeset
from edgecnn.errors import DataError
from edgecnn.vision.serials import CYRILLIC, DIGITS, GRAMMARS, LATIN, Pattern

Rng = np.random.Generator

INKS_BGR = {
    "KRW": ((40, 30, 190), (60, 45, 40), (90, 50, 30)),
    "USD": ((70, 110, 45), (60, 90, 40), (45, 60, 35)),
    "INR": ((40, 35, 45), (45, 30, 180), (60, 35, 110)),
    "RUB": ((40, 35, 185), (70, 85, 60), (60, 75, 35)),
    "JPY": ((45, 40, 40), (35, 60, 105), (105, 55, 40)),
}
"""Ink colours as the notes print them: red, black, green, brown, navy."""

_NEEDS = {c: (CYRILLIC if c == "RUB" else LATIN) + DIGITS for c in GRAMMARS}


class LineProfile(BaseModel):
    """What a generated set looks like; a recipe records it whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fonts: tuple[str, ...] = Field(PIP_FONTS, min_length=1)
    backgrounds: tuple[str, ...] = Field(
        ("plain", "waves", "lattice", "blotch", "microtext", "moire"), min_length=1
    )
    guilloche: degrade.Range = (2.0, 24.0)
    """Amplitude of each of one to three background patterns, in grey levels."""
    camera: degrade.Camera = degrade.Camera()
    tracking: degrade.Range = (-0.03, 0.3)
    """Extra space between characters, as a share of a capital's height."""
    wide_tracking: degrade.Range = (0.15, 0.5)
    """The same for the widely set lines of USD and KRW."""
    gap: degrade.Range = (0.0, 1.0)
    """Space where the note prints one, likewise."""
    growth: degrade.Range = (0.6, 0.88)
    """Size of the first numeral of a growing line, as a share of the last."""
    above: degrade.Range = (-0.02, 0.5)
    """Paper over and under the print, as a share of a capital's height: what a detector leaves."""
    beside: degrade.Range = (-0.02, 0.8)
    """Paper before and after it, likewise."""
    contrast: float = Field(40.0, ge=0, le=200)
    """Least difference between ink and paper, in grey levels."""
    clutter: float = Field(0.45, ge=0, le=1)
    """Share of lines with neighbouring print, strips or scratches."""
    drill: float = Field(0.0, ge=0, le=1)
    """Share of lines in which letters stand for about half of the digits: no serial of any note,
    but practice for the letters, of which real serials have few."""
    negatives: float = Field(0.0, ge=0, le=1)
    """Share of lines that hold nothing to read: upside down, or no print at all."""
    currencies: tuple[str, ...] = Field(tuple(GRAMMARS), min_length=1)
    """They take turns."""


class LineGenerator:
    """Draws lines of one profile; line ``index`` is always the same picture."""

    def __init__(self, profile: LineProfile, seed: int) -> None:
        self.profile = profile
        self.seed = seed
        faces = [load_face(name) for name in profile.fonts]
        _require("background", profile.backgrounds, tuple(FAMILIES))
        _require("currency", profile.currencies, tuple(GRAMMARS))
        self._faces = {c: [f for f in faces if f.covers(_NEEDS[c])] for c in profile.currencies}
        for currency, able in self._faces.items():
            if not able:
                raise DataError(
                    f"none of the {len(faces)} fonts has every character of {currency}: "
                    f"add one to fonts, for example {PIP_FONTS[0]}"
                )

    def __call__(self, index: int) -> LineSample:
        """Draw line ``index``; currencies take turns."""
        rng = np.random.default_rng([self.seed, index])
        return self._line(index, f"{self.seed}-{index:06d}", rng, rng)

    def view(self, index: int, frame: int) -> LineSample:
        """Draw the print of line ``index`` as a video's frame shows it.

        Serial, font, ink, wear and paper are those of the line; light, tilt, blur, noise and
        compression are drawn anew for each frame.
        """
        moment = np.random.default_rng([self.seed, index, frame])
        name = f"{self.seed}-{index:06d}-{frame:04d}"
        return self._line(index, name, np.random.default_rng([self.seed, index]), moment)

    def _line(self, index: int, name: str, rng: Rng, moment: Rng) -> LineSample:
        currency = self.profile.currencies[index % len(self.profile.currencies)]
        patterns = GRAMMARS[currency].patterns
        pattern = patterns[int(rng.integers(len(patterns)))]
        text = pattern.sample(rng)
        if self.profile.drill and rng.random() < self.profile.drill:
            text = _drill(text, currency, rng)
        negative = rng.random() < self.profile.negatives
        turned = negative and rng.random() < 0.6
        blank = negative and not turned
        image, centres = self._draw(currency, pattern, "" if blank else text, rng, moment)
        if negative:
            turn = np.ascontiguousarray(image[::-1, ::-1]) if turned else image
            return LineSample(name, turn, "", None)
        return LineSample(name, image, text, currency, centres=centres)

    def _draw(
        self, currency: str, pattern: Pattern, text: str, rng: Rng, moment: Rng
    ) -> tuple[NDArray[np.uint8], tuple[float, ...]]:
        """Print by ``rng``, then photograph by ``moment``."""
        camera = self.profile.camera
        glyph_px = float(np.exp(rng.uniform(*np.log(camera.glyph_px))))
        faces = self._faces[currency]
        face = faces[int(rng.integers(len(faces)))]
        style = _style(self.profile, currency, face, glyph_px, rng)
        print_mask, centres = typeset(text, pattern, style, rng)
        mask, corners, offset = _frame(print_mask, style.cap_px, self.profile, rng)
        paper = _paper(currency, rng)
        height, width = mask.shape
        image = paint(height, width, self.profile.backgrounds, self.profile.guilloche, paper, rng)
        if rng.random() < self.profile.clutter:
            _clutter(image, style, rng)
        if currency == "INR" and rng.random() < 0.3:
            _inset(image, style, rng)
        _ink(image, mask, _ink_colour(currency, paper, self.profile.contrast, rng), rng)
        image = degrade.shade(image, camera, moment)
        places = np.array([[c + offset[0], offset[1] + style.cap_px / 2] for c in centres])
        image, seen = _photograph(image, corners, places, glyph_px / style.cap_px, camera, moment)
        image = degrade.blur(image, glyph_px, camera, moment)
        return degrade.sense(image, camera, moment), tuple(float(x) for x in seen)


# Letters that look like a digit teach nothing where a digit should stand.
_DRILL = {
    c: "".join(x for x in (CYRILLIC if c == "RUB" else LATIN) if x not in "OIОоЗз")
    for c in GRAMMARS
}


def _drill(text: str, currency: str, rng: Rng) -> str:
    letters = _DRILL[currency]
    return "".join(
        letters[int(rng.integers(len(letters)))] if c in DIGITS and rng.random() < 0.5 else c
        for c in text
    )


def _require(what: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    if unknown := [g for g in given if g not in known]:
        raise DataError(f"unknown {what} {unknown[0]!r}: expected one of {', '.join(known)}")


def _style(profile: LineProfile, currency: str, face: Face, glyph_px: float, rng: Rng) -> Style:
    growing = {"INR": 0.75, "RUB": 0.35}.get(currency, 0.05)
    growth = rng.uniform(*profile.growth) if rng.random() < growing else 1.0
    wide = currency in {"USD", "KRW"} and rng.random() < 0.6
    return Style(
        face=face,
        cap_px=int(np.clip(glyph_px * 1.15, 16, 44)),
        growth=float(growth),
        tracking=float(rng.uniform(*(profile.wide_tracking if wide else profile.tracking))),
        gap=float(rng.uniform(*profile.gap)),
    )


def _frame(
    print_mask: NDArray[np.uint8], cap: int, profile: LineProfile, rng: Rng
) -> tuple[NDArray[np.uint8], NDArray[np.float32], tuple[int, int]]:
    """Surround the print with paper.

    The canvas is a little larger than the crop, so that a tilted view hardly looks past it.

    Returns:
        The canvas, the crop's corners (4, 2) in it, and where the print's top left stands in it.
    """
    height, width = print_mask.shape
    top, bottom = rng.uniform(*profile.above, 2) * cap
    left, right = rng.uniform(*profile.beside, 2) * cap
    x0, y0 = left + 0.15 * cap, top + 0.15 * cap
    x1, y1 = x0 + width + right, y0 + height + bottom
    x, y = max(0, round(x0)), max(0, round(y0))
    x0, y0 = x0 - left, y0 - top
    canvas = np.zeros((round(y1 + 0.15 * cap) + 1, round(x1 + 0.15 * cap) + 1), np.uint8)
    canvas[y : y + height, x : x + width] = print_mask[: canvas.shape[0] - y, : canvas.shape[1] - x]
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
    return canvas, corners, (x, y)


def _paper(currency: str, rng: Rng) -> NDArray[np.float32]:
    level = rng.uniform(125, 245)
    cast = rng.uniform(-32, 22, 3)
    return np.clip(level + cast, 60, 250).astype(np.float32)


def _ink_colour(
    currency: str, paper: NDArray[np.float32], contrast: float, rng: Rng
) -> NDArray[np.float32]:
    """Pick an ink, darkened until it stands out from the paper."""
    inks = INKS_BGR[currency]
    ink = np.array(inks[int(rng.integers(len(inks)))], np.float32) + rng.uniform(-25, 60)
    ink = np.clip(ink + rng.uniform(-20, 20, 3), 5, 230)
    weights = np.array([0.114, 0.587, 0.299])
    excess = float(ink @ weights) - (float(paper @ weights) - contrast * rng.uniform(1, 1.6))
    return np.asarray(np.clip(ink - max(0.0, excess), 0, 255), np.float32)


def _ink(
    image: NDArray[np.float32], mask: NDArray[np.uint8], colour: NDArray[np.float32], rng: Rng
) -> None:
    """Print ``colour`` through ``mask``, in place, unevenly and sometimes worn."""
    alpha = mask.astype(np.float32) * np.float32(rng.uniform(0.72, 1.0) / 255)
    if rng.random() < 0.35:
        small = rng.uniform(0.45, 1.2, (int(rng.integers(3, 9)), int(rng.integers(8, 50))))
        size = (mask.shape[1], mask.shape[0])
        worn = cv2.resize(small.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        alpha *= np.minimum(worn, 1)
    image *= 1 - spread(alpha, (1, 1, 1))
    image += spread(alpha, colour.tolist())


def _clutter(image: NDArray[np.float32], style: Style, rng: Rng) -> None:
    """Add what stands around a serial: other print, a security strip, scratches; in place."""
    height, width = image.shape[:2]
    cap = style.cap_px
    tone = tuple(float(c) for c in rng.uniform(20, 235, 3))
    kind = rng.random()
    if kind < 0.3:  # print above or below, cut by the crop
        row = int(cap * rng.uniform(0.2, 0.72)) if rng.random() < 0.5 else height - cap // 4
        word = "".join(chr(int(c)) for c in rng.integers(65, 91, int(rng.integers(3, 14))))
        start = (int(rng.uniform(0, 0.7) * width), row)
        _stamp(image, word, start, cap / 32, tone, 1.0)
    elif kind < 0.55:  # security strip
        left, broad = rng.uniform(0, width), rng.uniform(0.15, 1.6) * cap
        strip = image[:, int(left) : int(left + broad)]
        strip += (np.array(tone, np.float32) - strip) * np.float32(rng.uniform(0.15, 0.6))
    elif kind < 0.8:  # lines and arcs of the design
        for _ in range(int(rng.integers(1, 5))):
            centre = (int(rng.uniform(0, width)), int(rng.uniform(-1, 2) * height))
            axes = (int(rng.uniform(0.5, 6) * cap), int(rng.uniform(0.5, 3) * cap))
            thick = int(rng.integers(1, max(2, cap // 14)))
            cv2.ellipse(image, centre, axes, 0, 0, 360, tone, thick, cv2.LINE_AA)
    else:  # a dark shape at one end: emblem, numeral or the note's edge
        reach = rng.uniform(0.2, 0.95) * cap
        x = reach if rng.random() < 0.5 else width - reach
        towards = 0.0 if x == reach else float(width)
        points = np.array([[towards, 0], [x, rng.uniform(0, height)], [towards, height]], np.int32)
        cv2.fillPoly(image, [points], tone, cv2.LINE_AA)


def _inset(image: NDArray[np.float32], style: Style, rng: Rng) -> None:
    """Print the pale inset letter that Indian notes carry behind the digits; in place."""
    height, width = image.shape[:2]
    cap = style.cap_px
    letter = "ABCEFGLMNPQR"[int(rng.integers(12))]
    start = (int(rng.uniform(0.25, 0.8) * width), int(height / 2 + 0.7 * cap))
    _stamp(image, letter, start, cap / 15, (40.0, 40.0, 40.0), float(rng.uniform(0.05, 0.3)))


def _stamp(
    image: NDArray[np.float32], word: str, start: tuple[int, int], scale: float,
    tone: tuple[float, ...], strength: float,
) -> None:  # fmt: skip
    """Print foreign text over the picture, in place."""
    layer = np.zeros(image.shape[:2], np.uint8)
    cv2.putText(layer, word, start, cv2.FONT_HERSHEY_DUPLEX, scale, 255, 2, cv2.LINE_AA)
    alpha = layer[:, :, None].astype(np.float32) * np.float32(strength / 255)
    image += alpha * (np.array(tone, np.float32) - image)


def _photograph(
    image: NDArray[np.float32], corners: NDArray[np.float32], places: NDArray[np.float64],
    scale: float, camera: degrade.Camera, rng: Rng,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:  # fmt: skip
    """Look at the crop from a slight angle, at the wanted size.

    Returns:
        The view, and the x of each of ``places`` in it as a share of its width.
    """
    line = float(corners[3, 1] - corners[0, 1])
    seen = corners + rng.uniform(*camera.tilt, (4, 2)).astype(np.float32) * line
    width = max(16, round(float(corners[1, 0] - corners[0, 0]) * scale * rng.uniform(0.88, 1.15)))
    height = max(8, round(line * scale))
    grown = (width, height) if scale >= 1 else (round(width / scale), round(height / scale))
    target = np.array([[0, 0], [grown[0], 0], grown, [0, grown[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(seen, target)
    view = cv2.warpPerspective(image, matrix, grown, flags=cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    if grown != (width, height):
        view = cv2.resize(view, (width, height), interpolation=cv2.INTER_AREA)
    homogeneous = np.column_stack((places.reshape(-1, 2), np.ones(len(places)))) @ matrix.T
    return np.asarray(view, np.float32), homogeneous[:, 0] / homogeneous[:, 2] / grown[0]
