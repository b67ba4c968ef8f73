"""Decides who a face is, at a rate of false matches that the user states.

The rate is that of the decision, not of one comparison: a face that is compared with n templates
has n chances of a false match, so each comparison gets an n-th of the rate (the union bound, which
holds whatever the templates have in common). Who is identified must also lead the second-best
person, and in one picture a person is one face at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgecnn.bundle.decode import MatchCurve
from edgecnn.errors import InputError
from edgecnn.vision.matching import NIST_FMR, threshold_for
from edgecnn_device.gallery import Match

_MARGIN_RATE = 10.0
"""The best person must lead the second by what the curve says a factor of ten in the rate is worth:
both being as alike to the face as that is no evidence for one of them."""

_HIGHEST_DEFAULT = 1e-3


@dataclass(frozen=True)
class Verdict:
    """Whether a face is the person that was claimed."""

    match: bool
    fmr: float
    """The rate at which it was decided."""
    reason: str
    """"" where it is a match."""
    score: float | None
    """Cosine similarity, None where nothing was compared; not for whom the decision is for: who
    sees scores can climb them."""


@dataclass(frozen=True)
class Identity:
    """Who a face is."""

    person: str | None
    fmr: float
    reason: str
    """"" where somebody is named."""
    score: float | None
    """Of the best person, whether named or not; None where nothing was compared. See `Verdict`."""


def verify(curve: MatchCurve, score: float, templates: int, fmr: float | None = None) -> Verdict:
    """Decide whether a face is the person claimed.

    Args:
        curve: of the embedder.
        score: the best of the person's templates.
        templates: how many there are.
        fmr: of the decision; default: `default_rate`.

    Raises:
        InputError: the curve says nothing of so low a rate.
    """
    rate = default_rate(curve, templates) if fmr is None else fmr
    match = score > match_threshold(curve, rate, templates)
    return Verdict(match, rate, "" if match else "not alike enough", score)


def identify(
    curve: MatchCurve, best: Sequence[Match], templates: int, fmr: float | None = None
) -> Identity:
    """Decide who a face is.

    Args:
        curve: of the embedder.
        best: the two best people, the better first; fewer where fewer are enrolled.
        templates: how many of all people the face was compared with.
        fmr: the chance that a stranger is taken for anybody; default: `default_rate`.

    Raises:
        InputError: the curve says nothing of so low a rate, divided by so many templates.
    """
    rate = default_rate(curve, templates) if fmr is None else fmr
    if not best:
        return Identity(None, rate, "nobody is enrolled", None)
    threshold = match_threshold(curve, rate, templates)
    first = best[0]
    if not first.score > threshold:
        return Identity(None, rate, "nobody is alike enough", first.score)
    looser = min(_MARGIN_RATE * rate / templates, 1.0)
    margin = threshold - threshold_for(curve, looser)
    if len(best) > 1 and not first.score - best[1].score > margin:
        return Identity(None, rate, "two people are about equally alike", first.score)
    return Identity(first.person, rate, "", first.score)


def identify_frame(
    curve: MatchCurve, faces: Sequence[Sequence[Match]], templates: int,
    fmr: float | None = None,
) -> tuple[Identity, ...]:  # fmt: skip
    """Decide who the faces of one picture are: each person is the most alike of them, at most.

    A face whose person is another face of the picture is nobody, not its second-best person: it is
    alike to somebody who is provably somebody else.

    Args:
        curve: of the embedder.
        faces: for each, as for `identify`.
        templates: likewise.
        fmr: of each face's decision.
    """
    found = [identify(curve, best, templates, fmr) for best in faces]
    best_of: dict[str, int] = {}
    for index in sorted(range(len(found)), key=lambda i: (-_score(found[i]), i)):
        person = found[index].person
        if person is not None and best_of.setdefault(person, index) != index:
            reason = "another face of this picture is more like the same person"
            found[index] = replace(found[index], person=None, reason=reason)
    return tuple(found)


def default_rate(curve: MatchCurve, templates: int) -> float:
    """Return the rate at which is decided where none is asked for.

    It is the curve's own, raised to what the curve can promise over so many templates, but never
    above 1e-3 for that: a larger gallery needs a rate that somebody chose, or a longer curve.
    """
    return max(curve.default_fmr, min(_HIGHEST_DEFAULT, curve.end * templates))


def describe_default(curve: MatchCurve) -> str:
    """Say at which rate is decided by default, and whether that is what NIST demands."""
    verdict = "meets" if curve.default_fmr <= NIST_FMR else "does not meet"
    return (
        f"default false-match rate {curve.default_fmr:.2g}, which {verdict} the {NIST_FMR:g} of "
        f"NIST SP 800-63B-4; measured down to {curve.end:.2g} on {curve.pairs} pairs of "
        f"{curve.people} people"
    )


def _score(identity: Identity) -> float:
    return -1.0 if identity.score is None else identity.score


def match_threshold(curve: MatchCurve, rate: float, templates: int) -> float:
    """Return the similarity above which one of so many comparisons is a match at the rate.

    Raises:
        InputError: there is nothing to compare with, or the curve says nothing of so low a rate.
    """
    if templates < 1:
        raise InputError(f"expected one template or more to compare with, got {templates}")
    try:
        return threshold_for(curve, rate / templates)
    except InputError as error:
        if templates == 1 or not 0 < rate <= 1:
            raise
        raise InputError(
            f"a false-match rate of {rate:.2g} over {templates} templates needs "
            f"{rate / templates:.2g} for each: {error}; with this gallery, ask for "
            f"{curve.end * templates:.2g} or more"
        ) from error
