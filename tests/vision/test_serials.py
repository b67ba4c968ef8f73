from __future__ import annotations

import itertools

import numpy as np
import pytest

from edgecnn.vision.serials import (
    GLYPHS,
    GRAMMARS,
    MAX_LENGTH,
    Pattern,
    from_glyphs,
    parse,
    snap,
    to_glyphs,
)

PATTERNS = [(currency, p) for currency, g in GRAMMARS.items() for p in g.patterns]
every_pattern = pytest.mark.parametrize(
    ("currency", "pattern"), PATTERNS, ids=[p.name for _, p in PATTERNS]
)

REAL = [
    ("KRW", "HD7746999K"),
    ("USD", "K91746345B"),
    ("USD", "F04163385E"),
    ("USD", "K91746345*"),
    ("USD", "MB46279860A"),
    ("USD", "MB46279860*"),
    ("INR", "5HA852592"),
    ("INR", "0KS108338"),
    ("INR", "5HA*852592"),
    ("INR", "05H852592"),
    ("RUB", "Ак2444841"),
    ("RUB", "иЬ7273916"),
    ("RUB", "АА123456789"),
    ("JPY", "A123456B"),
    ("JPY", "LR370665P"),
    ("JPY", "AA123456BB"),
    ("JPY", "LR000001P"),
    ("JPY", "LR900000P"),
]

WRONG = {
    "KRW": [
        "HI7746999K", "HM7746999K", "HD7746999I", "HD774699K", "HD77469990", "hd7746999k",
        "HD 7746999 K", "",
    ],
    "USD": [
        "M91746345B", "K91746345O", "K91746345Z", "OB46279860A", "ZB46279860A", "MM46279860A",
        "*91746345B", "K9174634*B", "K91746345", "K91746345BB",
    ],
    "INR": [
        *(f"5{letter}A852592" for letter in "IJOXYZ"), "HHA852592", "5H852592", "5HA85259",
        "*5HA852592", "5HA852592*",
    ],
    "RUB": [
        "AK2444841", "Aк2444841", "ЁА2444841", "АЙ2444841", "АА24448411", "А2444841", "2А44484А",
    ],
    "JPY": [
        "LI370665P", "LO370665P", "LR370665O", "LR000000P", "LR900001P", "AA999999BB", "AAA123456B",
        "LR37066P",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("currency", "serial"), REAL)
def test_real_serials_are_accepted(currency: str, serial: str) -> None:
    found = parse(to_glyphs(serial))
    assert GRAMMARS[currency].match(serial) is not None
    assert found is not None and (found.currency, found.text) == (currency, serial)


@pytest.mark.parametrize(
    ("currency", "serial"), [(c, s) for c, many in WRONG.items() for s in many]
)
def test_what_is_never_printed_is_refused(currency: str, serial: str) -> None:
    assert GRAMMARS[currency].match(serial) is None


@every_pattern
def test_samples_satisfy_their_own_grammar_alone(currency: str, pattern: Pattern) -> None:
    rng = np.random.default_rng(len(pattern.name))
    for text in (pattern.sample(rng) for _ in range(40)):
        reading = parse(to_glyphs(text))
        assert reading is not None and len(text) <= MAX_LENGTH
        assert (reading.text, reading.currency, reading.pattern) == (text, currency, pattern.name)
        assert from_glyphs(to_glyphs(text), currency) == text
        assert [c for c, g in GRAMMARS.items() if g.match(from_glyphs(to_glyphs(text), c))] == [
            currency
        ]


@every_pattern
def test_a_sample_is_its_own_repair(currency: str, pattern: Pattern) -> None:
    rng = np.random.default_rng(len(pattern.name))
    for text in (pattern.sample(rng) for _ in range(40)):
        reading = snap(text)
        assert reading is not None and (reading.text, reading.currency) == (text, currency)


def test_no_string_of_shapes_fits_two_currencies() -> None:
    """Of any two patterns of one length, some position's shapes have nothing in common."""
    for (one, p), (other, q) in itertools.combinations(PATTERNS, 2):
        if one != other and len(p.positions) == len(q.positions):
            pairs = zip(p.positions, q.positions, strict=True)
            assert any(set(to_glyphs(a)).isdisjoint(to_glyphs(b)) for a, b in pairs), (p, q)


def test_no_two_currencies_are_compared_in_vain() -> None:
    lengths = [(c, len(p.positions)) for c, p in PATTERNS]
    shared = [1 for (c, m), (d, n) in itertools.combinations(lengths, 2) if c != d and m == n]
    assert len(shared) >= 5


def test_every_shape_has_one_class() -> None:
    assert len(set(GLYPHS)) == len(GLYPHS)
    needed = {c for _, p in PATTERNS for alphabet in p.positions for c in to_glyphs(alphabet)}
    assert needed <= set(GLYPHS)


@every_pattern
def test_positions_list_each_character_once(currency: str, pattern: Pattern) -> None:
    assert all(len(set(p)) == len(p) > 0 for p in pattern.positions)
    assert all(0 < gap < len(pattern.positions) for gap in pattern.gaps)


def test_parse_tries_the_given_currencies_only() -> None:
    assert parse("HD7746999K", ("USD", "JPY")) is None
    assert parse("HD7746999K", ()) is None


@pytest.mark.parametrize(
    ("read", "currency", "serial"),
    [
        ("HD 7746999 K", "KRW", "HD7746999K"),
        ("HO7746999K", "KRW", "HD7746999K"),
        ("hd7746999k", "KRW", "HD7746999K"),
        ("HD77A6999K", "KRW", None),
        ("HD77469991", "KRW", "HD7746999L"),
        ("K9I746345B", "USD", "K91746345B"),
        ("K9l7463458", "USD", "K91746345B"),
        ("KOI746S4SB", "USD", "K01746545B"),
        ("K91746345-*", "USD", "K91746345*"),
        ("SHA8525Q2", "INR", "5HA852502"),
        ("AK2444841", "RUB", "АК2444841"),
        ("Ак24448Ч1", "RUB", "Ак2444841"),
        ("Ак24448З1", "RUB", "Ак2444831"),
        ("LR37O66SP", "JPY", "LR370665P"),
        ("LR90000IP", "JPY", None),
    ],
)
def test_snap_repairs_what_the_position_decides(
    read: str, currency: str, serial: str | None
) -> None:
    reading = snap(read, (currency,))
    assert (reading.text if reading else None) == serial


@pytest.mark.parametrize(
    "read", ["", " ", "hello", "---", "12345", "HD7746999KK", "ﬆ12345678", "²²²²²²²²²", "😀" * 10]
)
def test_snap_finds_nothing_in_junk(read: str) -> None:
    assert snap(read) is None


def test_snap_takes_the_fewest_repairs() -> None:
    reading = snap("LR370665P", ("RUB", "KRW", "JPY"))
    assert reading is not None and reading.currency == "JPY"
