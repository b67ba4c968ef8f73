from __future__ import annotations

import numpy as np
import pytest
import torch

from edgecnn.bundle.decode import AnchorsDecode
from edgecnn.train.detection.assign import assign
from edgecnn.vision.anchors import anchor_grid

RULES = AnchorsDecode(
    labels=("a",), strides=(8, 16, 32), anchors=(((16, 16),), ((32, 32),), ((64, 64),))
)
GRID = torch.from_numpy(anchor_grid(RULES, 128, 128).copy())
LEVELS = [16 * 16, 8 * 8, 4 * 4]


def _upright(corners: list[list[float]]) -> torch.Tensor:
    boxes = torch.tensor(corners, dtype=torch.float32)
    middles, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return torch.cat((middles, sizes, torch.zeros(len(boxes), 1)), 1)


@pytest.mark.parametrize(("side", "level"), [(16, 0), (32, 1), (64, 2)])
def test_an_object_goes_to_the_level_of_its_size(side: int, level: int) -> None:
    box = torch.tensor([[60.0, 60, side, side, 0]])
    places = torch.nonzero(assign(GRID, LEVELS, box) == 0).squeeze(1)
    first = sum(LEVELS[:level])
    at_level = ((places >= first) & (places < first + LEVELS[level])).sum()
    assert len(places) >= 1 and at_level >= len(places) / 2


def test_places_lie_inside_their_object() -> None:
    boxes = _upright([[10, 10, 60, 40], [50, 30, 120, 100], [100, 100, 110, 110]])
    owner = assign(GRID, LEVELS, boxes)
    assert set(owner.tolist()) == {-1, 0, 1, 2}
    for number, box in enumerate(boxes):
        middles = GRID[owner == number, :2]
        assert ((middles - box[:2]).abs() < box[2:4] / 2).all()


@pytest.mark.parametrize("angle", [0.6, 1.57, -2.2])
def test_a_thin_object_at_an_angle_has_its_places_on_itself(angle: float) -> None:
    rules = AnchorsDecode(labels=("a",), strides=(8, 16), anchors=(((80, 12),), ((160, 24),)))
    grid = torch.from_numpy(anchor_grid(rules, 128, 128).copy())
    thin = torch.tensor([[64.0, 64, 90, 14, angle]])
    away = grid[assign(grid, LEVELS[:2], thin) == 0, :2] - thin[0, :2]
    across = away[:, 1] * np.cos(angle) - away[:, 0] * np.sin(angle)
    assert len(across) >= 2 and (across.abs() < 7).all()


def test_an_object_smaller_than_a_cell_still_has_a_place() -> None:
    owner = assign(GRID, LEVELS, _upright([[65, 65, 67, 67]]))
    assert (owner == 0).sum() >= 1


def test_a_shared_place_goes_to_the_better_fit() -> None:
    boxes = _upright([[40, 40, 72, 72], [36, 36, 108, 108]])
    owner = assign(GRID, LEVELS, boxes)
    middle = int(((GRID - torch.tensor([56.0, 56, 32, 32])).abs().sum(1)).argmin())
    assert owner[middle] == 0
    assert {0, 1} <= set(owner.tolist())


def test_two_objects_at_one_place_both_are_learnt() -> None:
    boxes = _upright([[40, 40, 72, 72], [40, 40, 72, 72]])
    assert (assign(GRID, LEVELS, boxes) >= 0).any()


def test_nothing_there_gives_no_place() -> None:
    assert (assign(GRID, LEVELS, torch.zeros(0, 5)) == -1).all()
