from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.check import check
from edgecnn.data.open import open_dataset
from edgecnn.data.synth.shapes import CLASSES, draw_shape, write_shapes
from edgecnn.errors import InputError


def test_the_set_opens_and_has_no_fault(tmp_path: Path) -> None:
    assert write_shapes(tmp_path / "shapes", 20, seed=3) == 20
    dataset = open_dataset(tmp_path / "shapes")
    assert dataset.classes == CLASSES
    assert [sum(s.label == i for s in dataset.samples) for i in range(4)] == [5] * 4
    assert check((dataset,)).faults == ()


@pytest.mark.parametrize("kind", CLASSES)
def test_equal_seeds_draw_equal_pictures(kind: str) -> None:
    one, two, other = (draw_shape(kind, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert one.max() > 115 > np.median(one)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        write_shapes(tmp_path, 4, seed=1)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
