"""From a picture to vectors of its faces: find, align, judge, embed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.errors import FaceError
from edgecnn.vision.placement import size_of
from edgecnn_device.backends.base import DEFAULT_THREADS
from edgecnn_device.faces.align import align
from edgecnn_device.faces.embedder import FaceEmbedder
from edgecnn_device.faces.finder import FaceFinder, as_bgr
from edgecnn_device.faces.points import PointRefiner
from edgecnn_device.faces.quality import QualityRules, judge
from edgecnn_device.faces.results import AlignedFace, Face, JudgedFace, Picture
from edgecnn_device.runner import open_runner

AnyFace = TypeVar("AnyFace", bound=JudgedFace)

_CLEARLY = 1.5
"""A face whose eyes are that much farther apart than any other's is the one that is meant. Of 520
pictures of LFW people of no fold YuNet found several faces on 60, of which 9 are not clear so."""


class FaceChain:
    """Holds a detector and an embedder, and nothing of one picture to the next.

    >>> chain = FaceChain.open(Path("face-detector.edge"), Path("face-embedder.edge"))
    >>> for face in chain.faces(picture):
    ...     print(face.box, face.quality.reasons)
    """

    def __init__(
        self, finder: FaceFinder, embedder: FaceEmbedder, rules: QualityRules | None = None
    ) -> None:
        self.finder = finder
        self.embedder = embedder
        self._rules = rules or QualityRules()

    @classmethod
    def open(
        cls, detector: Bundle | Path, embedder: Bundle | Path, variant: str | None = None,
        threads: int = DEFAULT_THREADS, rules: QualityRules | None = None,
        points: Bundle | Path | None = None,
    ) -> FaceChain:  # fmt: skip
        """Open two bundles; see `open_runner`.

        Args:
            detector: finds faces with five points.
            embedder: task embed.
            variant: of the embedder; default: the manifest's first, not this machine's fastest:
                a gallery belongs to one variant, and must not be lost to a new measurement.
            threads: of the runtime.
            rules: what a picture must show.
            points: looks at each face once more, see `PointRefiner`.

        Raises:
            BundleError: a bundle that is not as it should be, or of another kind.
            MissingExtraError: the runtime is not installed.
        """
        opened = read_bundle(embedder) if isinstance(embedder, Path) else embedder
        first = opened.manifest.variants[0]
        name = variant or f"{first.format}-{first.precision}"
        refine = None if points is None else PointRefiner(open_runner(points, None, threads))
        finder = FaceFinder(open_runner(detector, None, threads), refine=refine)
        return cls(finder, FaceEmbedder(open_runner(opened, name, threads)), rules)

    def faces(self, picture: Picture) -> tuple[Face, ...]:
        """Return the faces of (H, W, 3) BGR or (H, W) grey, the surest first.

        Those of poor quality are given too, and say why they are.

        Raises:
            DataError: the array is not such a picture.
        """
        return tuple(
            Face(seen.box, seen.score, seen.points, seen.turn, quality=seen.quality,
                 vector=self.embedder(seen.aligned))
            for seen in self.find(picture)
        )  # fmt: skip

    def find(self, picture: Picture) -> tuple[AlignedFace, ...]:
        """Return the same faces without their vectors, which not every use needs.

        Raises:
            DataError: the array is not such a picture.
        """
        upright = as_bgr(picture)
        out = []
        for found in self.finder(upright):
            aligned = align(upright, found.points)
            quality = judge(found, aligned, size_of(upright), self._rules)
            out.append(
                AlignedFace(found.box, found.score, found.points, found.turn, quality=quality,
                            aligned=aligned)
            )  # fmt: skip
        return tuple(out)

    def the_face(self, picture: Picture) -> Face:
        """Return the face of a picture that shows one person, fit to decide by.

        Raises:
            FaceError: the message is the reason, made to be shown to that person.
            DataError: the array is not a picture.
        """
        face = main_face(self.faces(picture))
        if not face.quality.good:
            raise FaceError("; ".join(face.quality.reasons))
        return face


def main_face(faces: Sequence[AnyFace]) -> AnyFace:
    """Return the one face, or of several the one that is clearly nearest to the camera.

    Raises:
        FaceError: there is none, or it is not clear which is meant.
    """
    if not faces:
        raise FaceError("no face found: expected one, upright, with both eyes in the picture")
    by_size = sorted(faces, key=lambda face: -face.quality.eye_distance)
    distances = np.array([face.quality.eye_distance for face in by_size])
    if len(faces) > 1 and not distances[0] >= _CLEARLY * distances[1]:
        raise FaceError(f"{len(faces)} faces found, none clearly in front: expected one person")
    return by_size[0]
