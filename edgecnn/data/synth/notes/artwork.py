"""Paints the face of a note: paper, guilloche, frame, abstract portrait, numerals, words, seals."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.backgrounds import FAMILIES, paint
from edgecnn.data.synth.fonts import Face
from edgecnn.data.synth.notes.designs import NoteDesign
from edgecnn.data.synth.pixels import spread

Canvas = NDArray[np.float32]
Rng = np.random.Generator

_WORDS = (
    "BANK", "NOTE", "CENTRAL", "RESERVE", "SERIES", "GUARANTEED", "TREASURY", "LEGAL TENDER",
    "PROMISE TO PAY", "SPECIMEN", "GOVERNOR", "REPUBLIC", "STATES", "HUNDRED", "THOUSAND", "WON",
    "YEN", "RUPEES", "ROUBLES", "DOLLARS", "2013", "2017 A", "G 7", "F 112",
)  # fmt: skip


def paint_face(
    design: NoteDesign, scale: float, families: tuple[str, ...], faces: list[Face], rng: Rng
) -> Canvas:
    """Paint a face without its serial numbers.

    Args:
        design: of the note.
        scale: pixels per mm.
        families: background patterns to choose from.
        faces: fonts of numerals and words.
        rng: the source of every choice.

    Returns:
        (height x scale, width x scale, 3) BGR, about 0..255.
    """
    height, width = round(design.height * scale), round(design.width * scale)
    tint = np.array(design.papers[int(rng.integers(len(design.papers)))], np.float32)
    paper = np.clip(tint * rng.uniform(0.8, 1.12) + rng.uniform(-25, 25, 3), 70, 250)
    image = paint(height, width, families, (2.0, 14.0), paper.astype(np.float32), rng)
    ink = np.clip(paper * rng.uniform(0.25, 0.7) + rng.uniform(-30, 30, 3), 5, 200)
    for _ in range(int(rng.integers(2, 6))):
        _panel(image, scale, families, rng)
    _frame(image, scale, ink, rng)
    for _ in range(int(rng.integers(1, 3))):
        _portrait(image, scale, ink, rng)
    for _ in range(int(rng.integers(0, 4))):
        _engraving(image, scale, ink, rng)
    for _ in range(int(rng.integers(0, 3))):
        _seal(image, scale, rng)
    if rng.random() < 0.5:
        _strip(image, scale, rng)
    for _ in range(int(rng.integers(1, 5))):
        _numeral(image, design, scale, faces, ink, rng)
    for _ in range(int(rng.integers(3, 10))):
        _words(image, scale, faces, ink, rng)
    return image


def _panel(image: Canvas, scale: float, families: tuple[str, ...], rng: Rng) -> None:
    """Print a patch of guilloche with soft edges, in place."""
    height, width = image.shape[:2]
    w, h = int(rng.uniform(15, 70) * scale), int(rng.uniform(12, 50) * scale)
    x, y = int(rng.uniform(-0.2, 0.9) * width), int(rng.uniform(-0.2, 0.8) * height)
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + w), min(height, y + h)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return
    pattern = FAMILIES[families[int(rng.integers(len(families)))]](y1 - y0, x1 - x0, rng)
    mask = np.zeros(pattern.shape, np.float32)
    centre = ((x1 - x0) // 2, (y1 - y0) // 2)
    cv2.ellipse(mask, centre, (max(1, centre[0] - 2), max(1, centre[1] - 2)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, scale)).astype(np.float32)
    image[y0:y1, x0:x1] += spread((pattern - 0.4) * mask, rng.uniform(3, 38, 3).tolist())


def _frame(image: Canvas, scale: float, ink: NDArray[np.float64], rng: Rng) -> None:
    """Leave a pale rim, and print lines along it, in place."""
    height, width = image.shape[:2]
    if rng.random() < 0.6:
        rim = int(rng.uniform(1.5, 6) * scale)
        pale = np.full(3, rng.uniform(195, 245)) + rng.uniform(-15, 5, 3)
        inside = image[rim:-rim, rim:-rim].copy()
        image += (pale.astype(np.float32) - image) * np.float32(0.7)
        image[rim:-rim, rim:-rim] = inside
        if rng.random() < 0.7:
            thick = max(1, round(rng.uniform(0.2, 1.6) * scale))
            corners = (rim, rim), (width - rim, height - rim)
            cv2.rectangle(image, *corners, tuple(ink.tolist()), thick, cv2.LINE_AA)


def _portrait(image: Canvas, scale: float, ink: NDArray[np.float64], rng: Rng) -> None:
    """Engrave an abstract shape - ovals and arcs in hatching -, in place."""
    height, width = image.shape[:2]
    middle = (int(rng.uniform(0.25, 0.8) * width), int(rng.uniform(0.42, 0.62) * height))
    mask = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(2, 7))):
        shift = (rng.uniform(-9, 9, 2) * scale).astype(int)
        axes = (int(rng.uniform(4, 15) * scale), int(rng.uniform(5, 20) * scale))
        centre = (middle[0] + int(shift[0]), middle[1] + int(shift[1]))
        cv2.ellipse(mask, centre, axes, rng.uniform(0, 180), 0, 360, rng.uniform(0.25, 0.9), -1)
    hatching = FAMILIES["waves"](height, width, rng) * 0.3 + 0.7
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.4, 0.3 * scale)) * hatching
    image += (ink.astype(np.float32) - image) * mask.astype(np.float32)[:, :, None]


def _engraving(image: Canvas, scale: float, ink: NDArray[np.float64], rng: Rng) -> None:
    """Print a patch of fine dark and light structure, as leaves, buildings and faces are; in place.

    It is noise of three octaves, as dense as print of a serial's size and finer.
    """
    height, width = image.shape[:2]
    w, h = int(rng.uniform(8, 45) * scale), int(rng.uniform(6, 35) * scale)
    x, y = int(rng.uniform(0, 1) * width) - w // 2, int(rng.uniform(0, 1) * height) - h // 2
    part = image[max(0, y) : max(0, y + h), max(0, x) : max(0, x + w)]
    if min(part.shape[:2]) < 8:
        return
    rows, columns = part.shape[:2]
    noise = np.zeros((rows, columns), np.float32)
    for cell in (rng.uniform(3, 8), rng.uniform(1, 2.5), rng.uniform(0.4, 0.9)):
        cells = max(2, round(rows / (cell * scale))), max(2, round(columns / (cell * scale)))
        small = rng.standard_normal(cells).astype(np.float32)
        noise += cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
    strength = np.clip(noise * rng.uniform(0.3, 0.9) + rng.uniform(-0.2, 0.4), 0, 1)
    mask = np.zeros((rows, columns), np.float32)
    centre = (columns // 2, rows // 2)
    cv2.ellipse(mask, centre, (max(1, centre[0] - 1), max(1, centre[1] - 1)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, scale)).astype(np.float32)
    part += (ink.astype(np.float32) - part) * (strength * mask)[:, :, None]


def _seal(image: Canvas, scale: float, rng: Rng) -> None:
    """Print a round seal, in place."""
    height, width = image.shape[:2]
    centre = (int(rng.uniform(0.08, 0.92) * width), int(rng.uniform(0.2, 0.8) * height))
    radius, tone = rng.uniform(3, 9) * scale, rng.uniform(30, 170, 3).tolist()
    for share in (1.0, 0.82, 0.3):
        thick = max(1, round(rng.uniform(0.15, 1.0) * scale))
        cv2.circle(image, centre, max(1, round(radius * share)), tone, thick, cv2.LINE_AA)
    turn = np.arange(0, 2 * np.pi, np.pi / 12)
    for a in turn:
        ray = np.array((np.cos(a), np.sin(a))) * radius
        start = (int(centre[0] + ray[0] * 0.85), int(centre[1] + ray[1] * 0.85))
        end = (int(centre[0] + ray[0] * 1.1), int(centre[1] + ray[1] * 1.1))
        cv2.line(image, start, end, tone, max(1, round(0.25 * scale)), cv2.LINE_AA)


def _strip(image: Canvas, scale: float, rng: Rng) -> None:
    """Weave in a security strip or a hologram, in place."""
    width = image.shape[1]
    left, broad = int(rng.uniform(0.05, 0.9) * width), int(rng.uniform(0.8, 9) * scale)
    part = image[:, left : left + max(1, broad)]
    part += (rng.uniform(60, 245, 3).astype(np.float32) - part) * np.float32(rng.uniform(0.2, 0.7))


def _numeral(
    image: Canvas, design: NoteDesign, scale: float, faces: list[Face],
    ink: NDArray[np.float64], rng: Rng,
) -> None:  # fmt: skip
    """Print the value, large, in a corner or in the middle, in place."""
    cap = rng.uniform(4, 16)
    place = rng.uniform((0.02, 0.05), (0.9, 0.85))
    _line(image, design.denomination.split()[0], cap * scale, place, faces, ink, 0.02, rng)


def _words(
    image: Canvas, scale: float, faces: list[Face], ink: NDArray[np.float64], rng: Rng
) -> None:
    """Print words that are no serial, small or large, in place."""
    words = [_WORDS[int(rng.integers(len(_WORDS)))] for _ in range(int(rng.integers(1, 4)))]
    text = " ".join(words)
    place = rng.uniform((0.02, 0.03), (0.7, 0.95))
    cap = float(np.exp(rng.uniform(np.log(1.0), np.log(6.0))))
    _line(image, text, cap * scale, place, faces, ink, rng.uniform(0, 0.25), rng)


def _line(
    image: Canvas, text: str, cap: float, place: NDArray[np.float64], faces: list[Face],
    ink: NDArray[np.float64], tracking: float, rng: Rng,
) -> None:  # fmt: skip
    """Print a line of text with its top left at a share of the note's size, in place."""
    face = faces[int(rng.integers(len(faces)))]
    size = max(8, round(cap))
    canvas = np.zeros((2 * size, round((len(text) + 2) * size * (1.3 + tracking))), np.uint8)
    pen = 2.0
    for char in text:
        pixels, left, above, advance = face.glyph(char, size)
        x, y = max(0, round(pen) + left), max(0, round(1.5 * size) - above)
        target = canvas[y : y + pixels.shape[0], x : x + pixels.shape[1]]
        np.maximum(target, pixels[: target.shape[0], : target.shape[1]], out=target)
        pen += advance + tracking * size
    canvas = canvas[:, : max(2, round(pen))]
    share = cap / size
    if share < 0.95:
        smaller = max(1, round(canvas.shape[1] * share)), max(1, round(canvas.shape[0] * share))
        canvas = np.asarray(cv2.resize(canvas, smaller, interpolation=cv2.INTER_AREA), np.uint8)
    top, left = int(place[1] * image.shape[0]), int(place[0] * image.shape[1])
    part = image[top : top + canvas.shape[0], left : left + canvas.shape[1]]
    alpha = canvas[: part.shape[0], : part.shape[1]].astype(np.float32)
    alpha *= np.float32(rng.uniform(0.5, 1.0) / 255)
    tone = np.clip(ink + rng.uniform(-40, 40, 3), 0, 220).astype(np.float32)
    part += (tone - part) * alpha[:, :, None]
