from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.vision import lattice
from edgecnn.vision.beam import beam_search, text_log_probability
from edgecnn.vision.ctc import log_softmax
from edgecnn.vision.serials import GLYPHS, GRAMMARS, Grammar, Pattern, to_glyphs

ALL = tuple(GRAMMARS)
TOY = "01A"
"""Charset of a toy reader: with the blank, four classes."""

Columns = NDArray[np.float32]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Grammar]:
    """A grammar of two to four characters, under the name TOY."""
    patterns = (
        Pattern("short", ("A", "01")),
        Pattern("long", ("A", "01", "A")),
        Pattern("number", ("01", "0", "01", "01")),
    )
    grammar = Grammar("TOY", patterns, "", "")
    monkeypatch.setattr(lattice, "GRAMMARS", {"TOY": grammar})
    lattice.lattice_of.cache_clear()
    yield grammar
    lattice.lattice_of.cache_clear()


def _random(steps: int, seed: int, classes: int = 1 + len(TOY)) -> Columns:
    logits = np.random.default_rng(seed).normal(0, 1, (steps, classes))
    return log_softmax(logits.astype(np.float32))


def _spelled(glyphs: str, clear: float = 12.0) -> Columns:
    """Columns that say ``glyphs``, a blank around each."""
    logits = np.zeros((2 * len(glyphs) + 1, len(GLYPHS) + 1), np.float32)
    logits[::2, 0] = clear
    for place, char in enumerate(glyphs):
        logits[2 * place + 1, GLYPHS.index(char) + 1] = clear
    return log_softmax(logits)


def _collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c))


def _every_string(log_p: Columns) -> dict[tuple[int, ...], float]:
    """Return the probability of every string, by walking every alignment."""
    p = np.exp(log_p.astype(np.float64))
    out: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        string = _collapse(path)
        out[string] = out.get(string, 0.0) + float(np.prod(p[np.arange(len(p)), list(path)]))
    return out


def _named(strings: dict[tuple[int, ...], float]) -> dict[str, float]:
    return {"".join(TOY[c - 1] for c in s): p for s, p in strings.items()}


@pytest.mark.parametrize("steps", [4, 5, 6])
@pytest.mark.parametrize("seed", range(6))
def test_the_best_serials_are_those_of_every_alignment(toy: Grammar, steps: int, seed: int) -> None:
    log_p = _random(steps, seed)
    found = beam_search(log_p, TOY, ("TOY",), width=500, keep=100)
    every = _named(_every_string(log_p))
    valid = {t: p for t, p in every.items() if toy.match(t)}
    assert [h.text for h in found] == sorted(valid, key=lambda t: -valid[t])
    expected = np.log([valid[h.text] for h in found])
    assert [h.log_probability for h in found] == pytest.approx(expected, abs=1e-5)
    assert {h.currency for h in found} == {"TOY"}


@pytest.mark.parametrize("seed", range(6))
def test_without_a_grammar_the_best_text_is_that_of_every_alignment(seed: int) -> None:
    log_p = _random(5, seed)
    found = beam_search(log_p, TOY, (), width=2000, keep=10)
    every = _named(_every_string(log_p))
    assert [h.text for h in found] == sorted(every, key=lambda t: -every[t])[:10]
    assert found[0].log_probability == pytest.approx(np.log(every[found[0].text]), abs=1e-5)
    assert found[0].currency == ""


@pytest.mark.parametrize("seed", range(4))
def test_a_string_scores_the_sum_of_its_alignments(seed: int) -> None:
    log_p = _random(5, seed)
    every = _every_string(log_p)
    for string in itertools.chain.from_iterable(
        itertools.product((1, 2, 3), repeat=n) for n in range(6)
    ):
        with np.errstate(divide="ignore"):
            expected = np.log(every.get(string, 0.0))
        assert text_log_probability(log_p, string) == pytest.approx(expected, abs=1e-5)


def test_a_string_scores_as_by_hand() -> None:
    """Two columns, one character: it may stand in the first, in the second or in both."""
    log_p = np.log(np.array([[0.6, 0.4], [0.7, 0.3]], np.float32))
    by_hand = 0.4 * 0.7 + 0.6 * 0.3 + 0.4 * 0.3
    assert text_log_probability(log_p, [1]) == pytest.approx(np.log(by_hand), abs=1e-6)
    assert text_log_probability(log_p, []) == pytest.approx(np.log(0.6 * 0.7), abs=1e-6)
    assert text_log_probability(log_p, [1, 1]) == -np.inf  # needs a blank between


