from __future__ import annotations

import pytest
import torch

from edgecnn.models.localizer import LocalizerOptions, create_localizer

LIGHT = {
    "lenet5": (1, 32, 32), "five_stage": (3, 64, 64), "mobilenet_v2": (3, 64, 96),
    "resnet18": (3, 64, 64), "googlenet": (3, 96, 96), "alexnet": (3, 96, 96),
}  # fmt: skip


@pytest.mark.parametrize("architecture", LIGHT)
def test_any_backbone_serves(architecture: str) -> None:
    shape = LIGHT[architecture]
    model = create_localizer(LocalizerOptions(architecture, 3, shape)).eval()
    outputs = model(torch.zeros(2, *shape))
    assert [tuple(x.shape) for x in outputs] == [(2, 1), (2, 4), (2, 3)]
    assert not any(name.startswith("backbone.classifier") for name in model.state_dict())


def test_heads_see_where_things_are() -> None:
    options = LocalizerOptions("mobilenet_v2", 2, (3, 64, 96), {"width": 0.25}, channels=8)
    model = create_localizer(options)
    assert model.box.in_features == 8 * 2 * 3  # a global average would leave 8
