"""Compares presentations with the gallery; one attempt each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecnn.bundle.decode import MatchCurve
from edgecnn.errors import GalleryError
from edgecnn_device.faces.decision import (
    Identity,
    default_rate,
    identify_frame,
    match_threshold,
    verify,
)
from edgecnn_device.gallery import Gallery
from edgecnn_device.kiosk.config import FacesConfig
from edgecnn_device.kiosk.pipeline.presentation import Answer, Look, vote


class Judge:
    """Owns the comparisons; for the thread that opened the gallery."""

    def __init__(self, gallery: Gallery, curve: MatchCurve, config: FacesConfig) -> None:
        """Put both together.

        Args:
            gallery: open.
            curve: of the embedder whose templates it holds.
            config: rate, and how many frames must agree.
        """
        self.gallery = gallery
        self._curve, self._config = curve, config

    def rate(self) -> float:
        """Return the bound of a decision's false-match rate over the whole gallery."""
        one = self._one_rate(max(1, self.gallery.templates))
        return min(1.0, one * self._config.frames / self._config.agree)

    def threshold(self) -> float | None:
        """Return the similarity that one frame must exceed to name somebody, if there is any."""
        templates = self.gallery.templates
        if not templates:
            return None
        return match_threshold(self._curve, self._one_rate(templates), templates)

    def identify(self, looks: Sequence[Look], terminal: str) -> tuple[Answer, float | None]:
        """Tell who a person is.

        Args:
            looks: all of their presentation.
            terminal: where failed attempts are counted.

        Returns:
            The answer, and by how much the median frame was above the threshold (for the
            diagnosis; never for the person); None where nothing was compared.

        Raises:
            LockedError: too many attempts failed; nothing was compared.
            InputError: the curve says nothing of so low a rate.
            GalleryError: the gallery cannot be used.
        """
        self.gallery.refresh()
        templates = self.gallery.templates
        threshold = self.threshold()
        if threshold is None:
            return Answer(None, self.rate(), "nobody is enrolled"), None
        failures, fmr = self.gallery.failures, self._config.fmr
        failures.attempt(terminal=terminal)
        named: list[Identity] = []
        for look in looks:
            best = self.gallery.best(np.stack((look.vector, *look.others)))
            named.append(identify_frame(self._curve, best, templates, fmr)[0])
        answer = vote(named, self._config.agree)
        if answer.person is not None:
            failures.succeeded(terminal=terminal)
        return answer, _margin([one.score for one in named], threshold)

    def verify(
        self, person: str, looks: Sequence[Look], terminal: str
    ) -> tuple[Answer, float | None]:
        """Decide whether somebody is the person claimed; see `identify`.

        Raises:
            GalleryError: nobody of that name is enrolled, likewise.
        """
        failures, fmr = self.gallery.failures, self._config.fmr
        failures.attempt(person, terminal)
        named: list[Identity] = []
        thresholds = []
        for look in looks:
            scores = self.gallery.person_scores(person, look.vector)
            if not len(scores):
                raise GalleryError("none of their templates can be read: enrol them again")
            verdict = verify(self._curve, float(scores.max()), len(scores), fmr)
            thresholds.append(match_threshold(self._curve, verdict.fmr, len(scores)))
            who = person if verdict.match else None
            named.append(Identity(who, verdict.fmr, verdict.reason, verdict.score))
        answer = vote(named, self._config.agree)
        if answer.person is not None:
            failures.succeeded(person, terminal)
        return answer, _margin([one.score for one in named], thresholds[0])

    def _one_rate(self, templates: int) -> float:
        fmr = self._config.fmr
        return default_rate(self._curve, templates) if fmr is None else fmr


def _margin(scores: Sequence[float | None], threshold: float) -> float | None:
    """Return it in steps of 0.05: a finer one could be climbed, picture by picture."""
    known = [score for score in scores if score is not None]
    return round((float(np.median(known)) - threshold) * 20) / 20 if known else None
