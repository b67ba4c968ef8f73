from __future__ import annotations

from pathlib import Path

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import Tensor, nn

from edgecnn.errors import CheckpointError, EdgecnnError
from edgecnn.models import create_backbone
from edgecnn.models.mobilenet_v2 import LINE_STRIDES
from edgecnn.models.weights import LoadedWeights, WeightsSource, load_pretrained

TINY = {"width": 0.1, "feature_channels": 16, "num_classes": 5, "same_padding": True}
Layer = tuple[str, nn.Conv2d | nn.Linear, Tensor]
"""Name, module and folded bias."""


def make_network(**options: object) -> nn.Module:
    return create_backbone("mobilenet_v2", **{**TINY, **options}).eval()


def layers_of(network: nn.Module) -> list[Layer]:
    found = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return [(n, m, torch.linspace(-1, 1, m.weight.shape[0])) for n, m in found]


class Writer:
    """Writes layers as the operators of a TFLite file (not a runnable one: weights only)."""

    def __init__(self, per_channel: bool) -> None:
        self.per_channel = per_channel
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model = schema.ModelT()
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        for kind in (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D):
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = kind
            self.model.operatorCodes.append(code)

    def add(self, name: str, module: nn.Conv2d | nn.Linear, bias: Tensor) -> None:
        weight = module.weight.detach().numpy().reshape(*module.weight.shape[:2], -1)
        side = getattr(module, "kernel_size", (1, 1))[0]
        weight = weight.reshape(*weight.shape[:2], side, side)
        depthwise = getattr(module, "groups", 1) > 1
        values = weight.transpose(1, 2, 3, 0) if depthwise else weight.transpose(0, 2, 3, 1)
        operator = schema.OperatorT()
        operator.opcodeIndex = int(depthwise)
        operator.inputs = [-1, self._weight(name, values, 3 if depthwise else 0), self._bias(bias)]
        operator.outputs = []
        options = (schema.DepthwiseConv2DOptionsT if depthwise else schema.Conv2DOptionsT)()
        options.padding = schema.Padding.SAME
        options.strideH, options.strideW = getattr(module, "stride", (1, 1))
        kinds = schema.BuiltinOptions
        operator.builtinOptions = options
        operator.builtinOptionsType = (
            kinds.DepthwiseConv2DOptions if depthwise else kinds.Conv2DOptions
        )
        self.graph.operators.append(operator)

    def _weight(self, name: str, values: np.ndarray, axis: int) -> int:
        others = tuple(i for i in range(4) if i != axis)
        if self.per_channel:
            scale = np.abs(values).max(others, keepdims=True) / 127
            stored, zero = np.round(values / scale).astype(np.int8), 0
            return self._tensor(name, stored, schema.TensorType.INT8, scale.ravel(), zero, axis)
        scale, zero = np.abs(values).max() / 100, 120
        stored = (np.round(values / scale) + zero).astype(np.uint8)
        return self._tensor(name, stored, schema.TensorType.UINT8, np.array([scale]), zero, 0)

    def _bias(self, bias: Tensor) -> int:
        stored = np.round(bias.numpy() / 1e-4).astype(np.int32)
        return self._tensor("bias", stored, schema.TensorType.INT32, np.array([1e-4]), 0, 0)

    def _tensor(
        self, name: str, stored: np.ndarray, kind: int, scale: np.ndarray, zero: int, axis: int
    ) -> int:
        buffer, tensor = schema.BufferT(), schema.TensorT()
        buffer.data = np.frombuffer(stored.tobytes(), np.uint8)
        tensor.name, tensor.shape, tensor.type = name, list(stored.shape), kind
        tensor.buffer = len(self.model.buffers)
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scale.astype(np.float32)
        tensor.quantization.zeroPoint = np.full(len(scale), zero, np.int64)
        tensor.quantization.quantizedDimension = axis
        self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def write(self, path: Path) -> Path:
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def write_file(path: Path, layers: list[Layer], per_channel: bool = True) -> Path:
    writer = Writer(per_channel)
    for layer in layers:
        writer.add(*layer)
    return writer.write(path)


def load(network: nn.Module, path: Path, architecture: str = "mobilenet_v2") -> LoadedWeights:
    source = WeightsSource(path=path, layout="tflite")
    return load_pretrained(network, source, architecture=architecture)


@pytest.fixture
def trained() -> nn.Module:
    torch.manual_seed(1)
    return make_network()


@pytest.fixture
def file(tmp_path: Path, trained: nn.Module) -> Path:
    return write_file(tmp_path / "tiny.tflite", layers_of(trained))


@pytest.mark.parametrize("per_channel", [True, False])
def test_weights_come_out_as_they_were_put_in(
    tmp_path: Path, trained: nn.Module, per_channel: bool
) -> None:
    layers = layers_of(trained)
    path = write_file(tmp_path / "tiny.tflite", layers, per_channel)
    network = make_network()
    assert load(network, path).left_out == ()
    for name, module, _ in layers:
        found = network.get_submodule(name).weight
        assert isinstance(found, Tensor) and found.is_contiguous()
        step = module.weight.abs().max() / 100
        assert (found - module.weight).abs().max() <= step / 2 + 1e-6


