from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.data.samples import Dataset, Fault, Sample
from edgecnn.data.split import divide
from edgecnn.errors import DataError

SHARES = {"train": 0.7, "val": 0.2, "test": 0.1}


def _no_picture() -> NDArray[np.uint8]:
    return np.zeros((1, 1), np.uint8)


def _dataset(counts: dict[int, int], per_group: int = 1) -> Dataset:
    samples = [
        Sample(f"{label}/{i}", _no_picture, label,
               group=f"{label}-{i // per_group}" if per_group > 1 else "")
        for label, count in counts.items()
        for i in range(count)
    ]  # fmt: skip
    return Dataset("set", tuple(map(str, counts)), tuple(samples))


def _names(dataset: Dataset) -> list[str]:
    return [s.name for s in dataset.samples]


@pytest.mark.parametrize("seed", range(5))
def test_each_class_keeps_its_share(seed: int) -> None:
    counts = {0: 100, 1: 50, 2: 20}
    splits = divide(_dataset(counts), SHARES, seed)
    for split, share in zip(splits, SHARES.values(), strict=True):
        found = np.bincount([s.label or 0 for s in split.samples], minlength=3)
        assert np.abs(found - share * np.array(list(counts.values()))).max() <= 1.5
        assert abs(len(split.samples) - share * 170) < 1
    assert [s.name for s in splits] == ["set:train", "set:val", "set:test"]


def test_every_sample_is_in_one_split_and_in_order() -> None:
    whole = _dataset({0: 30, 1: 31})
    splits = divide(whole, SHARES, 1)
    rank = {name: i for i, name in enumerate(_names(whole))}
    assert sorted(n for s in splits for n in _names(s)) == sorted(rank)
    assert all(_names(s) == sorted(_names(s), key=rank.__getitem__) for s in splits)


@pytest.mark.parametrize("per_group", [2, 5, 7])
def test_a_group_is_never_divided(per_group: int) -> None:
    splits = divide(_dataset({0: 140, 1: 70}, per_group), SHARES, 2)
    groups = [{s.group for s in split.samples} for split in splits]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    for split, share in zip(splits, SHARES.values(), strict=True):
        assert abs(len(split.samples) - share * 210) <= per_group


def test_the_order_on_disk_changes_nothing_and_the_seed_does() -> None:
    whole = _dataset({0: 40, 1: 40}, 2)
    mixed = list(whole.samples)
    random.Random(0).shuffle(mixed)
    first = [set(_names(s)) for s in divide(whole, SHARES, 4)]
    assert [
        set(_names(s)) for s in divide(replace(whole, samples=tuple(mixed)), SHARES, 4)
    ] == first
    assert [set(_names(s)) for s in divide(whole, SHARES, 5)] != first


def test_many_classes_of_one_sample_are_shared_too() -> None:
    splits = divide(_dataset(dict.fromkeys(range(100), 1)), SHARES, 0)
    assert [len(s.samples) for s in splits] == [70, 20, 10]


def test_pictures_with_boxes_are_dealt_by_what_is_in_them() -> None:
    samples = [
        Sample(str(i), _no_picture, boxes=np.ones((1, 4), np.float32),
               box_labels=np.array([i % 4 == 0], np.int64))
        for i in range(80)
    ]  # fmt: skip
    train, test = divide(Dataset("d", ("a", "b"), tuple(samples)), {"x": 0.75, "y": 0.25}, 0)
    assert sum(int(s.box_labels[0]) for s in test.samples) == 5 and len(train.samples) == 60


def test_faults_are_told_once() -> None:
    whole = replace(_dataset({0: 20}), faults=(Fault("f", "bad-label", "d"),))
    assert [len(s.faults) for s in divide(whole, SHARES)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"a": 0.5, "b": 0.4}, "expected shares above 0 that add up to 1"),
        ({"a": 1.2, "b": -0.2}, "expected shares above 0"),
        ({}, "expected shares above 0"),
        ({"a": 0.99, "b": 0.01}, "no sample is left for b: raise its share"),
    ],
)
def test_shares_that_cannot_be(shares: dict[str, float], words: str) -> None:
    with pytest.raises(DataError, match=words):
        divide(_dataset({0: 10}), shares)
