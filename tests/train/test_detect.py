from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.augment import AugmentOptions
from edgecnn.data.box_points import score_points
from edgecnn.data.open import open_dataset
from edgecnn.data.samples import Dataset
from edgecnn.errors import RecipeError
from edgecnn.train.detection.recipe import DetectRecipe, decode_rules
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.registry import make_task
from edgecnn.train.run import load_run
from edgecnn.train.scenes import SceneBatch, SceneStream, still_batches
from edgecnn.train.tasks.detect import DetectTask, decode_batch, find_targets
from edgecnn.vision.anchors import anchor_grid
from edgecnn.vision.boxes import iou_matrix


def _log(run: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((run / "log.csv").read_text(encoding="utf-8").splitlines()))


def _task(recipe: Path, *overrides: str) -> DetectTask:
    task = make_task(load_recipe(recipe, overrides))
    assert isinstance(task, DetectTask)
    return task


def test_a_detector_learns_and_its_run_loads(boxes_recipe: Path, tmp_path: Path) -> None:
    done = train(load_recipe(boxes_recipe), tmp_path / "run")
    rows = _log(tmp_path / "run")
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert done.metric == "map50" and 0 <= done.value <= 1
    loaded = load_run(tmp_path / "run")
    assert loaded.classes == ("bar", "disc", "ring", "square")
    assert isinstance(loaded.recipe, DetectRecipe) and len(loaded.recipe.anchors.sizes) == 3


@pytest.mark.slow
def test_a_longer_run_finds_the_shapes(boxes_recipe: Path, tmp_path: Path) -> None:
    keys = ("optimizer.epochs=80", "optimizer.learning_rate=0.003", "data.augment.mirror=0.5")
    assert train(load_recipe(boxes_recipe, keys), tmp_path / "run").value > 0.25  # 0.2996 on x86-64


