from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.data.augment import LabelledPicture
from edgecnn.data.synth.boxes import BoxesOptions, write_boxes
from edgecnn.errors import EdgecnnError, RecipeError
from edgecnn.train.located import LocatedBatch, prepare
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.run import load_run
from edgecnn.train.tasks.localize import LocalizeLoss, LocalizeRecipe, localize_loss
from edgecnn.vision.boxes import to_centres


@pytest.fixture(scope="module")
def one_shape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with one shape or none: train, and one that has several."""
    folder = tmp_path_factory.mktemp("boxes")
    write_boxes(folder / "train", 64, 1, BoxesOptions(side=48, most=1))
    write_boxes(folder / "several", 16, 2, BoxesOptions(side=96, most=4))
    return folder


@pytest.fixture
def recipe(root: Path, one_shape: Path) -> LocalizeRecipe:
    keys = (f"data.train={one_shape}:train", "model.options={}", "optimizer.epochs=2")
    found = load_recipe(root / "tests/recipes/localize.yaml", keys)
    assert isinstance(found, LocalizeRecipe)
    return found


def test_a_run_is_whole_and_loads(recipe: LocalizeRecipe, tmp_path: Path) -> None:
    done = train(recipe, tmp_path / "run")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    loaded = load_run(tmp_path / "run")
    assert (done.metric, done.epochs) == ("localization_iou", 2)
    assert metrics["validation"] == pytest.approx(done.value)
    assert loaded.classes == ("bar", "disc", "ring", "square")
    outputs = loaded.model(torch.zeros(3, 1, 48, 48))
    assert [tuple(x.shape) for x in outputs] == [(3, 1), (3, 4), (3, 4)]


def test_a_resumed_run_equals_an_unbroken_one(recipe: LocalizeRecipe, tmp_path: Path) -> None:
    whole = train(recipe, tmp_path / "whole")

    def stop(step: object) -> None:
        if getattr(step, "seen", 0) > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "cut", report=stop)
    resumed = train(recipe, tmp_path / "cut", resume=True)
    assert resumed.value == pytest.approx(whole.value)
    one, two = (load_run(tmp_path / name).model.state_dict() for name in ("whole", "cut"))
    assert all(torch.allclose(one[k].float(), two[k].float(), atol=1e-6) for k in one)


def test_late_training_freezes_the_start_of_the_backbone(
    recipe: LocalizeRecipe, root: Path, one_shape: Path
) -> None:
    from edgecnn.train.tasks.localize import LocalizeTask

    keys = (f"data.train={one_shape}:train", "model.architecture=mobilenet_v2",
            "model.options={width: 0.25}",
            "transfer={train: late, freeze_until: features.6}")  # fmt: skip
    late = load_recipe(root / "tests/recipes/localize.yaml", keys)
    assert isinstance(late, LocalizeRecipe)
    task = LocalizeTask(late, strict=True)
    model = task.build()
    model.train()
    task.hold(model)
    features = model.backbone.features
    assert isinstance(features, torch.nn.Sequential)
    assert [m.training for m in features][:9] == [False] * 7 + [True] * 2
    learning = {n for n, p in model.named_parameters() if p.requires_grad}
    assert "presence.weight" in learning and "backbone.features.7.body.0.0.weight" in learning
    assert not any(n.startswith("backbone.features.6.") for n in learning)


@pytest.mark.parametrize(
    ("override", "says"),
    [("data.train={one_shape}:several", "at most one box"),
     ("data.classes=[a, b]", "bar, disc, ring, square"),
     ("transfer={{train: classifier, cache: x}}", "the boxes move"),
     ("input.resize=none", "stretch or letterbox"),
     ("loss.giuo=1", "did you mean giou")],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    root: Path, one_shape: Path, tmp_path: Path, override: str, says: str
) -> None:
    keys = (f"data.train={one_shape}:train", override.format(one_shape=one_shape))
    with pytest.raises((EdgecnnError, RecipeError), match=says):
        train(load_recipe(root / "tests/recipes/localize.yaml", keys), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def _batch(presence: list[float]) -> LocatedBatch:
    number = len(presence)
    boxes = torch.tensor([[0.5, 0.5, 0.4, 0.2]] * number)
    return LocatedBatch(torch.zeros(0), torch.tensor(presence), boxes, torch.zeros(number).long())


def test_box_and_class_count_only_where_something_is() -> None:
    outputs = (torch.zeros(2, 1), torch.randn(2, 4), torch.randn(2, 3))
    empty = localize_loss(outputs, _batch([0.0, 0.0]), LocalizeLoss())
    assert float(empty) == pytest.approx(np.log(2))
    for x in outputs[1:]:
        x.requires_grad_()
    localize_loss(outputs, _batch([1.0, 0.0]), LocalizeLoss()).backward()  # type: ignore[no-untyped-call]
    for x in outputs[1:]:
        assert x.grad is not None and x.grad[0].any() and not x.grad[1].any()


def test_a_perfect_answer_costs_nothing() -> None:
    shares = torch.tensor([[0.5, 0.5, 0.4, 0.2]])
    outputs = torch.tensor([[30.0]]), torch.logit(shares), torch.tensor([[30.0, 0.0, 0.0]])
    assert float(localize_loss(outputs, _batch([1.0]), LocalizeLoss())) == pytest.approx(
        0, abs=1e-5
    )


@pytest.mark.parametrize(
    ("resize", "shares"),
    [("stretch", (0.25, 0.4, 0.1, 0.4)), ("letterbox", (0.25, 0.2, 0.1, 0.2))],
)
def test_targets_are_shares_of_the_input(
    recipe: LocalizeRecipe, resize: str, shares: tuple[float, ...]
) -> None:
    spec = recipe.input.model_copy(update={"resize": resize})
    box = np.array([[20, 10, 30, 30]], np.float32)
    picture = LabelledPicture(np.zeros((50, 100, 3), np.uint8), box, np.array([2]))
    item = prepare(picture, spec)
    assert item.pixels.shape == (48, 48, 1) and (item.presence, item.label) == (1.0, 2)
    assert item.box == pytest.approx(shares)
    assert to_centres(box)[0].tolist() == [25, 20, 10, 20]
    assert prepare(LabelledPicture(picture.image), spec).presence == 0
