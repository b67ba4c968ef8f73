"""Who is shown when, and what a teacher says of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.open import open_dataset
from edgecnn.errors import DataError, RecipeError
from edgecnn.train.people import PeopleOrder, usable_people, with_least
from edgecnn.train.teacher import load_teacher

# One person has most of the pictures, as in real sets; the last one has a single one.
PEOPLE = np.repeat(np.arange(7), [40, 2, 3, 4, 2, 5, 1])


def test_every_step_shows_so_many_people_so_often() -> None:
    order = PeopleOrder(PEOPLE, batch=12, pictures=4, seed=3)
    for step in range(20):
        shown = [order(step * 12 + place) for place in range(12)]
        assert sorted(Counter(PEOPLE[shown]).values()) == [4, 4, 4]
        for group in np.reshape(shown, (3, 4)):
            assert len(set(PEOPLE[group])) == 1
            assert len(set(group)) == min(4, (PEOPLE[group[0]] == PEOPLE).sum())


def test_people_are_shown_equally_often_however_many_pictures_they_have() -> None:
    order = PeopleOrder(PEOPLE, batch=12, pictures=4, seed=3)
    shown = Counter(PEOPLE[[order(position) for position in range(12 * 140)]].tolist())
    assert set(shown) == set(range(7))
    assert max(shown.values()) < 1.25 * min(shown.values())


def test_the_order_depends_on_seed_and_position_alone() -> None:
    one, two = (PeopleOrder(PEOPLE, 12, 4, seed=3) for _ in range(2))
    forward = [one(position) for position in range(100)]
    assert [two(position) for position in reversed(range(100))] == forward[::-1]
    other = PeopleOrder(PEOPLE, 12, 4, seed=4)
    assert [other(position) for position in range(100)] != forward


def test_a_step_of_more_people_than_there_are_is_refused() -> None:
    with pytest.raises(RecipeError, match="need 8 people; the training split has 7"):
        PeopleOrder(PEOPLE, 32, 4, seed=0)


def test_people_with_too_few_pictures_are_left_out(people: Path) -> None:
    found, faults = usable_people(open_dataset(people / "train"), strict=True)
    assert not faults and len({s.group for s in found.samples}) == 12
    assert len(with_least(found, 6).samples) == 72 and not with_least(found, 7).samples


def test_a_teachers_vectors_are_found_by_the_names_of_files(people: Path, tmp_path: Path) -> None:
    dataset = open_dataset(people / "val")
    names = [s.name for s in dataset.samples]
    vectors = np.arange(1, 2 * len(names) + 1, dtype=np.float32).reshape(-1, 2)
    path = tmp_path / "teacher.npz"
    np.savez(path, names=np.array(names[::-1]), vectors=vectors[::-1])
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.allclose(load_teacher(path, dataset), expected)
    np.savez(path, names=np.array(names[1:]), vectors=vectors[1:])
    with pytest.raises(DataError, match=f"no vector for 1 of 48 .* the first {names[0]}"):
        load_teacher(path, dataset)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn"])
def test_a_damaged_teacher_is_refused(people: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "teacher.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"expected an \.npz"):
        load_teacher(path, open_dataset(people / "val"))