@pytest.mark.parametrize(
    "overrides",
    [("model.architecture=efficientnet_lite0", "model.options={}"),
     ("data.augment.mosaic=1", "data.augment.rotation=20", "data.augment.hue=10"),
     ("data.workers=1",), ("optimizer.ema=0.9", "optimizer.precision=auto"),
     ("anchors.per_level=1",), ("model.strides=[8, 16]",), ("input.resize=letterbox",),
     ("transfer.train=late", "transfer.freeze_until=features.3", "transfer.batch_norm=frozen")],
)  # fmt: skip
def test_every_option_trains(
    boxes_recipe: Path, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    train(load_recipe(boxes_recipe, ("optimizer.epochs=1", *overrides)), tmp_path / "run")
    assert all(np.isfinite(float(r["loss"])) for r in _log(tmp_path / "run"))


@pytest.mark.parametrize("name", ["upright", "oriented"])
def test_steps_on_one_batch_bring_the_loss_down(
    boxes_recipe: Path, box_sets: Path, name: str
) -> None:
    task = _task(boxes_recipe, f"data.train={box_sets / name / 'train'}",
                 f"data.validation={box_sets / name / 'val'}", "optimizer.batch=8",
                 f"model.oriented={name == 'oriented'}")  # fmt: skip
    torch.manual_seed(1)
    model, batch = task.build(), next(iter(task.batches(0, 0, 1)))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    values = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = task.loss(model, batch, 0.0)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(loss.item())
    print([round(v, 2) for v in values])
    assert values[-1] < 0.5 * values[0]


def test_oriented_boxes_need_corners(boxes_recipe: Path) -> None:
    with pytest.raises(RecipeError, match="upright boxes alone"):
        _task(boxes_recipe, "model.oriented=true")


@pytest.mark.parametrize(
    ("override", "message"),
    [("input.width=100", "multiples of 32"), ("model.strides=[8, 32]", "doubling"),
     ("anchors.sizes=[[[9, 9]]]", "one row for each"), ("transfer.train=classifier", "all or late"),
     ("data.classes=[disc, bar]", "expected disc, bar")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(boxes_recipe: Path, override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        _task(boxes_recipe, override)


@pytest.mark.parametrize("name", ["upright", "oriented"])
@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_truth_written_as_outputs_decodes_to_the_truth(
    boxes_recipe: Path, box_sets: Path, name: str, resize: str
) -> None:
    """Targets, decoder and placement are one another's inverse."""
    folder = box_sets / name
    task = _task(
        boxes_recipe, f"data.train={folder / 'train'}", f"data.validation={folder / 'val'}",
        f"model.oriented={name == 'oriented'}", f"input.resize={resize}",
        # Stretched to another shape a turned rectangle is none.
        "input.width=128" if (name, resize) != ("oriented", "stretch") else "input.height=64",
    )  # fmt: skip
    recipe, dataset = task.recipe, open_dataset(str(folder / "val"))
    batch = next(iter(still_batches(dataset, recipe.input, batch=24)))
    outputs = _ideal_outputs(recipe, batch)
    every = decode_batch(outputs, recipe, batch.sizes)
    for found, sample in zip(every, dataset.samples, strict=True):
        assert len(found.boxes) == len(sample.boxes)
        if not len(sample.boxes):
            continue
        overlaps = iou_matrix(found.boxes, sample.boxes)
        assert (overlaps.max(0) > 0.97).all()
        assert np.array_equal(sample.box_labels[overlaps.argmax(1)], found.classes)
        if sample.quads is not None and resize == "letterbox":
            assert found.quads is not None
            assert np.abs(found.quads - sample.quads[overlaps.argmax(1)]).max() < 0.1


POINTS = "model.points=[right_eye, left_eye, nose, right_mouth, left_mouth]"


@pytest.mark.parametrize("size", ["input.width=128", "input.height=128"])
def test_points_written_as_outputs_decode_to_the_truth(
    boxes_recipe: Path, box_sets: Path, size: str
) -> None:
    task = _on_crowds(boxes_recipe, box_sets, size, "input.resize=letterbox")
    recipe, dataset = task.recipe, open_dataset(str(box_sets / "crowds/val"))
    batch = next(iter(still_batches(dataset, recipe.input, batch=24)))
    every = decode_batch(_ideal_outputs(recipe, batch), recipe, batch.sizes)
    score = score_points(every, dataset)
    assert score is not None and score.missed == 0
    assert score.boxes == sum(len(s.boxes) for s in dataset.samples)
    assert score.error < 1e-5


def _on_crowds(recipe: Path, box_sets: Path, *overrides: str) -> DetectTask:
    return _task(recipe, f"data.train={box_sets / 'crowds/train'}",
                 f"data.validation={box_sets / 'crowds/val'}", POINTS, *overrides)  # fmt: skip


def test_mirroring_keeps_every_point_at_its_own_side(boxes_recipe: Path, box_sets: Path) -> None:
    task = _on_crowds(boxes_recipe, box_sets, "data.augment.mirror=1")
    assert task.recipe.data.augment.mirror_pairs == ((1, 0), (4, 3))
    batch = next(iter(task.batches(0, 0, 1)))
    x = batch.points[..., 0]
    assert len(x) and (x[:, 0] < x[:, 1]).all()  # the person's right eye is at the left


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_points_stay_on_their_heads(boxes_recipe: Path, box_sets: Path, mosaic: float) -> None:
    task = _on_crowds(boxes_recipe, box_sets, f"data.augment.mosaic={mosaic}",
                      "data.augment.mirror=0.5", "data.augment.zoom=[0.7, 0.9]")  # fmt: skip
    for batch in itertools.islice(task.batches(0, 0, 1), 3):
        near, far = batch.boxes[:, None, :2], batch.boxes[:, None, 2:]
        places, seen = batch.points[..., :2], batch.points[..., 2] > 0
        assert seen.any() and ((places > near) & (places < far)).all(2)[seen].all()


def test_a_detector_learns_points(boxes_recipe: Path, box_sets: Path) -> None:
    task = _on_crowds(boxes_recipe, box_sets)
    torch.manual_seed(1)
    model, batch = task.build(), next(iter(task.batches(0, 0, 1)))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    values = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = task.loss(model, batch, 0.0)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize(
    ("override", "message"),
    [("model.points=[left_eye]", "in this order"), ("model.oriented=true", "one of the two")],
)
def test_points_that_do_not_fit_are_refused(
    boxes_recipe: Path, box_sets: Path, override: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        _on_crowds(boxes_recipe, box_sets, override)


def test_a_detector_without_points_takes_a_set_that_has_them(
    boxes_recipe: Path, box_sets: Path
) -> None:
    task = _on_crowds(boxes_recipe, box_sets, "model.points=[]", "data.augment.mirror=1")
    batch = next(iter(task.batches(0, 0, 1)))
    assert batch.points.shape[1] == 0
    assert torch.isfinite(task.loss(task.build(), batch, 0.0))


def _ideal_outputs(recipe: DetectRecipe, batch: SceneBatch) -> tuple[Tensor, ...]:
    """Return what a network would say that knows the truth."""
    rules = decode_rules(recipe)
    grid = torch.from_numpy(anchor_grid(rules, recipe.input.width, recipe.input.height).copy())
    cells = [(recipe.input.width // s) * (recipe.input.height // s) for s in rules.strides]
    levels = [n * len(a) for n, a in zip(cells, rules.anchors, strict=True)]
    targets = find_targets(grid, levels, batch)
    anchors, boxes = grid.repeat(len(batch.counts), 1)[targets.positive], targets.boxes
    raw = torch.zeros(len(batch.counts) * len(grid), 8)
    raw[targets.positive, :2] = (boxes[:, :2] - anchors[:, :2]) / anchors[:, 2:]
    raw[targets.positive, 2:4] = (boxes[:, 2:4] / anchors[:, 2:]).log()
    for first, turn in ((4, boxes[:, 4]), (6, 2 * boxes[:, 4])):
        raw[targets.positive, first], raw[targets.positive, first + 1] = turn.cos(), turn.sin()
    if rules.points:
        offsets = (targets.points[..., :2] - anchors[:, None, :2]) / anchors[:, None, 2:]
        raw = torch.zeros(len(raw), rules.numbers).index_copy(
            0, targets.positive, torch.cat((raw[targets.positive, :4], offsets.flatten(1)), 1)
        )
    logits = torch.full((len(raw), len(rules.labels)), -20.0)
    logits[targets.positive, targets.classes] = 5
    shape = (len(batch.counts), len(grid), -1)
    parts = (torch.split(raw[:, : rules.numbers].reshape(shape), levels, 1),
             torch.split(logits.reshape(shape), levels, 1))  # fmt: skip
    return tuple(x for pair in zip(*parts, strict=True) for x in pair)


@pytest.fixture
def wide(box_sets: Path) -> Dataset:
    """The oriented training set, cut to wide pictures: letterboxing pads them below."""
    return open_dataset(str(box_sets / "oriented/train"))


def test_letterboxed_training_and_device_inputs_agree(wide: Dataset) -> None:
    sample = next(s for s in wide.samples if len(s.boxes))
    top = replace(wide, samples=(replace(sample, read=_Top(sample.read)),))
    spec = InputSpec(width=96, height=96, mean=(64,) * 3, std=(64,) * 3, resize="letterbox")
    item = SceneStream(top, spec, AugmentOptions(), 0)[0]
    still = next(still_batches(top, spec))
    different = np.abs(item.pixels - still.pixels[0].permute(1, 2, 0).numpy()).max((1, 2))
    # Only where picture and grey meet the one resizes across the edge and the other does not.
    assert set(np.flatnonzero(different > 0.05)) <= {71, 72}
    assert np.allclose(item.oriented, still.oriented.numpy(), atol=0.5)


class _Top:
    """Reads the upper part of a picture; a function would not cross processes."""

    def __init__(self, read: Callable[[], NDArray[np.uint8]]) -> None:
        self._read = read

    def __call__(self) -> NDArray[np.uint8]:
        return self._read()[:48]


def test_a_stream_repeats_itself(box_sets: Path) -> None:
    dataset = open_dataset(str(box_sets / "upright/train"))
    spec = InputSpec(width=64, height=64, mean=(64,) * 3, std=(64,) * 3)
    options = AugmentOptions(mosaic=0.7, mirror=0.5, rotation=20, brightness=0.2)
    one, two = (SceneStream(dataset, spec, options, 5) for _ in range(2))
    for position in (0, 7, 130):
        assert np.array_equal(one[position].pixels, two[position].pixels)
        assert np.array_equal(one[position].boxes, two[position].boxes)
    assert torch.is_tensor(next(iter(still_batches(dataset, spec))).pixels)
