"""Generated banknotes, held before a camera by a hand: a source for a demo and for tests."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.degrade import Camera
from edgecnn.data.synth.notes.scene import Scene, SceneGenerator
from edgecnn.data.synth.notes.write import default_notes
from edgecnn_device.cameras.source import Image
from edgecnn_device.cameras.sway import Grain, Sway, desk, outside, skin_tone

HELD_S = 3.5
"""So long a note is in view."""
_GAP_S = 0.5
"""Between two notes."""
_LENGTH = 0.8
"""Of a note, as a share of the picture's width."""
_SWAY = (0.02, 0.02, 0.04, 4.0, 7.0, 7.0)
"""Across and down (shares of the width), nearer (share), and degrees about the three axes."""
_FOCAL = 1.2
"""Of the lens, in widths of the picture."""
_DESKS = ("plain", "wood", "cloth", "granite", "papers")


@dataclass(frozen=True, eq=False)
class ShownNote:
    """What a picture shows."""

    currency: str
    serial: str
    """Canonical."""
    quad: NDArray[np.float64]
    """(4, 2) corners in the picture, from the note's top left clockwise; may lie outside."""


@dataclass(frozen=True, eq=False)
class _Held:
    number: int
    currency: str
    serial: str
    flat: Image
    sway: Sway
    skin: NDArray[np.float64]


class SyntheticNotes:
    """Picture ``i`` of a seed is always the same; a note a few seconds, then another."""

    def __init__(self, size: tuple[int, int], seed: int, rate: float) -> None:
        """Prepare.

        Args:
            size: width and height of the pictures.
            seed: of every choice.
            rate: frames per second at which they are meant to be shown.
        """
        self.rate = rate
        self.lag_s = 0.0
        self._size, self._seed = size, seed
        rng = np.random.default_rng([seed, 1])
        self._desk = desk(_DESKS[int(rng.integers(len(_DESKS)))], size, rng)
        self._grain = Grain(size, rng)
        width = int(np.clip(1.1 * _LENGTH * size[0], 96, 4096))
        clean = Camera(blur=(0, 0), motion=(0, 0), noise=(0, 0), jpeg=(95, 96), shade=(0, 0.2),
                       glare=0)  # fmt: skip
        profile = default_notes().model_copy(
            update={"sizes": ((width, 96),), "scans": 1.0, "camera": clean, "wear": (0.0, 0.5)}
        )
        self._draw = SceneGenerator(profile, seed)
        self._pool = ThreadPoolExecutor(1)
        self._coming: tuple[int, Future[Scene]] | None = None
        self._held: _Held | None = None
        self._next = 0

    def read(self) -> Image:
        """Return the next picture."""
        self._next += 1
        return self.picture(self._next - 1)

    def close(self) -> None:
        """Let the drawing of the next note end by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def picture(self, index: int) -> Image:
        """Return one picture."""
        image = self._desk.copy()
        shown = self.shown(index)
        if shown is not None:
            held = self._hold(self._number(index))
            _thumb(image, shown.quad, held.skin, _lay(image, held.flat, shown.quad))
        return self._grain(image, np.random.default_rng([self._seed, 2, index]))

    def shown(self, index: int) -> ShownNote | None:
        """Tell what a picture shows; None between two notes."""
        seconds = index / self.rate - self._number(index) * (HELD_S + _GAP_S)
        if seconds >= HELD_S:
            return None
        held = self._hold(self._number(index))
        return ShownNote(held.currency, held.serial, self._place(held, seconds))

    def _number(self, index: int) -> int:
        return int(index / self.rate / (HELD_S + _GAP_S))

    def _hold(self, number: int) -> _Held:
        if self._held is None or self._held.number != number:
            scan = self._scan(number)
            note = scan.notes[0]
            sides = np.hypot(*(np.roll(note.quad, -1, 0) - note.quad).T)
            width, height = round(float(sides[0])), round(float(sides[1]))
            matrix = cv2.getPerspectiveTransform(note.quad, _corners(width, height))
            flat = cv2.warpPerspective(scan.image, matrix, (width, height),
                                       borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
            rng = np.random.default_rng([self._seed, 3, number])
            self._held = _Held(number, note.currency, note.text, np.asarray(flat, np.uint8),
                               Sway(_SWAY, rng), skin_tone(rng))  # fmt: skip
        return self._held

    def _scan(self, number: int) -> Scene:
        """Return a note, and have the next one drawn meanwhile: that takes many frames' time."""
        coming, self._coming = self._coming, None
        ready = coming[1].result() if coming and coming[0] == number else self._draw(number)
        self._coming = number + 1, self._pool.submit(self._draw, number + 1)
        return ready

    def _place(self, held: _Held, seconds: float) -> NDArray[np.float64]:
        """Return where a note's corners are seen, (4, 2)."""
        width, height = self._size
        x, y, nearer, *turns = held.sway(seconds)
        aspect = held.flat.shape[0] / held.flat.shape[1]
        length = min(_LENGTH, 0.8 * height / width / aspect) * (1 + nearer)
        plane = np.array(((-0.5, -aspect / 2, 0), (0.5, -aspect / 2, 0),
                          (0.5, aspect / 2, 0), (-0.5, aspect / 2, 0)))  # fmt: skip
        points = plane @ np.asarray(cv2.Rodrigues(_rotation(turns))[0]).T
        distance = _FOCAL / length
        seen = _FOCAL * points[:, :2] / (points[:, 2:] + distance)
        middle = (0.5 + x, height / width * (0.5 + outside(seconds, HELD_S)) + y)
        return np.asarray(width * (seen + middle), np.float64)


def _rotation(turns: list[float]) -> NDArray[np.float64]:
    """Return a rotation vector of degrees in the plane, and about the two axes in it."""
    return np.radians((turns[1], turns[2], turns[0]))


def _corners(width: float, height: float) -> NDArray[np.float32]:
    return np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)


def _lay(image: Image, flat: Image, quad: NDArray[np.float64]) -> float:
    """Warp a note into the picture, in place; returns the length of its upper side."""
    low = np.clip(np.floor(quad.min(0)), 0, image.shape[1::-1]).astype(int)
    high = np.clip(np.ceil(quad.max(0)), 0, image.shape[1::-1]).astype(int)
    if (high > low).all():
        corners = _corners(flat.shape[1], flat.shape[0])
        matrix = cv2.getPerspectiveTransform(corners, (quad - low).astype(np.float32))
        part = image[low[1] : high[1], low[0] : high[0]]
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        part[:] = cv2.warpPerspective(flat, matrix, size, dst=part.copy(),
                                      borderMode=cv2.BORDER_TRANSPARENT)  # fmt: skip
    return float(np.hypot(*(quad[1] - quad[0])))


def _thumb(image: Image, quad: NDArray[np.float64], skin: NDArray[np.float64], size: float) -> None:
    """Draw the thumb that holds a note at the middle of its lower side, in place."""
    edge = (quad[2] + quad[3]) / 2
    inwards = quad.mean(0) - edge
    tip, root = edge + 0.35 * inwards, edge - 4 * inwards
    for share, tone in ((0.09, 0.75), (0.075, 0.9), (0.045, 1.0)):
        ends = [tuple(np.clip(p, -32000, 32000).astype(int).tolist()) for p in (tip, root)]
        cv2.line(image, ends[0], ends[1], tuple((tone * skin).tolist()),
                 max(1, round(share * size)), cv2.LINE_AA)  # fmt: skip