def test_folded_batch_norm_becomes_the_bias_exactly(trained: nn.Module, file: Path) -> None:
    load(trained, file)
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        ours = trained.get_submodule("features")(x)
        for _, layer, bias in layers_of(trained)[:-1]:
            layer.bias = nn.Parameter(bias)
        for parent in list(trained.modules()):
            for name, child in parent.named_children():
                if isinstance(child, nn.BatchNorm2d):
                    setattr(parent, name, nn.Identity())
        folded = trained.get_submodule("features")(x)
    assert folded.std() > 0.1
    torch.testing.assert_close(ours, folded, atol=1e-3, rtol=1e-3)


def test_another_number_of_classes_keeps_its_own_head(file: Path) -> None:
    network = make_network(num_classes=7)
    before = network.get_submodule("classifier.1").weight
    start = before.clone() if isinstance(before, Tensor) else None
    assert load(network, file).left_out == ("classifier.1.bias", "classifier.1.weight")
    assert torch.equal(before, start)  # type: ignore[arg-type]


@pytest.mark.parametrize("strides", [None, LINE_STRIDES])
def test_a_backbone_without_classifier_takes_the_features(file: Path, strides: object) -> None:
    network = make_network(**({"strides": strides, "same_padding": False} if strides else {}))
    network.classifier = nn.Identity()
    if strides:  # the stem strides as in the file
        with pytest.raises(CheckpointError, match=r"features\.0\.0.*build .* with same_padding"):
            load(network, file)
        network = make_network(strides=strides)
    assert load(network, file).tensors > 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0.5}, r"features\.0\.0\.weight should be \(16, 3, 3, 3\), is \(8, 3, 3, 3\)"),
        ({"feature_channels": 24}, r"features\.18\.0\.weight should be \(24, 32"),
        ({"same_padding": False}, r"features\.0\.0 was trained with .* build .* with same_padding"),
    ],
)
def test_another_network_is_refused_by_its_first_tensor(
    file: Path, options: dict[str, object], message: str
) -> None:
    network = make_network(**options)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with pytest.raises(CheckpointError, match=message):
        load(network, file)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_another_number_of_operators_is_refused(tmp_path: Path, trained: nn.Module) -> None:
    layers = layers_of(trained)
    short = write_file(tmp_path / "short.tflite", layers[:-1])
    with pytest.raises(CheckpointError, match=r"expected 53 layers.* has 52: classifier\.1 has no"):
        load(make_network(), short)
    long = write_file(tmp_path / "long.tflite", [*layers, ("extra", *layers[-1][1:])])
    with pytest.raises(CheckpointError, match=r"expected 53 layers.* has 54: extra has no"):
        load(make_network(), long)


def test_other_networks_are_not_read(file: Path) -> None:
    with pytest.raises(CheckpointError, match="read for mobilenet_v2, not resnet18"):
        load(make_network(), file, "resnet18")


def test_a_scale_that_is_no_number_is_refused(tmp_path: Path, trained: nn.Module) -> None:
    writer = Writer(per_channel=True)
    for layer in layers_of(trained):
        writer.add(*layer)
    writer.graph.tensors[0].quantization.scale[0] = np.nan
    with pytest.raises(CheckpointError, match=r"features\.0\.0\.weight holds NaN"):
        load(make_network(), writer.write(tmp_path / "nan.tflite"))


def test_a_damaged_file_is_one_error(file: Path, tmp_path: Path) -> None:
    whole, rng = file.read_bytes(), np.random.default_rng(3)
    damaged, refused = tmp_path / "damaged.tflite", 0
    for _ in range(40):
        content = bytearray(whole[: rng.integers(8, len(whole))])
        for place in rng.integers(8, len(content), 200) if rng.random() < 0.5 else ():
            content[place] = rng.integers(256)
        damaged.write_bytes(content)
        try:
            load(make_network(), damaged)
        except EdgecnnError:
            refused += 1
    assert refused == 40


@pytest.mark.parametrize(
    "name", ["tf2_mobilenet_v2_1.0_224_ptq.tflite", "mobilenet_v2_1.0_224_quant.tflite"]
)
def test_a_published_network_answers_as_its_file(
    name: str, real_data: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    monkeypatch.syspath_prepend(root / "tests" / "bench")
    import tflite_import as bench

    path = real_data / "coral_test_data" / name
    network = create_backbone("mobilenet_v2", num_classes=1001, same_padding=True).eval()
    load(network, path)
    assert sum(p.numel() for p in network.parameters()) == 3_506_153
    assert all(p.is_contiguous() for p in network.state_dict().values())
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    pictures = [picture for picture, _ in bench.read_pictures(real_data, 20, 224)]
    ours = [bench.classify_torch(network, picture) for picture in pictures]
    theirs = [bench.classify_file(interpreter, picture) for picture in pictures]
    assert sum(a == b for a, b in zip(ours, theirs, strict=True)) >= 18
