"""A teacher that is asked while its student learns, for vectors and for a map of features."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from edgecnn.errors import DataError, RecipeError
from edgecnn.models.embedder import Embedder
from edgecnn.train.embed_losses import hint_loss
from edgecnn.train.embed_recipe import EmbedRecipe, build_embedder, map_shapes
from edgecnn.train.loop import train
from edgecnn.train.online_teacher import OnlineTeacher
from edgecnn.train.recipe import load_recipe
from edgecnn.train.run import load_run

CHANNELS, SIZE = 6, 16


def write_teacher(path: Path, side: int, with_map: bool = True) -> Path:
    """Write a net of random weights: a map of ``side`` places a side of 32 pixels, and a vector."""
    rng, cell = np.random.default_rng(0), 32 // side
    tensors = {"kernel": rng.normal(size=(CHANNELS, 1, cell, cell)) / cell,
               "matrix": rng.normal(size=(CHANNELS * side * side, SIZE))}  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel"], ["map"], strides=[cell, cell]),
        helper.make_node("Flatten", ["map"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["vectors"]),
    ]
    shapes = {"vectors": ["N", SIZE], "map": ["N", CHANNELS, side, side]}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name])
               for name in (("vectors", "map") if with_map else ("vectors",))]  # fmt: skip
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 1, 32, 32])
    weights = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in tensors.items()]
    graph = helper.make_graph(nodes, "teacher", [pixels], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


class Tapped(nn.Module):
    """An embedder that tells the features behind some of its layers."""

    def __init__(self, model: Embedder, stages: list[int]) -> None:
        super().__init__()
        self.model, self.stages = model, stages

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        vectors, maps = self.model(x), []
        for index, layer in enumerate(cast(nn.Sequential, self.model.backbone.features)):
            x = layer(x)
            maps += [x] if index in self.stages else []
        return vectors, *maps


def _keys(teacher: Path, hint: float = 1.0) -> tuple[str, ...]:
    return ("loss.kind=distill", f"loss.hint={hint}", f"data.teacher={teacher}",
            "data.augment={mirror: 0.5}")  # fmt: skip


def _side(people_recipe: Path) -> int:
    recipe = load_recipe(people_recipe, ())
    assert isinstance(recipe, EmbedRecipe)
    return map_shapes(recipe)[-1][1]


def test_it_gives_what_the_file_gives(tmp_path: Path) -> None:
    teacher = OnlineTeacher(write_teacher(tmp_path / "t.onnx", 8))
    assert teacher.shapes((1, 32, 32)) == (SIZE, ((CHANNELS, 8, 8),))
    lesson = teacher(torch.ones(3, 1, 32, 32, requires_grad=True))
    assert lesson.vectors.shape == (3, SIZE) and not lesson.vectors.requires_grad
    assert [m.shape for m in lesson.maps] == [(3, CHANNELS, 8, 8)]


def test_a_hint_teaches_and_another_run_goes_on_without_it(
    people_recipe: Path, tmp_path: Path
) -> None:
    teacher = write_teacher(tmp_path / "t.onnx", _side(people_recipe))
    train(load_recipe(people_recipe, _keys(teacher)), tmp_path / "hinted")
    rows = np.genfromtxt(tmp_path / "hinted" / "log.csv", delimiter=",", names=True)
    assert rows["loss"][-1] < 0.75 * rows["loss"][0]
    run = load_run(tmp_path / "hinted")
    assert run.model.eval()(torch.zeros(2, 1, 32, 32)).shape == (2, SIZE)
    keys = (f"init={tmp_path / 'hinted'}", "optimizer.epochs=1")
    train(load_recipe(people_recipe, keys), tmp_path / "after")
    assert not any(k.startswith("hint.") for k in load_run(tmp_path / "after").model.state_dict())
    again = (*_keys(teacher), f"init={tmp_path / 'after'}", "optimizer.epochs=1")
    train(load_recipe(people_recipe, again), tmp_path / "again")


def test_stages_learn_by_themselves_and_another_run_joins_them(
    people_recipe: Path, tmp_path: Path
) -> None:
    """The teacher is an untrained network of the same kind, asked behind two of its layers."""
    recipe = load_recipe(people_recipe, ())
    assert isinstance(recipe, EmbedRecipe)
    shapes = map_shapes(recipe)
    stages = [1, len(shapes) - 1]
    teacher = tmp_path / "t.onnx"
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of torch's exporter to itself
        torch.onnx.export(
            Tapped(build_embedder(recipe), stages).eval(),
            (torch.zeros(2, 1, 32, 32),), str(teacher),
            input_names=["pixels"], output_names=["vectors", "one", "two"], dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("n")},), external_data=False, verbose=False,
        )  # fmt: skip
    keys = ("loss.kind=distill", f"loss.stages={stages}", f"data.teacher={teacher}")
    train(load_recipe(people_recipe, keys), tmp_path / "staged")
    losses = np.genfromtxt(tmp_path / "staged" / "log.csv", delimiter=",", names=True)["loss"]
    assert losses[-1] < 0.5 * losses[0]
    joined = ("loss.kind=distill", f"data.teacher={teacher}", f"init={tmp_path / 'staged'}")
    train(load_recipe(people_recipe, joined), tmp_path / "whole")
    whole = np.genfromtxt(tmp_path / "whole" / "log.csv", delimiter=",", names=True)["loss"]
    assert whole[-1] < whole[0]
    for wrong, message in (([1], "expected 2 rising layers"), ([2, stages[1]], "layer 2 gives")):
        with pytest.raises(RecipeError, match=message):
            keys = ("loss.kind=distill", f"loss.stages={wrong}", f"data.teacher={teacher}")
            train(load_recipe(people_recipe, keys), tmp_path / "wrong")


def test_an_error_of_a_map_counts_as_a_share_of_the_teachers() -> None:
    theirs = torch.tensor([3.0, -4.0]).reshape(1, 1, 1, 2)
    assert hint_loss(torch.zeros_like(theirs), theirs).item() == pytest.approx(1.0)
    assert hint_loss(theirs, theirs).item() == 0
    assert hint_loss(theirs, torch.zeros_like(theirs)).isfinite()


@pytest.mark.parametrize(
    ("side", "message"),
    [(2, "choose other strides, or set it to 0"), (None, "gives no map: set it to 0")],
)
def test_a_map_that_does_not_fit_is_refused(
    people_recipe: Path, tmp_path: Path, side: int | None, message: str
) -> None:
    teacher = write_teacher(tmp_path / "t.onnx", side or 8, with_map=side is not None)
    with pytest.raises(RecipeError, match=message):
        train(load_recipe(people_recipe, _keys(teacher)), tmp_path / "run")


def test_a_hint_needs_a_network(people_recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"expected kind distill with an \.onnx"):
        load_recipe(people_recipe, ("loss.hint=1",))


@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
def test_what_is_no_teacher_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "t.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"t\.onnx"):
        OnlineTeacher(path)


def test_pictures_that_a_teacher_does_not_take_are_refused(tmp_path: Path) -> None:
    teacher = OnlineTeacher(write_teacher(tmp_path / "t.onnx", 8))
    with pytest.raises(DataError, match="does not take pictures of"):
        teacher.shapes((3, 32, 32))
