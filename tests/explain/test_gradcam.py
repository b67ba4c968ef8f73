"""Grad-CAM where the evidence is known, and on every small network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgecnn.errors import InputError
from edgecnn.explain import grad_cam, predict
from edgecnn.explain.layers import feature_map
from edgecnn.models import create_backbone, find_architecture, list_backbones
from edgecnn.models.base import ConvNet

from .conftest import PATCH, SIDE, Planted, TinyNet

FIXED_SIZE = frozenset({"lenet5", "mnist_convnet", "binary_convnet"})
SMALL = 64


def _mass_inside(model: nn.Module, planted: Planted, layer: str | None, other: bool) -> float:
    shares = []
    for x, label, mask in zip(planted.x, planted.labels.tolist(), planted.masks, strict=True):
        heat = grad_cam(model, x[None], 1 - label if other else label, layer)
        assert heat.shape == mask.shape and heat.dtype == np.float32
        assert heat.min() >= 0 and (heat.max() == pytest.approx(1) or heat.max() == 0)
        shares.append(float(heat[mask].sum() / max(heat.sum(), 1e-9)))
    return float(np.mean(shares))


def test_the_network_has_learned_the_clue(trained: TinyNet, held_out: Planted) -> None:
    found = [predict(trained, x[None]).argmax() for x in held_out.x]
    assert np.mean(np.array(found) == held_out.labels.numpy()) >= 0.9


@pytest.mark.parametrize("layer", [None, "features.8"])
def test_the_evidence_lies_in_the_planted_square(
    trained: TinyNet, held_out: Planted, layer: str | None
) -> None:
    area = (PATCH / SIDE) ** 2
    inside = _mass_inside(trained, held_out, layer, other=False)
    assert inside > 5 * area
    assert inside > 3 * _mass_inside(trained, held_out, layer, other=True)


def test_another_class_has_another_map(trained: TinyNet, held_out: Planted) -> None:
    for x, label in zip(held_out.x, held_out.labels.tolist(), strict=True):
        one, other = (grad_cam(trained, x[None], target) for target in (label, 1 - label))
        assert np.abs(one - other).mean() > 0.05


def test_without_a_class_it_is_the_predicted_one(trained: TinyNet, held_out: Planted) -> None:
    x = held_out.x[:1]
    best = int(predict(trained, x).argmax())
    assert np.array_equal(grad_cam(trained, x), grad_cam(trained, x, best))


def test_the_map_is_that_of_the_formula() -> None:
    class Fixed(ConvNet):
        def __init__(self) -> None:
            super().__init__()
            self.features, self.pool = nn.Identity(), nn.Flatten()
            self.classifier = nn.Linear(2 * 4, 3, bias=False)

    torch.manual_seed(1)
    model, x = Fixed(), torch.randn(1, 2, 2, 2)
    weight = model.classifier.weight.detach()[2].reshape(2, 4).mean(1)  # type: ignore[operator]
    expected = (weight[:, None, None] * x[0]).sum(0).clamp(min=0).numpy()
    assert np.allclose(grad_cam(model, x, 2), expected / expected.max(), atol=1e-6)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_network_is_left_as_it_was(frozen: bool, held_out: Planted) -> None:
    model = TinyNet(2).train()
    model.features[1].eval()  # type: ignore[index]
    model.requires_grad_(not frozen)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    with torch.no_grad():
        grad_cam(model, held_out.x[:1], 0)
        predict(model, held_out.x[:1])
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad is not frozen for p in model.parameters())
    assert not any(m._forward_hooks for m in model.modules())


def test_layers_before_work_in_place_are_read_before_it(held_out: Planted) -> None:
    model = TinyNet(2).eval()
    assert feature_map(model, held_out.x[:1], "features.1").min() < 0
    assert feature_map(model, held_out.x[:1], "features.2").min() == 0


@pytest.mark.parametrize("name", list_backbones())
def test_every_registered_classifier_can_be_explained(name: str) -> None:
    torch.manual_seed(0)
    architecture = find_architecture(name)
    with torch.device("meta"):
        parameters = sum(p.numel() for p in create_backbone(name).parameters())
    if parameters > 3e7:
        pytest.skip("too large for a unit test; small networks of its family are here")
    model = create_backbone(name)
    channels, height, width = architecture.input_shape
    if name not in FIXED_SIZE:
        height = width = min(SMALL, height)
    x = torch.randn(1, channels, height, width)
    heats = [grad_cam(model, x, target) for target in (0, 1)]
    assert all(heat.shape == (height, width) and np.isfinite(heat).all() for heat in heats)
    assert not np.array_equal(heats[0], heats[1]) and max(
        heat.max() for heat in heats
    ) == pytest.approx(1)


def test_a_narrow_mobilenet_can_be_explained() -> None:
    torch.manual_seed(0)
    model = create_backbone("mobilenet_v2", width=0.35, num_classes=5)
    x = torch.randn(1, 3, 64, 96)
    heat = grad_cam(model, x, layer="features.4")
    assert heat.shape == (64, 96) and heat.max() == pytest.approx(1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"target": 2}, r"no class 2: the network has classes 0\.\.1"),
    ({"target": -1}, "no class -1"),
    ({"layer": "feature"}, "no layer 'feature': expected a dotted name such as features"),
    ({"layer": "classifier.1"}, r"classifier.1 gives \(1, \d\): expected a feature map"),
]


@pytest.mark.parametrize(("options", "words"), BAD)
def test_what_is_not_there_is_named(options: dict[str, Any], words: str, held_out: Planted) -> None:
    model = TinyNet(2).train()
    with pytest.raises(InputError, match=words):
        grad_cam(model, held_out.x[:1], **options)
    assert model.training and not any(m._forward_hooks for m in model.modules())


def test_only_one_picture_at_a_time(held_out: Planted) -> None:
    with pytest.raises(InputError, match=r"got \(2, 1, 48, 48\)"):
        grad_cam(TinyNet(2), held_out.x[:2])
