"""Notes in front of a camera: any angle, tilt, several notes, fingers, shade, glare and blur.

Scene ``i`` of a seed depends on (seed, i) alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from edgecnn.data.synth import degrade
from edgecnn.data.synth.fonts import PIP_FONTS, load_face
from edgecnn.data.synth.notes.designs import DESIGNS, NoteDesign
from edgecnn.data.synth.notes.desks import DESKS, fingers
from edgecnn.data.synth.notes.note import FlatNote, Look, draw_note
from edgecnn.data.synth.notes.view import look_at, project, scan
from edgecnn.errors import DataError
from edgecnn.vision.serials import CYRILLIC, DIGITS, GRAMMARS, LATIN

Rng = np.random.Generator

_Side = Annotated[int, Field(ge=96, le=4096)]

_SEEN = 0.9
"""A serial is labelled where at least so much of it is in the picture and uncovered."""
_NOTE_SEEN = 0.35
"""Likewise a note."""
_OVERSAMPLE = 1.25
"""Pixels of the flat note per pixel of the picture, so that the warp loses no detail."""


class NoteProfile(BaseModel):
    """What a generated set of scenes looks like; a recipe records it whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sizes: tuple[tuple[_Side, _Side], ...] = Field(((1280, 720),), min_length=1)
    """Width and height of the picture in pixels; one is drawn for each scene."""
    currencies: tuple[str, ...] = Field(tuple(DESIGNS), min_length=1)
    """The first note of a scene; they take turns."""
    fonts: tuple[str, ...] = Field(PIP_FONTS, min_length=1)
    backgrounds: tuple[str, ...] = Field(
        ("plain", "waves", "lattice", "blotch", "microtext", "moire"), min_length=1
    )
    desks: tuple[str, ...] = Field(
        ("plain", "wood", "cloth", "granite", "papers", "clutter"), min_length=1
    )
    counts: tuple[float, ...] = (0.0, 1.0)
    """Share of scenes with 0, 1, 2, ... notes."""
    fill: degrade.Range = (0.55, 0.95)
    """Length of a note as a share of the picture's width, before it is turned."""
    tilt: degrade.Range = (0.0, 25.0)
    """Degrees between the note's plane and the picture's."""
    whole: float = Field(1.0, ge=0, le=1)
    """Share of scenes in which every note lies wholly in the picture."""
    scans: float = Field(0.0, ge=0, le=1)
    """Share of scenes that are the flat scan of one note, which fills the picture."""
    backs: float = Field(0.0, ge=0, le=1)
    """Share of notes that lie face down."""
    hands: float = Field(0.2, ge=0, le=1)
    """Share of scenes with fingers on a note."""
    wear: degrade.Range = (0.0, 1.0)
    contrast: float = Field(50.0, ge=0, le=200)
    """Least difference between a serial's ink and its paper, in grey levels."""
    camera: degrade.Camera = degrade.Camera(
        blur=(0.0, 0.06), motion=(0.0, 0.15), noise=(0.0, 9.0), jpeg=(50.0, 96.0)
    )


@dataclass(frozen=True, eq=False)
class SceneNote:
    """A note of a scene."""

    currency: str
    text: str
    """Canonical serial; empty on a back."""
    quad: NDArray[np.float32]
    """(4, 2) from the note's own top-left corner clockwise, in pixels of the picture."""
    serials: NDArray[np.float32]
    """(N, 4, 2) of the serials that can be seen."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture with what is in it."""

    name: str
    image: NDArray[np.uint8]
    """(H, W, 3) BGR."""
    notes: tuple[SceneNote, ...]


