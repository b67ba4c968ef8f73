"""Draws one flat note: its face, its serial numbers, and what years of use did to it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.fonts import Face
from edgecnn.data.synth.notes.artwork import paint_face
from edgecnn.data.synth.notes.designs import Bgr, NoteDesign, SerialPlace
from edgecnn.data.synth.notes.wear import wear
from edgecnn.data.synth.pixels import spread
from edgecnn.data.synth.typeset import Style, typeset
from edgecnn.vision.serials import GRAMMARS, Pattern

Rng = np.random.Generator

MARGIN = 1 / 3
"""A serial's quad is its print grown by so much of a capital's height on every side."""
_SHIFT = 2.5
"""mm by which a serial may stand off its place."""
_SET = 32
"""Capital height in pixels at which print is set before it is scaled to the note."""


@dataclass(frozen=True)
class Look:
    """What notes may be drawn with."""

    faces: tuple[Face, ...]
    """Fonts of the serials that have all the currency's characters."""
    words: tuple[Face, ...]
    """Fonts of everything else."""
    families: tuple[str, ...]
    """Background patterns."""
    contrast: float
    """Least difference between ink and paper, in grey levels."""
    wear: float
    """0: fresh from the press; 1: as worn as it gets."""


@dataclass(frozen=True, eq=False)
class FlatNote:
    """A note seen straight on."""

    image: NDArray[np.float32]
    """(H, W, 3) BGR, about 0..255."""
    currency: str
    text: str
    """Canonical serial; empty on a back."""
    serials: NDArray[np.float32]
    """(N, 4, 2) corners of the serials, in pixels of the image."""


def draw_note(design: NoteDesign, scale: float, back: bool, look: Look, rng: Rng) -> FlatNote:
    """Draw a note.

    Args:
        design: its kind.
        scale: pixels per mm.
        back: draw a side without serials.
        look: fonts, patterns and wear.
        rng: the source of every choice.
    """
    image = paint_face(design, scale, look.families, list(look.words), rng)
    text, quads = "", np.zeros((0, 4, 2), np.float32)
    if not back:
        pattern = _pattern(design, rng)
        text = pattern.sample(rng)
        style = _style(design, look.faces[int(rng.integers(len(look.faces)))], rng)
        found = [
            _print_serial(image, text, pattern, place, style, scale, look.contrast, rng)
            for place in design.serials
        ]
        quads = np.array(found, np.float32)
    return FlatNote(wear(image, scale, look.wear, rng), design.currency, text, quads)


def _pattern(design: NoteDesign, rng: Rng) -> Pattern:
    forms = [p for p in GRAMMARS[design.currency].patterns if p.name in design.forms]
    return forms[int(rng.integers(len(forms)))]


def _style(design: NoteDesign, face: Face, rng: Rng) -> Style:
    wide = design.currency in {"USD", "KRW"} and rng.random() < 0.6
    tracking = rng.uniform(0.1, 0.4) if wide else rng.uniform(-0.02, 0.25)
    return Style(face, _SET, 1.0, float(tracking), float(rng.uniform(0.1, 0.9)))


def _print_serial(
    image: NDArray[np.float32], text: str, pattern: Pattern, place: SerialPlace, style: Style,
    scale: float, contrast: float, rng: Rng,
) -> NDArray[np.float32]:  # fmt: skip
    """Print one serial, in place; returns its corners (4, 2)."""
    growth = float(rng.uniform(0.55, 0.85)) if place.growing else 1.0
    own = Style(style.face, style.cap_px, growth, style.tracking, style.gap)
    mask, _ = typeset(text, pattern, own, rng)
    cap = place.cap * rng.uniform(0.85, 1.12) * scale
    natural = mask.shape[1] * cap / _SET
    length = natural * float(np.clip(place.length * scale / natural, 0.85, 1.2))
    height = max(4, round(mask.shape[0] * cap / _SET))
    small = cv2.resize(mask, (max(16, round(length)), height), interpolation=cv2.INTER_AREA)
    rows, columns = np.flatnonzero(small.max(1) > 60), np.flatnonzero(small.max(0) > 60)
    small = small[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    shift = rng.uniform(-_SHIFT, _SHIFT, 2)
    x = round((place.x + shift[0]) * scale)
    y = round((place.y + shift[1]) * scale - small.shape[0] / 2)
    x = int(np.clip(x, 1, max(1, image.shape[1] - small.shape[1] - 1)))
    y = int(np.clip(y, 1, max(1, image.shape[0] - small.shape[0] - 1)))
    _clear(image, (x, y, small.shape[1], small.shape[0]), cap, rng)
    part = image[y : y + small.shape[0], x : x + small.shape[1]]
    small = np.asarray(small[: part.shape[0], : part.shape[1]])
    _ink(part, small, place.inks, contrast, rng)
    grow = cap * MARGIN
    x0, y0, x1, y1 = x - grow, y - grow, x + small.shape[1] + grow, y + small.shape[0] + grow
    return np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), np.float32)


def _clear(
    image: NDArray[np.float32], place: tuple[int, int, int, int], cap: float, rng: Rng
) -> None:
    """Let the design fade where a serial is to stand, as issuers do, in place."""
    x, y, width, height = place
    away = round(cap * rng.uniform(0.5, 1.5))
    x0, y0 = max(0, x - 2 * away), max(0, y - 2 * away)
    part = image[y0 : y + height + 2 * away, x0 : x + width + 2 * away]
    mask = np.zeros(part.shape[:2], np.float32)
    corners = (x - away - x0, y - away - y0), (x + width + away - x0, y + height + away - y0)
    cv2.rectangle(mask, *corners, float(rng.uniform(0.3, 0.95)), -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, away / 2)).astype(np.float32)
    paper = np.percentile(part.reshape(-1, 3), 70, axis=0).astype(np.float32)
    part += (paper - part) * mask[:, :, None]


def _ink(
    part: NDArray[np.float32], mask: NDArray[np.generic], inks: tuple[Bgr, ...], contrast: float,
    rng: Rng,
) -> None:  # fmt: skip
    """Print one of the inks, darkened until it stands out from what is there, in place."""
    ink = np.array(inks[int(rng.integers(len(inks)))], np.float32) + rng.uniform(-25, 45, 3)
    weights = np.array((0.114, 0.587, 0.299), np.float32)
    paper = float(np.median(part @ weights))
    excess = float(ink @ weights) - (paper - contrast * rng.uniform(1, 1.6))
    colour = np.clip(ink - max(0.0, excess), 0, 255)
    alpha = mask.astype(np.float32) * np.float32(rng.uniform(0.78, 1.0) / 255)
    part *= 1 - spread(alpha, (1, 1, 1))
    part += spread(alpha, colour.tolist())
