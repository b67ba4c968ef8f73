"""Draws what was missed: the part of the picture with the note, what it says and what was read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from note_scores import Answer, PictureScore
from note_sets import Image, Scene

GREEN, RED = (60, 200, 60), (60, 60, 230)
LONG_SIDE = 900


def draw_miss(
    scene: Scene, image: Image, answer: Answer, score: PictureScore, folder: Path
) -> None:
    """Write one picture: labelled serials in green, notes as found in red.

    Args:
        scene: with the labels.
        image: of the scene.
        answer: what was said of it.
        score: of the answer.
        folder: local; the pictures may not be passed on.
    """
    places = [q for n in scene.notes for q in n.places]
    canvas = np.ascontiguousarray(image)
    for quads, colour in ((places, GREEN), (answer.quads, RED)):
        for quad in quads:
            cv2.polylines(canvas, [np.rint(quad).astype(np.int32)], True, colour, 2, cv2.LINE_AA)
    canvas = _part(canvas, [*places, *answer.quads])
    scale = min(1.0, LONG_SIDE / max(canvas.shape))
    canvas = np.asarray(cv2.resize(canvas, None, fx=scale, fy=scale), np.uint8)
    missed = " ".join(n.label for n in score.notes if not n.right)
    lines = (f"missed: {missed}", f"emitted: {' '.join(answer.emitted)}",
             f"read: {' '.join(answer.texts)}"[:90])  # fmt: skip
    banner = np.full((20 * len(lines) + 8, canvas.shape[1], 3), 255, np.uint8)
    for row, line in enumerate(lines, 1):
        # OpenCV's fonts are Latin: a Cyrillic letter is drawn as a question mark.
        cv2.putText(banner, line, (4, 20 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1,
                    cv2.LINE_AA)  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    name = scene.name.replace(", ", "-").replace("/", "-")
    cv2.imwrite(str(folder / f"{name}.png"), np.vstack((banner, canvas)))


def _part(image: Image, quads: list[np.ndarray]) -> Image:
    """Cut out what the quads cover, with a fifth of it around; all of it where there are none."""
    if not quads:
        return image
    points = np.concatenate(quads)
    low, high = points.min(0), points.max(0)
    margin = 0.2 * float((high - low).max()) + 20
    x1, y1 = np.maximum(low - margin, 0).astype(int)
    x2, y2 = np.minimum(high + margin, image.shape[1::-1]).astype(int)
    cut = image[y1:y2, x1:x2]
    return cut if cut.size else image