class SceneGenerator:
    """Draws scenes of one profile; scene ``index`` is always the same picture."""

    def __init__(self, profile: NoteProfile, seed: int) -> None:
        self.profile = profile
        self.seed = seed
        for what, given, known in (
            ("desk", profile.desks, tuple(DESKS)), ("currency", profile.currencies, tuple(DESIGNS)),
        ):  # fmt: skip
            if unknown := [g for g in given if g not in known]:
                raise DataError(f"unknown {what} {unknown[0]!r}: expected one of {known}")
        faces = tuple(load_face(name) for name in profile.fonts)
        self._words = tuple(f for f in faces if f.covers(LATIN + DIGITS))
        self._faces = {c: tuple(f for f in faces if f.covers(_needs(c))) for c in GRAMMARS}
        for currency in profile.currencies:
            if not self._faces[currency] or not self._words:
                raise DataError(
                    f"none of the {len(faces)} fonts has every character of {currency}: add one "
                    f"to fonts, for example {PIP_FONTS[0]}"
                )

    def __call__(self, index: int) -> Scene:
        """Draw scene ``index``."""
        rng = np.random.default_rng([self.seed, index])
        profile = self.profile
        width, height = profile.sizes[int(rng.integers(len(profile.sizes)))]
        if profile.scans and rng.random() < profile.scans:
            return self._scan(index, width, rng)
        desk = DESKS[profile.desks[int(rng.integers(len(profile.desks)))]]
        image = desk(height, width, rng)
        shares = np.array(profile.counts)
        count = int(rng.choice(len(shares), p=shares / shares.sum()))
        whole = rng.random() < profile.whole
        notes: list[SceneNote] = []
        seen: list[NDArray[np.uint8]] = []
        caps = [0.02 * width]
        for number in range(count):
            turn = index if number == 0 else int(rng.integers(len(profile.currencies)))
            currency = profile.currencies[turn % len(profile.currencies)]
            flat, matrix, cap = self._lay(currency, (width, height), count, whole, rng)
            mask = _paste(image, flat.image, matrix, rng)
            for other in seen:
                other[mask > 0] = 0
            seen.append(mask)
            notes.append(_labels(flat, matrix))
            caps.append(cap)
        if notes and rng.random() < profile.hands:
            grip = notes[-1].quad[int(rng.integers(4))] + notes[-1].quad.mean(0)
            covered = np.full((height, width), 255, np.uint8)
            fingers(image, covered, np.asarray(grip / 2, np.float64), rng)
            for other in seen:
                other[covered == 0] = 0
        picture = _photograph(image, min(caps[1:] or caps), profile.camera, rng)
        kept = [_visible(n, m) for n, m in zip(notes, seen, strict=True)]
        return Scene(f"{self.seed}-{index:06d}", picture, tuple(n for n in kept if n is not None))

    def _scan(self, index: int, width: int, rng: Rng) -> Scene:
        """Draw a note on a scanner."""
        currency = self.profile.currencies[index % len(self.profile.currencies)]
        design = _any(DESIGNS[currency], rng)
        size = width, round(width * design.height / design.width)
        view = scan((design.width, design.height), size, rng)
        image = np.full((size[1], size[0], 3), rng.uniform(0, 255), np.float32)
        flat, matrix, cap = self._draw(design, view, rng)
        mask = _paste(image, flat.image, matrix, rng)
        picture = _photograph(image, cap, self.profile.camera, rng)
        note = _visible(_labels(flat, matrix), mask)
        return Scene(f"{self.seed}-{index:06d}", picture, () if note is None else (note,))

    def _lay(
        self, currency: str, size: tuple[int, int], count: int, whole: bool, rng: Rng
    ) -> tuple[FlatNote, NDArray[np.float64], float]:
        """Draw a note, and choose how the camera sees it.

        Returns:
            The note, the homography from its pixels to the picture's, and the height of its
            capitals in the picture.
        """
        profile = self.profile
        design = _any(DESIGNS[currency], rng)
        fill = rng.uniform(*profile.fill) * (1.0 if count == 1 else 0.7)
        view = look_at(
            (design.width, design.height), size, float(fill),
            float(rng.uniform(*profile.tilt)), whole, rng,
        )  # fmt: skip
        return self._draw(design, view, rng)

    def _draw(
        self, design: NoteDesign, view: NDArray[np.float64], rng: Rng
    ) -> tuple[FlatNote, NDArray[np.float64], float]:
        """Draw a note as large as a view of it needs; see `_lay`."""
        profile = self.profile
        corners = project(view, _corners(design.width, design.height))
        sides = np.hypot(*(np.roll(corners, -1, 0) - corners).T)
        across = max(sides[0], sides[2]) / design.width
        scale = float(max(1.2, across * _OVERSAMPLE))
        look = Look(
            self._faces[design.currency], self._words, profile.backgrounds, profile.contrast,
            float(rng.uniform(*profile.wear)),
        )  # fmt: skip
        flat = draw_note(design, scale, bool(rng.random() < profile.backs), look, rng)
        height, width = flat.image.shape[:2]
        to_mm = np.diag((design.width / width, design.height / height, 1.0))
        return flat, view @ to_mm, design.serials[0].cap * across


