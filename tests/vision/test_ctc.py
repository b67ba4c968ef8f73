from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.vision.ctc import best_path, decode_serial, log_softmax
from edgecnn.vision.lattice import LOOKALIKE_SHARE
from edgecnn.vision.serials import DIGITS, GLYPHS, GRAMMARS, to_glyphs

ALL = tuple(GRAMMARS)
Logits = NDArray[np.float32]


def _columns(glyphs: str, charset: str = GLYPHS, clear: float = 12.0) -> Logits:
    """Logits that spell ``glyphs``, a blank around each."""
    logits = np.zeros((2 * len(glyphs) + 1, len(charset) + 1), np.float32)
    logits[::2, 0] = clear
    for place, char in enumerate(glyphs):
        logits[2 * place + 1, charset.find(char) + 1] = clear
    return logits


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ([0, 0, 0], ""),
        ([1, 1, 1], "A"),
        ([1, 0, 1], "AA"),
        ([1, 1, 2, 2, 1], "ABA"),
        ([0, 1, 1, 0, 0, 1, 2, 0], "AAB"),
    ],
)
def test_best_path_collapses_runs(classes: list[int], text: str) -> None:
    logits = 20 * np.eye(3, dtype=np.float32)[classes]
    found, confidence = best_path(log_softmax(logits), "AB")
    assert found == text and confidence == pytest.approx(1, abs=1e-6)


def test_confidence_is_that_of_the_clearest_columns() -> None:
    share = np.array([[0.1, 0.9, 0], [0.4, 0.6, 0], [0.7, 0.2, 0.1], [0.2, 0, 0.8]], np.float32)
    log_p = np.log(share + np.float32(1e-9))
    text, confidence = best_path(log_p, "AB")
    assert text == "AB" and confidence == pytest.approx(0.9 * 0.8, rel=1e-5)


def test_log_softmax_gives_probabilities() -> None:
    logits = np.array([[1000, 0, -1000], [0, 0, 0], [1, 2, 3]], np.float32)
    log_p = log_softmax(logits)
    assert log_p.dtype == np.float32
    assert np.exp(log_p).sum(1) == pytest.approx(np.ones(3), rel=1e-6)
    assert log_p.max() <= 0 and np.isfinite(log_p).all()


@pytest.mark.parametrize(
    ("serial", "currency"),
    [
        ("HD7746999K", "KRW"), ("MB46279860*", "USD"), ("5HA*852592", "INR"),
        ("Ак2444841", "RUB"), ("LR370665P", "JPY"),
    ],
)  # fmt: skip
def test_a_clear_serial_is_read(serial: str, currency: str) -> None:
    reading = decode_serial(_columns(to_glyphs(serial)), GLYPHS, ALL, 0.9)
    assert reading is not None
    assert (reading.text, reading.currency) == (serial, currency)
    assert 0.99 < reading.confidence <= 1


@pytest.mark.parametrize("columns", [1, 2, 60])
def test_a_blank_picture_reads_as_nothing(columns: int) -> None:
    logits = np.zeros((columns, len(GLYPHS) + 1), np.float32)
    logits[:, 0] = 1
    assert decode_serial(logits, GLYPHS, ALL, 0.0) is None


@pytest.mark.parametrize("glyphs", ["A", "HELLO", "HD77", "HD7746999KHD7746999K", "*" * 10])
def test_clear_print_that_is_no_serial_is_withheld(glyphs: str) -> None:
    assert decode_serial(_columns(glyphs), GLYPHS, ALL, 0.5) is None


@pytest.mark.parametrize(
    ("serial", "printed", "seen"),
    [("HD7046999K", "0", "O"), ("HD7146999K", "1", "I"), ("K91746345B", "B", "8")],
)
def test_the_position_decides_between_look_alikes(serial: str, printed: str, seen: str) -> None:
    logits = _columns(serial)
    column = 2 * serial.index(printed) + 1
    logits[column, GLYPHS.index(seen) + 1] = logits[column].max() + 0.5
    assert best_path(log_softmax(logits), GLYPHS)[0] == serial.replace(printed, seen)
    reading = decode_serial(logits, GLYPHS, ALL, 0.0)
    assert reading is not None and reading.text == serial
    like = 1 / (1 + np.exp(-0.5))
    assert reading.confidence == pytest.approx((1 - like) + LOOKALIKE_SHARE * like, rel=0.02)


def test_a_doubtful_reading_is_withheld() -> None:
    logits = _columns("HD7746999K", clear=6)
    reading = decode_serial(logits, GLYPHS, ALL, 0.0)
    assert reading is not None
    below, above = np.nextafter(reading.confidence, [0, 1])
    assert decode_serial(logits, GLYPHS, ALL, below) == reading
    assert decode_serial(logits, GLYPHS, ALL, above) is None


def test_only_the_given_currencies_explain_a_picture() -> None:
    assert decode_serial(_columns("HD7746999K"), GLYPHS, ("RUB",), 0.1) is None


def test_a_repeated_character_needs_a_blank_between() -> None:
    logits = _columns("HD7746999K")
    assert decode_serial(logits, GLYPHS, ALL, 0.9) is not None
    closed = np.delete(logits, 2 * "HD7746999K".index("99") + 2, axis=0)
    assert best_path(log_softmax(closed), GLYPHS)[0] == "HD774699K"
    assert decode_serial(closed, GLYPHS, ("KRW",), 0.5) is None


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_columns_a_reading_is_a_serial(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for length in (8, 9, 10, 11):
        letters = "".join(GLYPHS[i] for i in rng.integers(0, 40, length))
        logits = _columns(letters, clear=2) + rng.normal(0, 1, (2 * length + 1, 1 + len(GLYPHS)))
        reading = decode_serial(logits.astype(np.float32), GLYPHS, ALL, 0.0)
        if reading is not None:
            assert GRAMMARS[reading.currency].match(reading.text) is not None
            assert 0 <= reading.confidence <= 1


def test_patterns_that_the_charset_cannot_spell_are_left_out() -> None:
    assert decode_serial(_columns("0123456789", DIGITS), DIGITS, ALL, 0.0) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_read_as_nothing(bad: float) -> None:
    logits = _columns("HD7746999K")
    logits[3, 5] = bad
    assert decode_serial(logits, GLYPHS, ALL, 0.0) is None
