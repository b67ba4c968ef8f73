"""Networks of vectors: their size, their poolings, and what they give when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import nn

from edgecnn.errors import InputError
from edgecnn.models.embedder import Embedder, EmbedderOptions, create_embedder

SMALL = EmbedderOptions("mobilefacenet", (3, 48, 48), size=16, options={"width": 0.125})


def _with(**changes: Any) -> Embedder:
    return create_embedder(replace(SMALL, **changes))


def test_mobilefacenet_has_the_parameters_of_its_paper() -> None:
    model = create_embedder(EmbedderOptions("mobilefacenet", (3, 112, 112)))
    assert sum(p.numel() for p in model.parameters()) == 995_584  # 0.99 million (table 2)
    assert model.state_dict()["pool.0.weight"].shape == (512, 1, 7, 7)


def test_a_shallower_mobilefacenet_has_the_blocks_asked_for() -> None:
    model = _with(options={"width": 0.125, "repeats": [3, 1, 2, 1, 1]})
    kernels = [m.kernel_size[0] for m in model.backbone.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [3, 3, *([1, 3, 1] * 8), 1]
    assert model.eval()(torch.zeros(2, 3, 48, 48)).shape == (2, 16)


@pytest.mark.parametrize("repeats", [[1, 1], [1, 1, 1, 1, 0]])
def test_a_mobilefacenet_needs_a_block_of_each_stage(repeats: list[int]) -> None:
    with pytest.raises(InputError, match="expected 5 numbers of one or more"):
        _with(options={"repeats": repeats})


def test_a_mirrored_one_adds_the_vector_of_the_mirror_image_but_in_training() -> None:
    plain, mirrored, x = _with().eval(), _with(mirror=True).eval(), torch.rand(2, 3, 48, 48)
    mirrored.load_state_dict(plain.state_dict())
    torch.testing.assert_close(mirrored(x), plain(x) + plain(x.flip(3)))
    torch.testing.assert_close(mirrored(x), mirrored(x.flip(3)))
    torch.testing.assert_close(mirrored.train()(x), plain.train()(x))


def test_stages_make_of_a_teachers_features_the_next_ones() -> None:
    model = _with(options={"width": 0.125, "repeats": [1, 1, 1, 1, 1]}).eval()
    x, maps = torch.rand(2, 3, 48, 48), []
    layers, stages = list(cast(nn.Sequential, model.backbone.features)), (2, 4, 7)
    features = x
    for index, layer in enumerate(layers):
        features = layer(features)
        if index in stages:
            maps.append(features)
    assert len(layers) == 8
    vectors, made = model.taught(x, stages, maps)
    torch.testing.assert_close(vectors, model(x))
    for one, wanted in zip(made, maps, strict=True):
        torch.testing.assert_close(one, wanted)


@pytest.mark.parametrize("pooling", ["depthwise", "average"])
@pytest.mark.parametrize(
    ("architecture", "options", "shape"),
    [("mobilefacenet", {"width": 0.125}, (3, 48, 64)), ("lenet5", {"in_channels": 3}, (3, 32, 32)),
     ("mobilenet_v2", {"width": 0.25, "feature_channels": 32}, (3, 64, 64))],
)  # fmt: skip
def test_any_backbone_gives_vectors(
    pooling: str, architecture: str, options: dict[str, object], shape: tuple[int, ...]
) -> None:
    model = _with(architecture=architecture, options=options, input_shape=shape, pooling=pooling)
    assert model.eval()(torch.zeros(2, *shape)).shape == (2, 16)


def test_places_of_the_map_have_weights_of_their_own() -> None:
    torch.manual_seed(0)
    features = torch.rand(1, 64, 3, 3)
    turned = features.flip(3)
    for pooling, alike in (("depthwise", False), ("average", True)):
        pool = _with(pooling=pooling).eval().pool
        assert torch.allclose(pool(features), pool(turned), atol=1e-6) is alike


@pytest.mark.parametrize(
    ("head", "shape"), [("distance", (4, 4)), ("difference", (4, 4)), ("cosine", (4, 5))]
)
def test_a_head_speaks_in_training_alone(head: str, shape: tuple[int, int]) -> None:
    model = _with(head=head, people=5)
    pictures = torch.rand(4, 3, 48, 48)
    vectors, said = model.train()(pictures)
    assert (vectors.shape, said.shape) == ((4, 16), shape)
    said.sum().backward()
    assert isinstance(model.head, nn.Module)
    assert all(p.grad is not None for p in model.head.parameters())
    assert model.eval()(pictures).shape == (4, 16)
    assert _with().train()(pictures).shape == (4, 16)
