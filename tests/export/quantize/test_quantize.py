from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from edgecnn.bundle.manifest import Format
from edgecnn.errors import DataError, InputError
from edgecnn_device.backends import open_backend
from edgecnn_export.quantize import (
    SCHEMES,
    Ranges,
    Scheme,
    find_scheme,
    layers,
    measure_ranges,
    quantize,
    supported,
)
from edgecnn_export.quantize.onnx_weights import round_weights

KINDS: tuple[Format, ...] = ("onnx", "tflite")
Samples = NDArray[np.float32]
NAMES = [f"{s.format}-{s.name}" for s in SCHEMES]

# Decibels of signal over error that each scheme reaches on the small network, less some room.
LEAST_SQNR = {
    "fp32": 200.0, "fp16": 50.0, "int8": 25.0, "int8-symmetric": 20.0, "int8-weights": 30.0,
    "int8-dynamic": 25.0, "int16x8": 30.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def ranges(models: dict[Format, bytes], samples: Samples) -> dict[Format, Ranges]:
    return {k: measure_ranges(k, models[k], samples[:20], "minmax") for k in KINDS}


def _run(kind: Format, model: bytes, inputs: Samples) -> NDArray[np.float64]:
    backend = open_backend(kind, model)
    return np.concatenate([backend.run(x[None])[0] for x in inputs]).astype(np.float64)


def _sqnr(reference: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    error = max(float(((found - reference) ** 2).mean()), 1e-30)
    return float(10 * np.log10((reference**2).mean() / error))


@pytest.mark.parametrize("scheme", SCHEMES, ids=NAMES)
def test_every_scheme_runs_close_to_the_float_model(
    scheme: Scheme, models: dict[Format, bytes], ranges: dict[Format, Ranges], samples: Samples
) -> None:
    kind = scheme.format
    made = quantize(kind, models[kind], scheme.name, ranges[kind])
    reference = _run(kind, models[kind], samples[20:])
    assert _sqnr(reference, _run(kind, made, samples[20:])) > LEAST_SQNR[scheme.name]


@pytest.mark.parametrize("scheme", [s for s in SCHEMES if s.name != "fp32"],
                         ids=[n for n in NAMES if "fp32" not in n])  # fmt: skip
def test_excluded_layers_stay_float(
    scheme: Scheme, models: dict[Format, bytes], ranges: dict[Format, Ranges], samples: Samples
) -> None:
    kind = scheme.format
    every = layers(kind, models[kind])
    made = quantize(kind, models[kind], scheme.name, ranges[kind], every)
    assert len(every) == 4
    if kind == "onnx":
        proto = onnx.load_from_string(made)
        weights = [t for t in proto.graph.initializer if len(t.dims) > 1]
        assert {t.data_type for t in weights} == {onnx.TensorProto.FLOAT}
    else:
        assert sum(weight in made for weight in _float_weights(models["onnx"])) == 4


def _float_weights(model: bytes) -> list[bytes]:
    """Return the bytes of the weights as TFLite stores them."""
    found = [numpy_helper.to_array(t) for t in onnx.load_from_string(model).graph.initializer
             if len(t.dims) in (2, 4)]  # fmt: skip
    return [
        np.ascontiguousarray(w.transpose(1, 2, 3, 0) if w.ndim == 4 and w.shape[1] == 1
                             else w.transpose(0, 2, 3, 1) if w.ndim == 4 else w).tobytes()
        for w in found
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_one_excluded_layer_makes_the_file_better_and_larger(
    kind: Format, models: dict[Format, bytes], ranges: dict[Format, Ranges], samples: Samples
) -> None:
    head = layers(kind, models[kind])[-1:]
    reference = _run(kind, models[kind], samples[20:])
    for scheme in supported(kind)[2:]:
        whole = quantize(kind, models[kind], scheme, ranges[kind])
        part = quantize(kind, models[kind], scheme, ranges[kind], head)
        assert part != whole
        assert _sqnr(reference, _run(kind, part, samples[20:])) > LEAST_SQNR[scheme]


@pytest.mark.parametrize("scheme", supported("onnx"))
def test_onnx_files_pass_the_checker(
    scheme: str, models: dict[Format, bytes], ranges: dict[Format, Ranges]
) -> None:
    made = quantize("onnx", models["onnx"], scheme, ranges["onnx"])
    onnx.checker.check_model(onnx.load_from_string(made), full_check=True)
    assert b"/tmp" not in made


@pytest.mark.parametrize("scheme", ["int8-symmetric", "int16x8"])
def test_symmetric_schemes_have_no_zero_points(
    scheme: str, models: dict[Format, bytes], ranges: dict[Format, Ranges]
) -> None:
    proto = onnx.load_from_string(quantize("onnx", models["onnx"], scheme, ranges["onnx"]))
    zeros = [numpy_helper.to_array(t) for t in proto.graph.initializer if "zero_point" in t.name]
    assert len(zeros) > 5
    assert not any(z.any() for z in zeros)


def test_rounded_weights_are_within_half_a_step_of_each_channel() -> None:
    weights = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
    weights[1] = 0
    values, scale = round_weights(weights, 0)
    assert np.abs(values * scale[:, None, None] - weights).max() <= scale.max() * 0.501
    assert np.abs(values).reshape(4, -1).max(axis=1).tolist() == [127, 0, 127, 127]


def test_what_does_not_exist_is_refused_with_what_does() -> None:
    expected = "tflite has no scheme 'int4': expected one of fp32, fp16, int8, int8-weights"
    with pytest.raises(InputError, match=expected):
        quantize("tflite", b"never read", "int4")
    with pytest.raises(InputError, match="tflite has no scheme 'int8-symmetric'"):
        find_scheme("tflite", "int8-symmetric")
    with pytest.raises(InputError, match="unknown format 'coreml'"):
        find_scheme("coreml", "int8")  # type: ignore[arg-type]


def test_ranges_are_refused_before_any_work(
    models: dict[Format, bytes], ranges: dict[Format, Ranges], samples: Samples
) -> None:
    with pytest.raises(InputError, match="onnx int8 needs ranges"):
        quantize("onnx", b"never read", "int8")
    with pytest.raises(DataError, match="measure them again"):
        quantize("onnx", b"never read", "int8", ranges["onnx"])
    entropy = measure_ranges("onnx", models["onnx"], samples[:2], "entropy")
    with pytest.raises(InputError, match="entropy chooses ranges for 8 bits"):
        quantize("onnx", models["onnx"], "int16x8", entropy)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_that_is_not_there_is_refused(kind: Format, models: dict[Format, bytes]) -> None:
    name = layers(kind, models[kind])[0]
    with pytest.raises(InputError, match="did you mean "):
        quantize(kind, models[kind], "int8-weights", None, [name + "x"])


def test_names_are_unique() -> None:
    for key in ("name", "stands_for"):
        named = [(s.format, getattr(s, key)) for s in SCHEMES]
        assert len(set(named)) == len(named)


_MAKE = """
    import hashlib, sys
    import numpy as np
    from pathlib import Path
    from edgecnn_export.quantize import layers, measure_ranges, quantize, supported

    samples = np.load(sys.argv[1] + "/samples.npy")
    for kind in ("onnx", "tflite"):
        model = Path(f"{sys.argv[1]}/model.{kind}").read_bytes()
        ranges = measure_ranges(kind, model, samples, "percentile")
        for scheme in supported(kind):
            made = quantize(kind, model, scheme, ranges, layers(kind, model)[:1])
            print("made", kind, scheme, hashlib.sha256(made).hexdigest())
"""


def test_another_process_makes_the_same_bytes(
    models: dict[Format, bytes], samples: Samples, tmp_path: Path
) -> None:
    np.save(tmp_path / "samples.npy", samples[:6])
    for kind in KINDS:
        (tmp_path / f"model.{kind}").write_bytes(models[kind])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_MAKE), str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if line.startswith("made")]
    expected = []
    for kind in KINDS:
        ranges = measure_ranges(kind, models[kind], samples[:6], "percentile")
        for scheme in supported(kind):
            made = quantize(kind, models[kind], scheme, ranges, layers(kind, models[kind])[:1])
            expected.append(f"made {kind} {scheme} {hashlib.sha256(made).hexdigest()}")
    assert found == expected
