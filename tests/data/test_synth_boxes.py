from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.check import check
from edgecnn.data.open import open_dataset, open_splits
from edgecnn.data.synth.boxes import BoxesOptions, draw_boxes, write_boxes
from edgecnn.data.synth.shapes import CLASSES
from edgecnn.vision.quads import hulls, to_quads


def test_the_set_opens_and_has_no_fault(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_boxes(tmp_path / split, 30, seed=len(split), options=BoxesOptions(most=3))
    train, test = open_splits(tmp_path)
    assert train.classes == CLASSES
    assert {len(s.boxes) for s in train.samples} == {0, 1, 2, 3}
    assert all(s.quads is None and s.size == (96, 96) for s in train.samples)
    assert check((train, test)).faults == ()


def test_quads_come_back_as_they_were_drawn(tmp_path: Path) -> None:
    options = BoxesOptions(oriented=True)
    write_boxes(tmp_path / "set", 12, seed=5, options=options)
    dataset = open_dataset(tmp_path / "set")
    assert check((dataset,)).faults == ()
    for index, sample in enumerate(dataset.samples):
        drawn = draw_boxes(options, np.random.default_rng((5, index)))
        assert sample.quads is not None
        assert np.array_equal(sample.read(), drawn.image)
        assert np.allclose(sample.quads, to_quads(drawn.oriented), atol=1e-4)
        assert np.allclose(sample.boxes, hulls(sample.quads), atol=1e-4)


@pytest.mark.parametrize("oriented", [False, True])
def test_boxes_hold_their_shape_and_nothing_is_outside(oriented: bool) -> None:
    options = BoxesOptions(most=1, oriented=oriented)
    seen = 0
    for seed in range(40):
        drawn = draw_boxes(options, np.random.default_rng(seed))
        empty = np.median(drawn.image.astype(int), axis=(0, 1))
        bright = (np.abs(drawn.image - empty).max(2) > 70).nonzero()
        if not len(drawn.labels):
            assert not len(bright[0])
            continue
        rows, columns = bright
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        if not oriented:
            assert np.abs(hulls(to_quads(drawn.oriented))[0] - found).max() <= 1.0
        box = hulls(to_quads(drawn.oriented))[0] + (-1, -1, 1, 1)
        assert (box[:2] <= found[:2]).all() and (found[2:] <= box[2:]).all()
        seen += 1
    assert seen > 10


def test_shapes_stand_apart() -> None:
    for seed in range(20):
        boxes = hulls(
            to_quads(draw_boxes(BoxesOptions(most=8), np.random.default_rng(seed)).oriented)
        )
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                assert (a[:2] >= b[2:]).any() or (a[2:] <= b[:2]).any()
