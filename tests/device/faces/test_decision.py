from __future__ import annotations

import pytest

from edgecnn.bundle.decode import MatchCurve
from edgecnn.errors import InputError
from edgecnn_device.faces.decision import (
    default_rate,
    describe_default,
    identify,
    identify_frame,
    verify,
)
from edgecnn_device.gallery import Match

CURVE = MatchCurve(
    points=((1e-1, 0.2), (1e-2, 0.3), (1e-3, 0.4), (1e-4, 0.5), (3e-5, 0.55)), pairs=100_000,
    people=500, data="x", default_fmr=1e-3,
)  # fmt: skip


@pytest.mark.parametrize(
    ("score", "templates", "fmr", "match"),
    [(0.41, 1, None, True), (0.4, 1, None, False), (0.41, 10, None, False), (0.51, 10, None, True),
     (0.31, 1, 1e-2, True), (0.51, 1, 1e-4, True), (0.49, 1, 1e-4, False)],
)  # fmt: skip
def test_a_claim_is_decided_by_the_rate_and_the_templates(
    score: float, templates: int, fmr: float | None, match: bool
) -> None:
    found = verify(CURVE, score, templates, fmr)
    assert (found.match, found.fmr) == (match, fmr or 1e-3)
    assert bool(found.reason) != match


@pytest.mark.parametrize(
    ("scores", "templates", "person", "reason"),
    [((0.52,), 10, "p0", ""), ((0.49,), 10, None, "nobody is alike enough"),
     ((0.9, 0.7), 10, "p0", ""), ((0.9, 0.81), 10, None, "about equally"),
     ((), 0, None, "nobody is enrolled")],
)  # fmt: skip
def test_who_is_named_is_alike_enough_for_the_gallery_and_leads_the_second(
    scores: tuple[float, ...], templates: int, person: str | None, reason: str
) -> None:
    best = [Match(f"p{i}", score) for i, score in enumerate(scores)]
    found = identify(CURVE, best, templates)
    assert (found.person, reason in found.reason) == (person, True)


def test_a_rate_that_the_gallery_makes_too_low_is_refused_with_one_that_would_do() -> None:
    with pytest.raises(InputError, match=r"over 100 templates needs 1e-05.*ask for 0\.003"):
        identify(CURVE, [Match("p", 0.9)], 100)
    assert identify(CURVE, [Match("p", 0.9)], 100, 0.003).person == "p"
    with pytest.raises(InputError, match="ends at 3e-05"):
        verify(CURVE, 0.9, 1, 1e-6)


@pytest.mark.parametrize(
    ("own", "templates", "wanted"),
    [(1e-4, 1, 1e-4), (1e-4, 3, 1e-4), (1e-4, 10, 3e-4), (1e-4, 1000, 1e-3), (0.01, 1000, 0.01)],
)
def test_the_default_is_what_the_curve_can_promise_and_never_loose(
    own: float, templates: int, wanted: float
) -> None:
    curve = CURVE.model_copy(update={"default_fmr": own})
    assert default_rate(curve, templates) == pytest.approx(wanted)
    if curve.end * templates <= wanted * 1.0001:
        assert identify(curve, [Match("p", 0.9)], templates).fmr == pytest.approx(wanted)
    else:
        with pytest.raises(InputError, match=f"over {templates} templates"):
            identify(curve, [Match("p", 0.9)], templates)


def test_one_person_is_one_face_of_a_picture_at_most() -> None:
    faces = [
        [Match("a", 0.7), Match("b", 0.3)], [Match("a", 0.9), Match("b", 0.3)],
        [Match("b", 0.8), Match("a", 0.2)], [Match("c", 0.1)],
    ]  # fmt: skip
    found = identify_frame(CURVE, faces, 3)
    assert [f.person for f in found] == [None, "a", "b", None]
    assert "another face" in found[0].reason
    assert [f.score for f in found] == [0.7, 0.9, 0.8, 0.1]


@pytest.mark.parametrize(("rate", "says"), [(1e-3, "does not meet"), (1e-4, "which meets")])
def test_the_default_is_held_against_the_standard(rate: float, says: str) -> None:
    assert says in describe_default(CURVE.model_copy(update={"default_fmr": rate}))