def test_no_columns_say_the_empty_text() -> None:
    nothing = np.zeros((0, 4), np.float32)
    assert text_log_probability(nothing, []) == 0
    assert text_log_probability(nothing, [1]) == -np.inf
    assert beam_search(nothing, TOY, ()) == ()


def test_long_lines_do_not_underflow() -> None:
    log_p = np.repeat(_random(1, 0), 3000, axis=0)
    assert np.isfinite(text_log_probability(log_p, [1, 2] * 10))


@pytest.mark.parametrize("serial", ["HD7746999K", "MB46279860*", "5HA*852592", "Ак2444841"])
def test_a_clear_serial_is_certain(serial: str) -> None:
    best, *_ = beam_search(_spelled(to_glyphs(serial)), GLYPHS, ALL)
    assert best.text == serial
    assert -0.05 < best.log_probability <= 0


@pytest.mark.parametrize("serial", ["AA0000000A", "A00000000A", "АА000000000", "AA111111A"])
def test_a_repeated_character_is_counted(serial: str) -> None:
    columns = np.repeat(_spelled(to_glyphs(serial)), 3, axis=0)
    assert beam_search(columns, GLYPHS, ALL)[0].text == serial


def test_a_look_alike_counts_with_its_share() -> None:
    log_p = _spelled("HD7O46999K")
    best = beam_search(log_p, GLYPHS, ("KRW",))[0]
    assert best.text == "HD7046999K"
    clear = beam_search(_spelled("HD7046999K"), GLYPHS, ("KRW",))[0].log_probability
    expected = clear + np.log(lattice.LOOKALIKE_SHARE)
    assert best.log_probability == pytest.approx(expected, abs=1e-3)


def test_one_string_of_shapes_is_a_serial_of_one_currency() -> None:
    """Latin and Cyrillic twins share a class, so only the form tells the currency."""
    ends = lattice.lattice_of(GLYPHS, ALL).ends
    assert {c for end in ends for c, _ in end} == set(ALL)
    assert all(len({c for c, _ in end}) <= 1 for end in ends)


@pytest.mark.parametrize(
    ("glyphs", "text", "currency"),
    [("AB1234567", "АВ1234567", "RUB"), ("AB123456C", "AB123456C", "JPY")],
)
def test_the_script_is_that_of_the_currency(glyphs: str, text: str, currency: str) -> None:
    best = beam_search(_spelled(glyphs), GLYPHS, ALL)[0]
    assert (best.text, best.currency) == (text, currency)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_columns_a_hypothesis_is_a_serial(seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = "".join(GLYPHS[i] for i in rng.integers(0, 40, 10))
    noise = rng.normal(0, 2, (21, 1 + len(GLYPHS)))
    log_p = log_softmax((_spelled(text, clear=3) + noise).astype(np.float32))
    found = beam_search(log_p, GLYPHS, ALL)
    assert len({h.text for h in found}) == len(found)
    for h in found:
        assert GRAMMARS[h.currency].match(h.text) is not None
    scores = [h.log_probability for h in found]
    assert scores == sorted(scores, reverse=True) and all(s <= 0 for s in scores)


def test_a_number_beyond_the_issuers_limit_is_none() -> None:
    assert beam_search(_spelled("LR900000P"), GLYPHS, ("JPY",))[0].text == "LR900000P"
    beyond = [h.text for h in beam_search(_spelled("LR900001P"), GLYPHS, ("JPY",))]
    assert "LR900001P" not in beyond


def test_blank_columns_say_no_serial() -> None:
    log_p = _spelled("")
    assert beam_search(np.repeat(log_p, 64, axis=0), GLYPHS, ALL) == ()
    assert beam_search(log_p, GLYPHS, ())[0].text == ""


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_impossible_columns_say_nothing(value: float) -> None:
    log_p = _spelled("HD7746999K")
    log_p[4] = value
    assert beam_search(log_p, GLYPHS, ALL) == ()
    assert beam_search(log_p, GLYPHS, ()) == ()
    assert text_log_probability(log_p, [1]) == -np.inf


def test_a_charset_that_spells_no_serial_finds_none() -> None:
    assert beam_search(_random(6, 0), TOY, ("KRW",)) == ()
