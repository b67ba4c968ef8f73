from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.vision.account import WHOLE
from edgecnn.vision.evidence import RIVAL_SHARE, LineEvidence, look, weigh
from edgecnn.vision.serials import GLYPHS, GRAMMARS, to_glyphs

ALL = tuple(GRAMMARS)


def _logits(serial: str, doubts: str = "", lead: float = 1.0) -> NDArray[np.float32]:
    """Columns that say ``serial`` clearly, but for the characters where ``doubts`` differs.

    There they prefer the serial's by ``lead`` nats; negative: the doubts'.
    """
    glyphs, others = to_glyphs(serial), to_glyphs(doubts or serial)
    logits = np.zeros((2 * len(glyphs) + 1, len(GLYPHS) + 1), np.float32)
    logits[::2, 0] = 14
    for place, (char, other) in enumerate(zip(glyphs, others, strict=True)):
        logits[2 * place + 1, GLYPHS.index(char) + 1] = 14
        if other != char:
            logits[2 * place + 1, GLYPHS.index(other) + 1] = 14 - lead
    return logits


def _look(serial: str, doubts: str = "", lead: float = 1.0) -> LineEvidence:
    return look(_logits(serial, doubts, lead), GLYPHS, ALL)


def test_a_clear_print_fits_and_has_a_wide_margin() -> None:
    verdict = weigh([_look("HD7746999K")], GLYPHS)
    assert verdict is not None
    assert (verdict.text, verdict.currency, verdict.looks) == ("HD7746999K", "KRW", 1)
    assert verdict.probability > 0.99
    assert verdict.margin > 6
    assert verdict.fit == pytest.approx(0, abs=0.01)


def test_the_margin_of_one_doubt_is_its_lead() -> None:
    verdict = weigh([_look("HD7746999K", "HD7746909K", lead=2)], GLYPHS)
    assert verdict is not None
    assert verdict.margin == pytest.approx(2, abs=0.01)
    assert verdict.runner_up == "HD7746909K"
    assert verdict.probability == pytest.approx(1 / (1 + np.exp(-2)), abs=0.01)


@pytest.mark.parametrize(
    ("serial", "like"), [("CB2751587D", "C82751587D"), ("25G*749256", "2SG*749256")]
)
def test_a_look_alike_of_another_form_does_not_spoil_the_margin(serial: str, like: str) -> None:
    verdict = weigh([_look(serial)], GLYPHS)
    assert verdict is not None and (verdict.text, verdict.runner_up) == (serial, like)
    assert verdict.margin > 3


@pytest.mark.parametrize(
    ("printed", "letters"), [("HD7746999K", 0), ("HD7746S99K", 1), ("HDI746S99K", 2)]
)
def test_letters_where_digits_stand_fit_less(printed: str, letters: int) -> None:
    verdict = weigh([_look(printed)], GLYPHS)
    assert verdict is not None and verdict.currency == "KRW"
    assert verdict.fit == pytest.approx(letters * np.log(RIVAL_SHARE), abs=0.05)


def test_looks_add_up() -> None:
    """Each look alone is wrong somewhere; together they are right."""
    first = _look("HD7746999K", "HD7746909K", lead=3)
    second = _look("HD7746999K", "HD7746909K", lead=-1)
    assert second.hypotheses[0].text == "HD7746909K"
    verdict = weigh([first, second], GLYPHS)
    assert verdict is not None and verdict.text == "HD7746999K"
    assert verdict.margin == pytest.approx(2, abs=0.01) and verdict.looks == 2


def test_a_serial_that_no_look_puts_first_can_win() -> None:
    doubtful = [_look("HD7746999K", "HD0746999K", lead=-0.5) for _ in range(2)] + [
        _look("HD7746999K", "HD7746999B", lead=-0.5) for _ in range(2)
    ]
    assert all(x.hypotheses[0].text != "HD7746999K" for x in doubtful)
    verdict = weigh(doubtful, GLYPHS)
    assert verdict is not None and verdict.text == "HD7746999K"


def test_the_case_of_letters_makes_no_runner_up() -> None:
    verdict = weigh([_look("Ик2444841", "иК2444841", lead=0.2)], GLYPHS)
    assert verdict is not None and verdict.text.casefold() == "ик2444841"
    assert verdict.runner_up.casefold() != "ик2444841"
    assert verdict.margin > 5
    assert verdict.probability < 0.6


def test_a_look_counts_up_to_its_clip() -> None:
    looks = [_look("HD7746999K"), *[_look("HD7746909K", "HD7746999K", lead=4)] * 2]
    whole, clipped = weigh(looks, GLYPHS), weigh(looks, GLYPHS, clip=1.0)
    assert whole is not None and whole.text == "HD7746999K"
    assert clipped is not None and clipped.text == "HD7746909K"
    assert clipped.margin == pytest.approx(2 * 1 - 1, abs=0.01)


def test_print_that_is_no_serial_does_not_fit() -> None:
    logits = _logits("HELLOWORLD")
    evidence = look(logits, GLYPHS, ALL)
    verdict = weigh([evidence], GLYPHS)
    assert verdict is None or verdict.fit < -8


def test_print_that_says_more_than_a_serial_is_not_accounted_for() -> None:
    verdict = weigh([_look("HD774650993K")], GLYPHS)
    assert verdict is not None and len(verdict.text) == 11
    assert not verdict.account.within(WHOLE)
    verdict = weigh([_look("HD7746999K")], GLYPHS)
    assert verdict is not None and verdict.account.within(WHOLE)


def test_half_of_the_looks_may_be_spoiled() -> None:
    clear = _look("HD7746999K")
    spoiled = dataclasses.replace(clear, log_p=clear.log_p.copy())
    spoiled.log_p[8, 0] = -3  # the reader nearly saw something where the text has a blank
    for looks, whole in (((spoiled,), False), ((clear, spoiled), True),
                         ((clear, spoiled, spoiled), False)):  # fmt: skip
        verdict = weigh(looks, GLYPHS)
        assert verdict is not None and verdict.text == "HD7746999K"
        assert verdict.account.within(WHOLE) is whole


def test_looks_without_hypotheses_say_nothing() -> None:
    blank = np.zeros((21, len(GLYPHS) + 1), np.float32)
    blank[:, 0] = 14
    empty = look(blank, GLYPHS, ALL)
    assert empty.hypotheses == () and empty.free == pytest.approx(0, abs=0.01)
    assert weigh([], GLYPHS) is None
    assert weigh([empty, empty], GLYPHS) is None
    verdict = weigh([empty, _look("HD7746999K")], GLYPHS)
    assert verdict is not None and verdict.looks == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_say_nothing(bad: float) -> None:
    logits = _logits("HD7746999K")
    logits[2, 7] = bad
    evidence = look(logits, GLYPHS, ALL)
    assert evidence.hypotheses == () and evidence.free == -np.inf
    assert np.isfinite(evidence.log_p).all()
    assert weigh([evidence], GLYPHS) is None


def test_two_sure_looks_that_differ_leave_little_margin() -> None:
    verdict = weigh([_look("HD1234567K"), _look("HD1234562K")], GLYPHS)
    assert verdict is not None
    assert verdict.margin < 0.1 and verdict.probability < 0.6
    assert verdict.fit < -4
