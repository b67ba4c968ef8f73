from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.errors import RecipeError
from edgecnn.train.recipe import load_read_recipe, load_recipe
from edgecnn.train.tasks.read import ReadRecipe


def test_the_zoo_recipe_holds(root: Path) -> None:
    recipe = load_read_recipe(root / "edgecnn/zoo/recipes/serial-reader.yaml")
    held_out = set(recipe.data.validation.fonts)
    assert not held_out & set(recipe.data.train.fonts)
    assert recipe.input.height == 32


def test_a_resolved_recipe_reads_back(tiny_recipe: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny_recipe, ("optimizer.samples=7", "model.width=0.5"))
    assert isinstance(recipe, ReadRecipe)
    again = tmp_path / "again.yaml"
    again.write_text(recipe.to_yaml(), encoding="utf-8")
    assert load_recipe(again) == recipe
    assert (recipe.optimizer.samples, recipe.model.width) == (7, 0.5)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("optimizer.batchsize=8", "did you mean batch"),
        ("modell.width=1", "did you mean model"),
        ("data.train.font=[a]", "did you mean fonts"),
        ("data.train.camera.blurr=1", "did you mean blur"),
        ("optimizer.batch=0", "optimizer.batch"),
        ("optimizer.batch=many", "optimizer.batch"),
        ("input.mean=[1, 2]", "mean and std need 3"),
        ("optimizer", "expected section.key=value"),
    ],
)
def test_a_wrong_key_or_value_is_named(tiny_recipe: Path, override: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as caught:
        load_recipe(tiny_recipe, (override,))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"- a list", b"a: [", b""])
def test_a_file_that_is_no_recipe_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"x\.yaml") as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)
