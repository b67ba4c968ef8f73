from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.graph import list_layers, trace
from edgecnn_export.improve.names import name_onnx_layers, name_tflite_layers
from edgecnn_export.quantize import measure_ranges, quantize
from edgecnn_export.to_onnx import to_onnx
from edgecnn_export.to_tflite import to_tflite

Make = Callable[[type[nn.Module]], nn.Module]


class Wrapped(nn.Module):
    """Reaches past its backbone, as a reader does."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.backbone.forward_features(x)  # type: ignore[operator]
        return out


@pytest.fixture
def net(make_small: Make, inputs: Tensor) -> nn.Module:
    return fold_norms(make_small(nn.ReLU6), inputs)


def test_onnx_nodes_are_found_and_survive_quantization(net: nn.Module, inputs: Tensor) -> None:
    pictures = inputs.permute(0, 2, 3, 1).contiguous().numpy()
    content = to_onnx(net, pictures[:1])
    named = name_onnx_layers(net, content)
    assert tuple(n.layer for n in named) == list_layers(trace(net))
    made = quantize("onnx", content, "int8", measure_ranges("onnx", content, pictures, "minmax"))
    int8 = {n.name: n for n in onnx.load_from_string(made).graph.node}
    for entry in named:
        assert entry.layer in int8[entry.operator].input[1]


def test_tflite_operators_are_found(net: nn.Module) -> None:
    model = Wrapped(net).eval()
    content = to_tflite(model, np.zeros((1, 16, 16, 3), np.float32))
    named = name_tflite_layers(model, content)
    assert tuple(n.layer for n in named) == list_layers(trace(model))
    assert len({n.operator for n in named}) == len(named)


def test_equal_weights_are_told_apart_by_their_order() -> None:
    net = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1)).eval()
    with torch.no_grad():
        net[2].weight.copy_(net[0].weight)  # type: ignore[operator,arg-type]
    first, second = name_onnx_layers(net, to_onnx(net, np.zeros((1, 8, 8, 4), np.float32)))
    assert (first.layer, second.layer) == ("0", "2")
    assert first.operator != second.operator


def test_a_file_of_other_weights_has_none_of_the_layers(net: nn.Module) -> None:
    other = nn.Sequential(nn.Conv2d(3, 4, 1)).eval()
    assert name_onnx_layers(net, to_onnx(other, np.zeros((1, 8, 8, 3), np.float32))) == ()
