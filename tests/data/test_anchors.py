from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.cli.data import command
from edgecnn.data.anchors import box_sizes, find_anchors
from edgecnn.data.samples import Dataset, Sample
from edgecnn.errors import DataError
from edgecnn.vision.quads import hulls, to_quads


def _nothing() -> NDArray[np.uint8]:
    return np.zeros((50, 100, 3), np.uint8)


def _set(*boxes: tuple[float, float, float, float]) -> Dataset:
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    sample = Sample("a.png", _nothing, boxes=rows, box_labels=np.zeros(len(rows), np.int64))
    return Dataset("set", ("thing",), (sample,))


def _spec(resize: str = "stretch") -> InputSpec:
    return InputSpec(width=200, height=200, mean=(0, 0, 0), std=(1, 1, 1), resize=resize)


def test_clusters_are_found_and_sorted_by_area() -> None:
    rng = np.random.default_rng(0)
    truth = np.array(((10, 20), (40, 30), (100, 120)), np.float64)
    sizes = np.repeat(truth, 50, axis=0) * rng.uniform(0.9, 1.1, (150, 2))
    found = find_anchors(rng.permutation(sizes), 3)
    assert np.allclose(found.sizes, truth, rtol=0.05)
    assert found.mean_iou > 0.85 and found.boxes == 150


def test_more_anchors_fit_better_and_equal_seeds_equally() -> None:
    sizes = np.random.default_rng(1).uniform(5, 200, (300, 2))
    fits = [find_anchors(sizes, count).mean_iou for count in (1, 3, 9)]
    assert fits == sorted(fits) and fits[-1] > fits[0] + 0.2
    assert np.array_equal(find_anchors(sizes, 3, 7).sizes, find_anchors(sizes, 3, 7).sizes)


def test_one_anchor_for_each_size_is_exact() -> None:
    sizes = np.array(((10.0, 10), (20, 10), (10, 40)))
    assert find_anchors(np.repeat(sizes, 4, axis=0), 3).mean_iou == pytest.approx(1)


def test_fewer_sizes_than_anchors_are_refused() -> None:
    with pytest.raises(DataError, match="at least 2 sizes of boxes, got 1"):
        find_anchors(np.full((9, 2), 5.0), 2)


@pytest.mark.parametrize(("resize", "size"), [("stretch", (40, 80)), ("letterbox", (40, 40))])
def test_sizes_are_those_that_the_network_sees(resize: str, size: tuple[int, int]) -> None:
    assert np.allclose(box_sizes(_set((10, 10, 30, 30)), _spec(resize)), [size])


@pytest.mark.parametrize(("oriented", "size"), [(True, (30, 4)), (False, (24, 24))])
def test_a_slanting_box_has_the_size_along_its_own_axes(
    oriented: bool, size: tuple[int, int]
) -> None:
    quads = to_quads(np.array([(50, 25, 30, 4, np.pi / 4)], np.float32))
    box = Sample("a.png", _nothing, boxes=hulls(quads), box_labels=np.zeros(1, np.int64),
                 quads=quads)  # fmt: skip
    spec = InputSpec(width=100, height=50, mean=(0, 0, 0), std=(1, 1, 1))
    found = box_sizes(Dataset("set", ("thing",), (box,)), spec, oriented)
    assert np.allclose(found, [size], atol=0.1)


def test_a_set_without_boxes_is_refused() -> None:
    with pytest.raises(DataError, match="expected boxes, got none"):
        box_sizes(_set(), _spec())


def test_the_command_prints_anchors_of_real_cells(real_data: Path) -> None:
    arguments = ["anchors", f"{real_data / 'bccd'}:train", "-n", "3"]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0
    assert "mean IoU 0.8" in done.stdout and "over 2804 boxes" in done.stdout
    assert done.stderr.count("left out") == 1  # a degenerate box
