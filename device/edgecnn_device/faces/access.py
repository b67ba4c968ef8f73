"""A chain and a gallery together: enrol people, verify who they claim to be, tell who they are.

A comparison is an attempt, and attempts that fail are counted (NIST SP 800-63B-4, 3.2.3) for the
person claimed and for the terminal; a picture without a usable face is compared with nobody, and is
no attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgecnn.bundle.decode import MatchCurve
from edgecnn.errors import FaceError, GalleryError
from edgecnn_device.faces.chain import FaceChain, main_face
from edgecnn_device.faces.decision import (
    Identity,
    Verdict,
    default_rate,
    identify_frame,
    verify,
)
from edgecnn_device.faces.results import Face, Picture
from edgecnn_device.gallery import Gallery

TERMINAL = "command-line"
"""Where attempts are made, where nothing else is said."""


@dataclass(frozen=True)
class Enrolled:
    """What became of the pictures of a person."""

    person: str
    pictures: int
    """Enrolled of them by now, earlier ones included; 0 where none would do."""
    rejected: Mapping[str, str]
    """Reason by the name of the picture."""


@dataclass(frozen=True, eq=False)
class IdentifiedFace:
    """A face and who it is."""

    face: Face
    identity: Identity


@dataclass(frozen=True)
class Seen:
    """Who is on a picture."""

    identity: Identity
    """Of the one person it is of; nobody where it shows none or several, and the reason says so."""
    faces: tuple[IdentifiedFace, ...]
    """All of them."""


class FaceAccess:
    """Decides with a chain about the people of a gallery."""

    def __init__(
        self, chain: FaceChain, gallery: Gallery, fmr: float | None = None, terminal: str = TERMINAL
    ) -> None:
        """Put both together.

        Args:
            chain: its embedder is the gallery's.
            gallery: open.
            fmr: rate of false matches of a decision; default: the curve's own.
            terminal: where attempts are made.
        """
        self._chain, self._gallery = chain, gallery
        self._fmr, self._terminal = fmr, terminal

    @property
    def _curve(self) -> MatchCurve:
        return self._chain.embedder.curve

    def _rate(self, templates: int) -> float:
        return default_rate(self._curve, templates) if self._fmr is None else self._fmr

    def enrol(self, person: str, pictures: Mapping[str, Picture]) -> Enrolled:
        """Enrol the face of each picture that shows one well; the others are told with a reason.

        Args:
            person: who all of them are of.
            pictures: by name.

        Raises:
            InputError: the embedder has no curve, so that nobody could ever be told by it.
            GalleryError: nothing was enrolled.
        """
        _ = self._curve
        vectors, rejected = [], {}
        for name, picture in pictures.items():
            try:
                vectors.append(self._chain.the_face(picture).vector)
            except FaceError as error:
                rejected[name] = str(error)
        count = self._gallery.enrol(person, np.stack(vectors)) if vectors else 0
        return Enrolled(person, count, rejected)

    def verify(self, person: str, picture: Picture) -> Verdict:
        """Decide whether a picture shows the person claimed.

        Raises:
            InputError: there is no curve, or the rate lies below its end.
            GalleryError: nobody of that name is enrolled.
            LockedError: too many attempts failed.
        """
        curve = self._curve
        try:
            vector = self._chain.the_face(picture).vector
        except FaceError as error:
            return Verdict(False, self._rate(1), str(error), None)
        failures = self._gallery.failures
        failures.attempt(person, self._terminal)
        scores = self._gallery.person_scores(person, vector)
        if not len(scores):
            raise GalleryError(f"{person!r}: no template of theirs can be read: enrol them again")
        verdict = verify(curve, float(scores.max()), len(scores), self._fmr)
        if verdict.match:
            failures.succeeded(person, self._terminal)
        return verdict

    def identify(self, picture: Picture) -> Seen:
        """Tell who is on a picture.

        Raises:
            InputError: there is no curve, or the rate lies below its end for so many templates.
            LockedError: too many attempts failed.
        """
        curve = self._curve
        faces = self._chain.faces(picture)
        good = [face for face in faces if face.quality.good]
        found: list[Identity] = []
        if good:
            self._gallery.failures.attempt(terminal=self._terminal)
            best = self._gallery.best(np.stack([face.vector for face in good]))
            found = list(identify_frame(curve, best, self._gallery.templates, self._fmr))
        if any(identity.person is not None for identity in found):
            self._gallery.failures.succeeded(terminal=self._terminal)
        decided = iter(found)
        identities = tuple(
            IdentifiedFace(face, next(decided) if face.quality.good else self._refused(face))
            for face in faces
        )
        return Seen(self._main(identities), identities)

    def _main(self, faces: tuple[IdentifiedFace, ...]) -> Identity:
        try:
            main = main_face(tuple(one.face for one in faces))
        except FaceError as error:
            return Identity(None, self._rate(self._gallery.templates), str(error), None)
        return next(one.identity for one in faces if one.face is main)

    def _refused(self, face: Face) -> Identity:
        rate = self._rate(self._gallery.templates)
        return Identity(None, rate, "; ".join(face.quality.reasons), None)
