from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from edgecnn.errors import DataError
from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe
from edgecnn.train.run import load_run

NET = ("model.architecture=mobilenet_v2", "model.options.width=0.25", "input.channels=3",
       "input.colour=rgb", "input.mean=[64,64,64]", "input.std=[64,64,64]",
       "transfer.train=classifier", "optimizer.epochs=2")  # fmt: skip


def test_a_head_trained_on_the_cache_is_the_one_trained_through_the_base(
    shapes_recipe: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "features.safetensors"
    through = train(load_recipe(shapes_recipe, NET), tmp_path / "through")
    cached = train(load_recipe(shapes_recipe, (*NET, f"transfer.cache={cache}")), tmp_path / "on")
    one, two = (load_file(tmp_path / n / "checkpoint.safetensors") for n in ("through", "on"))
    assert all(torch.allclose(one[k], two[k], atol=1e-5) for k in one)
    assert cached.value == through.value
    assert cache.exists()


@pytest.mark.parametrize(
    ("override", "says"),
    [("model.options.width=0.35", "other weights"), ("input.mean=[0,0,0]", "other preprocessing"),
     ("data.validation=0.3", "other data"), ("seed=9", "other weights and data")],
)  # fmt: skip
def test_a_cache_of_something_else_is_refused(
    shapes_recipe: Path, tmp_path: Path, override: str, says: str
) -> None:
    cache = tmp_path / "features.safetensors"
    keys = (*NET, "optimizer.epochs=1", f"transfer.cache={cache}")
    train(load_recipe(shapes_recipe, keys), tmp_path / "first")
    before = cache.read_bytes()
    with pytest.raises(DataError, match=says):
        train(load_recipe(shapes_recipe, (*keys, override)), tmp_path / "second")
    assert cache.read_bytes() == before


def test_a_file_that_is_no_cache_is_refused(shapes_recipe: Path, tmp_path: Path) -> None:
    cache = tmp_path / "features.safetensors"
    cache.write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a feature cache"):
        train(load_recipe(shapes_recipe, (*NET, f"transfer.cache={cache}")), tmp_path / "run")


def test_a_cached_run_still_holds_the_whole_network(shapes_recipe: Path, tmp_path: Path) -> None:
    keys = (*NET, f"transfer.cache={tmp_path / 'f.safetensors'}")
    train(load_recipe(shapes_recipe, keys), tmp_path / "run")
    with torch.inference_mode():
        assert load_run(tmp_path / "run").model(torch.zeros(1, 3, 32, 32)).shape == (1, 4)
