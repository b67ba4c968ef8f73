"""onnxruntime's providers, with a fake of what an onnxruntime with TensorRT offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from edgecnn.bundle.manifest import Precision
from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.errors import EdgecnnError
from edgecnn.targets import CPU, CUDA, TARGETS, TENSORRT
from edgecnn_device import bench as bench_module
from edgecnn_device import open_runner
from edgecnn_device.alone import Alone
from edgecnn_device.backends.providers import find_providers
from edgecnn_device.bench import Bench, bench
from edgecnn_device.choice import Choice, engine_folder, remember_choice
from edgecnn_device.runner import Runner
from edgecnn_device.turns import Timed

JETSON = TARGETS["jetson"].providers


@pytest.mark.parametrize(
    ("precision", "available", "expected"),
    [
        ("int8-symmetric", (TENSORRT, CUDA, CPU), (TENSORRT, CUDA, CPU)),
        ("fp16", (CPU, CUDA, TENSORRT), (TENSORRT, CUDA, CPU)),
        ("int8", (TENSORRT, CUDA, CPU), (CUDA, CPU)),  # zero points: not for TensorRT
        ("fp32", (CUDA, CPU), (CUDA, CPU)),
        ("fp32", (CPU,), (CPU,)),
        ("fp32", (), (CPU,)),
    ],
)
def test_the_order_is_the_targets_and_the_cpu_comes_last(
    precision: Precision, available: tuple[str, ...], expected: tuple[str, ...], tmp_path: Path
) -> None:
    found = find_providers(JETSON, available, precision, tmp_path)
    assert tuple(p.name for p in found) == expected


@pytest.mark.parametrize(
    ("precision", "allowed"),
    [("fp32", set()), ("fp16", {"trt_fp16_enable"}), ("int8-symmetric", {"trt_int8_enable"})],
)
def test_tensorrt_keeps_its_engine_and_the_variants_precision(
    precision: Precision, allowed: set[str], tmp_path: Path
) -> None:
    options = dict(find_providers(JETSON, JETSON, precision, tmp_path)[0].options)
    assert options.pop("trt_engine_cache_path") == str(tmp_path)
    assert options == dict.fromkeys({"trt_engine_cache_enable", *allowed}, "True")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Make onnxruntime look as if it had TensorRT; returns what sessions were asked for."""
    real, seen = onnxruntime.InferenceSession, []

    class Session:
        def __init__(self, model: bytes, options: Any, providers: list[Any]) -> None:
            self._names = [name for name, _ in providers]
            seen.append(self._names)
            self._session = real(model, options, providers=[CPU])

        def get_providers(self) -> list[str]:
            return self._names

        def __getattr__(self, name: str) -> Any:
            return getattr(self._session, name)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    return seen


def _bench(
    monkeypatch: pytest.MonkeyPatch, bundle: Bundle, *, works: bool = True, crashes: bool = False
) -> Bench:
    """Bench with a stand-in for the processes and times of a GPU."""

    def alone(bundle: Bundle, choice: Choice, threads: int) -> Alone:
        if crashes and choice.providers:
            raise EdgecnnError(f"{choice.variant.file}: exit status -11")
        folder = engine_folder(choice.variant)
        built = TENSORRT not in choice.providers or any(folder.glob("*.engine"))
        if not built:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "x.engine").touch()
        names = {TENSORRT: "TensorRT", CUDA: "CUDA"}
        provider = names[choice.providers[0]] if choice.providers and works else "CPU"
        return Alone(50.0 if built else 90_000.0, 2.0, 100.0, provider)

    def times(runners: list[Runner], *_: object) -> list[Timed]:
        return [Timed(1, 1, 1, 0) if r.provider == "TensorRT" else Timed(9, 9, 9, 0)
                for r in runners]  # fmt: skip

    monkeypatch.setattr(bench_module, "measure_alone", alone)
    monkeypatch.setattr(bench_module, "in_turn", times)
    return bench(bundle, providers=JETSON)


def test_the_engine_is_built_before_load_and_first_are_measured(
    zoo_bundle: Path, monkeypatch: pytest.MonkeyPatch, asked: list[list[str]]
) -> None:
    bundle = read_bundle(zoo_bundle)
    found = {(m.variant.format, m.variant.precision, m.alone.provider): m
             for m in _bench(monkeypatch, bundle).variants}  # fmt: skip
    row = found["onnx", "fp32", "TensorRT"]
    assert (row.build_ms, row.alone.load_ms, row.alone.first_ms) == (90_000, 50, 2)
    assert found["onnx", "int8", "CUDA"].build_ms is None  # asymmetric
    assert {("onnx", "fp32", "CPU"), ("tflite", "int8", "CPU")} <= set(found)
    again = _bench(monkeypatch, bundle).chosen
    assert (again.alone.provider, again.build_ms) == ("TensorRT", None)  # kept


def test_run_takes_the_provider_that_bench_chose(
    zoo_bundle: Path, monkeypatch: pytest.MonkeyPatch, asked: list[list[str]]
) -> None:
    bundle = read_bundle(zoo_bundle)
    _bench(monkeypatch, bundle)
    asked.clear()
    assert open_runner(bundle).provider == "TensorRT"
    assert asked == [[TENSORRT, CUDA, CPU]]
    assert open_runner(bundle, "onnx-fp32").provider == "CPU"


def test_a_provider_that_falls_back_is_said_and_not_measured(
    zoo_bundle: Path, monkeypatch: pytest.MonkeyPatch, asked: list[list[str]]
) -> None:
    found = _bench(monkeypatch, read_bundle(zoo_bundle), works=False)
    assert {m.alone.provider for m in found.variants} == {"CPU"}
    assert any("TensorRT but could not use" in line for line in found.warnings)


def test_a_provider_that_crashes_does_not_stop_the_bench(
    zoo_bundle: Path, monkeypatch: pytest.MonkeyPatch, asked: list[list[str]]
) -> None:
    found = _bench(monkeypatch, read_bundle(zoo_bundle), crashes=True)
    assert len(found.variants) == 4
    assert any(line.startswith("on TensorRT") and "-11" in line for line in found.warnings)


def test_a_choice_for_a_gpu_that_is_gone_runs_on_the_cpu(zoo_bundle: Path) -> None:
    bundle = read_bundle(zoo_bundle)
    remember_choice(bundle, 1, Choice(bundle.variant("onnx-fp32"), (TENSORRT, CUDA)))
    runner = open_runner(bundle)
    assert (runner.variant.file, runner.provider) == (bundle.variant("onnx-fp32").file, "CPU")
