"""Runs the chain over pictures of known people: to score pairs, and to measure a curve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import MatchCurve
from edgecnn.data.face_pairs import FacePairs, Portrait
from edgecnn.data.images import read_image
from edgecnn.vision.matching import cosine, measure_curve, threshold_for
from edgecnn.vision.placement import Size, size_of
from edgecnn_device.faces.align import align
from edgecnn_device.faces.embedder import FaceEmbedder
from edgecnn_device.faces.finder import FaceFinder
from edgecnn_device.faces.quality import judge
from edgecnn_device.faces.results import FoundFace

Progress = Callable[[int, int], None]
"""Told how many pictures of how many are done."""


@dataclass(frozen=True, eq=False)
class Gathered:
    """What the chain makes of pictures, by several embedders at once."""

    vectors: NDArray[np.float32]
    """(embedders, pictures, D) of length 1; NaN where no face was found."""
    turned_away: int
    """Faces that were found and embedded, though `judge` speaks against them."""

    @property
    def found(self) -> NDArray[np.bool_]:
        """(pictures,)."""
        return np.asarray(np.isfinite(self.vectors).all((0, 2)))


def gather(
    finder: FaceFinder, embedders: Sequence[FaceEmbedder], files: Sequence[Path],
    progress: Progress = lambda done, total: None,
) -> Gathered:  # fmt: skip
    """Embed the face nearest to the middle of each picture, found and aligned once.

    Raises:
        DataError: a picture cannot be read.
    """
    size = embedders[0].identity.size
    vectors = np.full((len(embedders), len(files), size), np.nan, np.float32)
    turned_away = 0
    for index, file in enumerate(files):
        picture = read_image(file)
        found = middle_face(finder(picture), size_of(picture))
        if found is not None:
            aligned = align(picture, found.points)
            turned_away += not judge(found, aligned, size_of(picture)).good
            vectors[:, index] = [embed(aligned) for embed in embedders]
        progress(index + 1, len(files))
    return Gathered(vectors, turned_away)


def middle_face(faces: Iterable[FoundFace], size: Size) -> FoundFace | None:
    """Return the face nearest to the middle of a picture: the one that LFW names."""

    def distance(face: FoundFace) -> float:
        x1, y1, x2, y2 = face.box
        return float(np.hypot(x1 + x2 - size[0], y1 + y2 - size[1]))

    return min(faces, key=distance, default=None)


def similarities(
    vectors: NDArray[np.float32], portraits: Sequence[Portrait], pairs: FacePairs
) -> NDArray[np.float32]:
    """Return (N,) cosine of each pair; NaN where a face was not found.

    Args:
        vectors: (pictures, D) of one embedder.
        portraits: of the same pictures.
        pairs: of them.
    """
    place: Mapping[Portrait, int] = {portrait: i for i, portrait in enumerate(portraits)}
    rows = np.array([(place[one], place[other]) for one, other in pairs.pairs])
    return cosine(vectors[rows[:, 0]], vectors[rows[:, 1]])


def highest_stranger(vectors: NDArray[np.float32], people: Sequence[str]) -> float:
    """Return the highest cosine of any two pictures, (N, D), of different people; NaN is left out.

    An embedder whose int8 makes all faces alike shows here.
    """
    names = np.array(people)
    best = -1.0
    for index in range(1, len(vectors)):
        others = vectors[:index][names[:index] != names[index]]
        scores = others @ vectors[index]
        scores = scores[np.isfinite(scores)]
        best = max(best, float(scores.max(initial=-1.0)))
    return best


def measure_curves(
    gathered: Gathered, people: Sequence[str], data: str, default_fmr: float
) -> MatchCurve:
    """Measure a curve that holds for every embedder: at each rate the highest of their thresholds.

    Raises:
        DataError: too few faces were found.
    """
    kept = gathered.found
    names = [name for name, keep in zip(people, kept.tolist(), strict=True) if keep]
    curves = [
        measure_curve(vectors[kept], names, data=data, default_fmr=default_fmr)
        for vectors in gathered.vectors
    ]
    points = tuple(
        (rate, max(threshold_for(curve, rate) for curve in curves)) for rate, _ in curves[0].points
    )
    return curves[0].model_copy(update={"points": points})
