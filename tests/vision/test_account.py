from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.vision.account import SPACE, WHOLE, Account, account, best_paths

A, B, C = 1, 2, 3
SIX, COLUMNS = [A, B, C, A, B, C], (4, 9, 14, 19, 24, 29)


def _print(*columns: int, length: int = 40, sure: float = 0.99) -> NDArray[np.float64]:
    """Return (T, 4) probabilities of A, B, C, A, ... that stand in some columns."""
    p = np.full((length, 4), (1 - sure) / 3)
    p[:, 0] = sure
    for place, column in enumerate(columns):
        p[column] = (1 - sure) / 3
        p[column, 1 + place % 3] = sure
    return p


def _one(p: NDArray[np.float64], text: list[int], spaces: tuple[int, ...] = ()) -> Account:
    (found,) = account(p[None], text, spaces)
    return found


def test_an_even_print_is_all_accounted_for() -> None:
    found = _one(_print(4, 9, 14, 19), [A, B, C, A])
    assert found.gap == pytest.approx(1)
    assert found.left_out == pytest.approx(-np.log(0.99))
    assert found.within(WHOLE)


@pytest.mark.parametrize("place", [1, 3, 4])
@pytest.mark.parametrize("seen", [True, False])
def test_a_character_left_out_leaves_a_gap(place: int, seen: bool) -> None:
    p, text = _print(*COLUMNS), [*SIX[:place], *SIX[place + 1 :]]
    if not seen:  # by the reader: then the gap alone tells
        p[COLUMNS[place]] = p[0]
    found = _one(p, text)
    assert found.gap == pytest.approx(2) and not found.within(WHOLE)
    assert found.left_out == pytest.approx(-np.log(0.01 / 3 if seen else 0.99))


@pytest.mark.parametrize("place", [0, 5])
def test_a_character_left_out_at_an_end_is_no_blank(place: int) -> None:
    found = _one(_print(*COLUMNS), [*SIX[:place], *SIX[place + 1 :]])
    assert found.gap == pytest.approx(1)
    assert not found.within(WHOLE)


def test_a_gap_is_measured_in_pitches() -> None:
    assert _one(_print(4, 9, 14, 24, 29), [A, B, C, A, B]).gap == pytest.approx(2)
    assert _one(_print(2, 4, 6, 10, 12), [A, B, C, A, B]).gap == pytest.approx(2)


def test_a_space_that_is_printed_is_no_gap() -> None:
    p, text = _print(4, 9, 14, 24, 29), [A, B, C, A, B]
    assert _one(p, text, (3,)).gap == pytest.approx(1)
    assert _one(p, text, (2,)).gap == pytest.approx(2)
    wide = _print(4, 9, 14, 32, 37)
    assert _one(wide, text, (3,)).gap == pytest.approx(18 / 5 - SPACE)


def test_each_look_has_its_own_account() -> None:
    looks = np.stack((_print(4, 9, 14, 19, 24), _print(4, 9, 14, 24, 29)))
    gaps = [each.gap for each in account(looks, [A, B, C, A, B])]
    assert gaps == pytest.approx([1, 2])


def test_a_text_without_room_accounts_for_nothing() -> None:
    assert _one(_print(0, 1, length=2), [A, B, C]).gap == np.inf
    assert not _one(np.zeros((6, 4)), [A, B]).within(WHOLE)


@pytest.mark.parametrize("text", [[A], [A, B], [A, A], [A, B, B]])
@pytest.mark.parametrize("seed", range(5))
def test_the_path_is_the_best_of_all(text: list[int], seed: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(4), 6)
    (path,) = best_paths(p[None], text)
    states = np.array([0, *itertools.chain(*((c, 0) for c in text))])
    columns = np.arange(len(p))
    says = {
        classes: p[columns, classes].prod()
        for classes in itertools.product(range(4), repeat=len(p))
        if [k for k, _ in itertools.groupby(classes) if k] == text
    }
    assert p[columns, states[path]].prod() == pytest.approx(max(says.values()))
    assert (np.diff(path) >= 0).all()