def _any(designs: tuple[NoteDesign, ...], rng: Rng) -> NoteDesign:
    return designs[int(rng.integers(len(designs)))]


def _needs(currency: str) -> str:
    return (CYRILLIC if currency == "RUB" else LATIN) + DIGITS


def _corners(width: float, height: float) -> NDArray[np.float64]:
    return np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float64)


def _paste(
    image: NDArray[np.float32], note: NDArray[np.float32], matrix: NDArray[np.float64], rng: Rng
) -> NDArray[np.uint8]:
    """Lay a note with its shadow into the picture, in place; returns where it is (255)."""
    height, width = image.shape[:2]
    flat = np.full(note.shape[:2], 255, np.uint8)
    mask = cv2.warpPerspective(flat, matrix, (width, height), flags=cv2.INTER_LINEAR)
    soft = rng.uniform(0.002, 0.02) * width
    shift = np.array(((1, 0, rng.normal(0, soft)), (0, 1, rng.normal(0, soft))), np.float32)
    shadow = cv2.warpAffine(mask, shift, (width, height)).astype(np.float32)
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(0.5, soft / 2)) * (rng.uniform(0, 0.6) / 255)
    image *= 1 - shadow[:, :, None]
    seen = cv2.warpPerspective(note, matrix, (width, height), flags=cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    image += (seen - image) * (mask.astype(np.float32) / 255)[:, :, None]
    return np.asarray((mask > 127) * np.uint8(255), np.uint8)


def _labels(flat: FlatNote, matrix: NDArray[np.float64]) -> SceneNote:
    height, width = flat.image.shape[:2]
    quad = project(matrix, _corners(width, height))
    serials = project(matrix, flat.serials.reshape(-1, 2)).reshape(-1, 4, 2)
    return SceneNote(flat.currency, flat.text, quad.astype(np.float32), serials.astype(np.float32))


def _visible(note: SceneNote, mask: NDArray[np.uint8]) -> SceneNote | None:
    """Keep what can be seen of a note; None where that is hardly anything."""
    if _share(note.quad, mask) < _NOTE_SEEN:
        return None
    kept = [quad for quad in note.serials if _share(quad, mask) >= _SEEN]
    serials = np.array(kept, np.float32).reshape(-1, 4, 2)
    return SceneNote(note.currency, note.text, note.quad, serials)


def _share(quad: NDArray[np.float32], mask: NDArray[np.uint8]) -> float:
    """Return how much of a quad's area is inside the picture and set in its mask."""
    area = float(cv2.contourArea(quad))
    if area <= 0:
        return 0.0
    x0, y0 = np.floor(quad.min(0)).astype(int)
    x1, y1 = np.ceil(quad.max(0)).astype(int) + 1
    own = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(own, [np.round(quad - (x0, y0)).astype(np.int32)], 1)
    left, top = max(0, x0), max(0, y0)
    part = mask[top : max(top, y1), left : max(left, x1)]
    inside = own[top - y0 :, left - x0 :][: part.shape[0], : part.shape[1]]
    return float((part[: inside.shape[0], : inside.shape[1]] > 0)[inside > 0].sum() / own.sum())


def _photograph(
    image: NDArray[np.float32], cap: float, camera: degrade.Camera, rng: Rng
) -> NDArray[np.uint8]:
    image = degrade.shade(image, camera, rng)
    return degrade.sense(degrade.blur(image, cap, camera, rng), camera, rng)
