from __future__ import annotations

import subprocess
import sys
import textwrap
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgecnn.bundle.manifest import Format
from edgecnn.errors import DataError
from edgecnn_export.calibration import CalibrationSet, sample_hash
from edgecnn_export.quantize import METHODS, Ranges, measure, measure_many, measure_ranges, tap_onnx

KINDS: tuple[Format, ...] = ("onnx", "tflite")
Samples = NDArray[np.float32]


def _values(ranges: Ranges) -> list[tuple[float, float]]:
    return sorted((t.low, t.high) for t in ranges.tensors)


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_in_one_pass_is_the_method_alone(
    kind: Format, models: dict[Format, bytes], samples: Samples
) -> None:
    many = measure_many(kind, models[kind], samples[:8], METHODS)
    assert tuple(r.method for r in many) == METHODS
    for together in many:
        alone = measure_ranges(kind, models[kind], reversed(samples[:8]), together.method)
        assert alone == together


@pytest.mark.parametrize("kind", KINDS)
def test_minmax_covers_the_input_and_every_clipped_activation(
    kind: Format, models: dict[Format, bytes], samples: Samples
) -> None:
    ranges = measure_ranges(kind, models[kind], samples, "minmax")
    assert (samples.min(), samples.max()) in _values(ranges)
    assert len(ranges.tensors) >= 6
    assert ranges.constant == ()
    assert sum(t.low == 0 and 0 < t.high <= 6 for t in ranges.tensors) >= 2


def test_both_runtimes_measure_the_same_input_and_output(
    models: dict[Format, bytes], samples: Samples
) -> None:
    onnx_ranges, tflite = (measure_ranges(k, models[k], samples, "minmax") for k in KINDS)
    found = np.array(_values(onnx_ranges))
    for pair in _values(tflite):
        assert np.abs(found - pair).max(axis=1).min() < 1e-4


def test_the_samples_are_named_as_a_calibration_set_names_them(
    models: dict[Format, bytes], samples: Samples
) -> None:
    ranges = measure_ranges("onnx", models["onnx"], iter(samples[:3]), "minmax")
    hashes = tuple(sample_hash(x) for x in samples[:3])
    assert ranges.calibration.samples == 3
    assert ranges.calibration.sha256 == CalibrationSet("x", samples[:3], hashes).sha256


def test_a_model_too_large_for_one_run_gives_the_same_ranges(
    models: dict[Format, bytes], samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure_ranges("onnx", models["onnx"], samples[:4], "mse")
    monkeypatch.setattr(tap_onnx, "AT_ONCE", 2000)
    assert measure_ranges("onnx", models["onnx"], samples[:4], "mse") == whole


def _network(weight: float) -> bytes:
    """Return conv (all weights equal), relu, as an ONNX file."""
    nodes = [
        helper.make_node("Conv", ["input", "w"], ["made"]),
        helper.make_node("Relu", ["made"], ["output"]),
    ]
    shape = (1, 2, 8, 8)
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.full((2, 2, 1, 1), weight, np.float32), "w")],
    )  # fmt: skip
    opset = helper.make_opsetid("", 20)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    return bytes(model.SerializeToString())


def test_dead_layers_are_listed_and_overflowing_ones_refused() -> None:
    ones = np.ones((3, 2, 8, 8), np.float32)
    ones[:, 0] = np.arange(64).reshape(8, 8)
    dead = measure_ranges("onnx", _network(-1.0), ones, "entropy")
    assert dead.constant == ("output",)
    with pytest.raises(DataError, match="sample 0: activation made holds NaN or infinity"):
        measure_ranges("onnx", _network(3e38), ones, "minmax")


def test_unknown_methods_and_no_samples_are_refused(models: dict[Format, bytes]) -> None:
    with pytest.raises(DataError, match="expected minmax, percentile, entropy, mse"):
        measure_ranges("onnx", models["onnx"], [], "max")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no calibration samples"):
        measure_ranges("onnx", models["onnx"], [], "minmax")


class _Tap:
    """Yields fresh activations, and counts how many are still held somewhere."""

    def __init__(self) -> None:
        self.made: list[weakref.ref[Any]] = []
        self.most_alive = 0

    def run(self, sample: Samples) -> Iterator[tuple[str, Samples]]:
        for index in range(5):
            values = sample * index
            self.made.append(weakref.ref(values))
            self.most_alive = max(self.most_alive, sum(r() is not None for r in self.made))
            yield f"t{index}", values


@pytest.mark.parametrize("number", [4, 40])
def test_no_activation_outlives_its_turn(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tap = _Tap()
    monkeypatch.setattr(measure, "_open_tap", lambda kind, model: tap)
    stream = (np.full((4, 4), i, np.float32) for i in range(number))
    measure_many("onnx", b"", stream, METHODS)
    assert len(tap.made) == 5 * number
    assert tap.most_alive <= 2


_GROWTH = """
    import resource, sys
    import numpy as np
    from pathlib import Path
    from edgecnn_export.quantize import METHODS, measure_many

    model = Path(sys.argv[1]).read_bytes()
    def measure(number):
        stream = (np.random.default_rng(i).normal(size=(2, 256, 256)).astype(np.float32)
                  for i in range(number))
        measure_many("onnx", model, stream, METHODS)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    few = measure(20)
    print((measure(200) - few) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
def test_peak_memory_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    # Kept, the activations of 200 samples would take 300 MiB.
    proto = onnx.load_from_string(_network(0.5))
    for value in (*proto.graph.input, *proto.graph.output):
        for axis in (2, 3):
            value.type.tensor_type.shape.dim[axis].dim_value = 256
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_GROWTH), str(path)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert int(done.stdout) < 40, "MiB"
