"""The matrix finds exactly whom a plain search finds, through adding and removing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgecnn_device.gallery import matrix as module
from edgecnn_device.gallery.matrix import Matrix

Draw = Callable[..., NDArray[np.float32]]


def _plainly(
    rows: NDArray[np.float32], owners: NDArray[np.int64], query: NDArray[np.float32], k: int
) -> list[int]:
    scores = rows @ query
    of = {int(owner): float(scores[owners == owner].max()) for owner in np.unique(owners)}
    return sorted(of, key=lambda owner: of[owner], reverse=True)[:k]


@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_best_people_are_those_of_a_plain_search(vectors: Draw, k: int) -> None:
    rows, owners = vectors(0, 40_000), np.random.default_rng(1).integers(0, 900, 40_000)
    matrix = Matrix(16)
    matrix.append(rows, owners)
    queries = vectors(2, 5)
    found = [[owner for _, owner in best] for best in matrix.best(queries, k)]
    assert found == [_plainly(rows, owners, query, k) for query in queries]


def test_a_person_scores_as_the_best_of_their_templates(vectors: Draw) -> None:
    matrix = Matrix(16)
    matrix.append(vectors(0, 3), np.array([7, 7, 8]))
    [[(score, owner), (_, second)]] = matrix.best(vectors(0, 3)[1:2], 2)
    assert (owner, second) == (7, 8)
    assert score == pytest.approx(1, abs=1e-6)


def test_an_empty_matrix_finds_nobody(vectors: Draw) -> None:
    assert Matrix(16).best(vectors(0, 2), 2) == [[], []]


def test_fewer_people_than_asked_come_back(vectors: Draw) -> None:
    matrix = Matrix(16)
    matrix.append(vectors(0, 4), np.array([3, 3, 3, 3]))
    assert [owner for _, owner in matrix.best(vectors(1, 1), 5)[0]] == [3]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 9)), max_size=30))
def test_adding_and_removing_keeps_everybody_elses_rows(
    steps: list[tuple[bool, int, int]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS", 4)
        matrix, kept = Matrix(2), dict[int, list[float]]()
        for number, (add, owner, n) in enumerate(steps):
            if add:
                matrix.append(np.full((n, 2), number, np.float32), np.full(n, owner))
                kept.setdefault(owner, []).extend([number] * n)
            else:
                assert matrix.remove(owner) == len(kept.pop(owner, []))
        assert len(matrix) == sum(map(len, kept.values()))
        for owner in range(6):
            assert sorted(matrix.of(owner)[:, 0].tolist()) == sorted(kept.get(owner, []))


def test_removing_everybody_gives_the_memory_back(vectors: Draw) -> None:
    matrix = Matrix(16)
    matrix.append(vectors(0, 40_000), np.arange(40_000) % 2)
    for owner in (0, 1):
        assert matrix.remove(owner) == 20_000
    assert (len(matrix), matrix._blocks) == (0, [])


def test_many_alike_are_told_apart_exactly(vectors: Draw) -> None:
    """Nearly one vector, 20,000 times: the first bytes tell nothing, the scores all."""
    rows = vectors(0, 1) + 1e-5 * vectors(1, 20_000)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    matrix = Matrix(16)
    matrix.append(rows, np.arange(20_000))
    query = vectors(0, 1)
    scores = rows.astype(np.float64) @ query[0].astype(np.float64)
    [found] = matrix.best(query, 3)
    assert [owner for _, owner in found] == np.argsort(-scores)[:3].tolist()
    assert [score for score, _ in found] == pytest.approx(np.sort(-scores)[:3] * -1, abs=1e-9)
