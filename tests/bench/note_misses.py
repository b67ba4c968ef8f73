"""Draws what was missed: the part of the picture with the note, what it says and what was read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from note_scores import Answer, PictureScore
from note_sets import Image, Scene
from numpy.typing import NDArray

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
    places = [quad for note in scene.notes for quad in note.places]
    (x1, y1), (x2, y2) = _part(image, [*places, *answer.quads])
    cut = image[y1:y2, x1:x2]
    scale = min(3.0, LONG_SIDE / max(cut.shape))
    canvas = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    for quads, colour in ((places, GREEN), (answer.quads, RED)):
        for quad in quads:
            corners = np.rint((quad - (x1, y1)) * scale).astype(np.int32)
            cv2.polylines(canvas, [corners], True, colour, 1, cv2.LINE_AA)
    missed = " ".join(n.label for n in score.notes if not n.right)
    lines = (f"missed: {missed}", f"emitted: {' '.join(answer.emitted)}",
             f"read: {' '.join(answer.texts)}"[:90])  # fmt: skip
    room = max(0, 420 - canvas.shape[1])
    canvas = cv2.copyMakeBorder(canvas, 20 * len(lines) + 8, 0, 0, room, cv2.BORDER_CONSTANT,
                                value=(255, 255, 255))  # fmt: skip
    for row, line in enumerate(lines, 1):
        # OpenCV's fonts are Latin: a Cyrillic letter is drawn as a question mark.
        cv2.putText(canvas, line, (4, 20 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1,
                    cv2.LINE_AA)  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    name = scene.name.replace(", ", "-").replace("/", "-")
    cv2.imwrite(str(folder / f"{name}.png"), canvas)


def _part(image: Image, quads: Sequence[NDArray[np.float32]]) -> NDArray[np.int64]:
    """Return the corners of what the quads cover, with a fifth around; of all where none are."""
    height, width = image.shape[:2]
    whole = np.array(((0, 0), (width, height)), np.int64)
    if not quads:
        return whole
    points = np.concatenate(quads)
    low, high = points.min(0), points.max(0)
    margin = 0.2 * float((high - low).max()) + 20
    part = np.clip((low - margin, high + margin), 0, whole[1]).astype(np.int64)
    return part if (part[0] < part[1]).all() else whole
