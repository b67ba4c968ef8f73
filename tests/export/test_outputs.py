"""Networks with many outputs, as detectors have: their order and their scales after export."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from edgecnn.bundle.manifest import Format, Precision
from edgecnn_device.backends import open_backend
from edgecnn_export.quantize import measure_ranges, quantize
from edgecnn_export.to_onnx import to_onnx
from edgecnn_export.to_tflite import to_tflite

LEVELS = 6
"""Twelve outputs: by name, output_10 comes before output_2."""
KINDS: tuple[Format, ...] = ("onnx", "tflite")
Samples = list[NDArray[np.float32]]


class Heads(nn.Module):
    """Small box numbers and large scores from each level; all outputs have one shape."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1))
        self.heads = nn.ModuleList(nn.Conv2d(8, 4, 1) for _ in range(2 * LEVELS))
        for index, head in enumerate(self.heads):
            assert isinstance(head, nn.Conv2d) and head.bias is not None
            nn.init.constant_(head.bias, (0.1, -3.0)[index % 2] * (index // 2 + 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found = self.stem(x).relu()
        maps = [head(found).permute(0, 2, 3, 1) for head in self.heads]
        return tuple(m.reshape(m.shape[0], -1, 4) for m in maps)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return Heads().eval()


@pytest.fixture(scope="module")
def samples() -> Samples:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((32, 32, 3)).astype(np.float32) for _ in range(8)]


@pytest.fixture(scope="module")
def wanted(network: nn.Module, samples: Samples) -> list[NDArray[np.float32]]:
    """Each output of the network over the samples."""
    with torch.inference_mode():
        found = network(torch.from_numpy(np.stack(samples)).permute(0, 3, 1, 2))
    return [x.numpy() for x in found]


@pytest.fixture(scope="module")
def models(network: nn.Module, samples: Samples) -> dict[tuple[Format, Precision], bytes]:
    made: dict[tuple[Format, Precision], bytes] = {}
    example = np.zeros((1, 32, 32, 3), np.float32)
    for kind in KINDS:
        fp32 = (to_onnx(network, example, 2 * LEVELS) if kind == "onnx"
                else to_tflite(network, example))  # fmt: skip
        ranges = measure_ranges(kind, fp32, samples, "minmax")
        precisions: tuple[Precision, ...] = ("fp32", "int8")
        made |= {(kind, p): quantize(kind, fp32, p, ranges) for p in precisions}
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("precision", "near"), [("fp32", 1e-3), ("int8", 0.1)])
def test_outputs_keep_the_order_of_the_network(
    models: dict[tuple[Format, Precision], bytes], kind: Format, precision: Precision, near: float,
    samples: Samples, wanted: list[NDArray[np.float32]],
) -> None:  # fmt: skip
    outputs = open_backend(kind, models[kind, precision]).run(samples[0][None])
    assert len(outputs) == 2 * LEVELS
    for index, output in enumerate(outputs):
        distance = [np.abs(output - other[:1]).max() for other in wanted]
        assert int(np.argmin(distance)) == index
        assert distance[index] < near


@pytest.mark.parametrize("kind", KINDS)
def test_every_output_has_a_scale_of_its_own(
    models: dict[tuple[Format, Precision], bytes], kind: Format, wanted: list[NDArray[np.float32]]
) -> None:
    """Boxes of a few tenths would vanish in the steps that scores need."""
    model = models[kind, "int8"]
    scales = _onnx_scales(model) if kind == "onnx" else _tflite_scales(model)
    # A range holds zero, and is measured by the runtime's own float kernels.
    spans = [max(0.0, float(x.max())) - min(0.0, float(x.min())) for x in wanted]
    assert scales == pytest.approx([span / 255 for span in spans], rel=0.02)
    assert len(set(scales)) == 2 * LEVELS
    assert max(scales) > 20 * min(scales)


def _onnx_scales(model: bytes) -> list[float]:
    """Follow each output back to where it leaves its integers."""
    graph = onnx.load_from_string(model).graph
    makers = {name: node for node in graph.node for name in node.output}
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    scales = []
    for output in graph.output:
        node = makers[output.name]
        while node.op_type != "DequantizeLinear":
            assert node.op_type in ("Reshape", "Transpose")
            node = makers[node.input[0]]
        scales.append(float(values[node.input[1]]))
    return scales


def _tflite_scales(model: bytes) -> list[float]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    return [float(d["quantization"][0]) for d in interpreter.get_output_details()]
