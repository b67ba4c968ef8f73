from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.read import read_bundle
from edgecnn.errors import EdgecnnError, GateError
from edgecnn.vision.preprocess import Input
from edgecnn_device import Runner, once
from edgecnn_device import bench as bench_module
from edgecnn_device.alone import measure_alone
from edgecnn_device.backends import FakeBackend
from edgecnn_device.bench import bench
from edgecnn_device.choice import Choice, remembered_choice
from edgecnn_device.runner import choose_variant, open_runner
from edgecnn_device.turns import in_turn
from edgecnn_device.verify import Check


def test_bench_measures_chooses_and_remembers(zoo_bundle: Path) -> None:
    bundle = read_bundle(zoo_bundle)
    found = bench(bundle, rounds=10)
    assert [m.variant for m in found.variants] == list(bundle.manifest.variants)
    for m in found.variants:
        assert m.passed and 0 < m.timed.p50_ms <= m.timed.p90_ms <= m.timed.p99_ms
        assert m.alone.load_ms > 0 and m.alone.first_ms > 0 and m.alone.provider == "CPU"
    assert found.chosen.timed.p50_ms == min(m.timed.p50_ms for m in found.variants)
    assert remembered_choice(bundle, 1) == found.chosen.choice


def test_one_variant_alone_is_not_a_choice(zoo_bundle: Path) -> None:
    bundle = read_bundle(zoo_bundle)
    found = bench(bundle, variant="onnx-int8", rounds=10)
    assert [m.variant.precision for m in found.variants] == ["int8"]
    assert (found.remembered, remembered_choice(bundle, 1)) == (None, None)


def test_a_variant_that_goes_wrong_here_is_never_chosen(
    zoo_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replay(bundle: object, runner: Runner) -> Check:
        return Check(runner.variant.file, runner.variant.precision == "fp32", "as told")

    monkeypatch.setattr(bench_module, "replay", replay)
    bundle = read_bundle(zoo_bundle)
    found = bench(bundle, rounds=10)
    assert found.chosen.variant.precision == "fp32"
    assert sum("fails the golden inputs here" in line for line in found.warnings) == 2
    with pytest.raises(GateError, match="edgecnn verify"):
        bench(bundle, variant="tflite-int8", rounds=10)


def test_the_peak_is_the_variants_own_and_not_its_callers(zoo_bundle: Path) -> None:
    """On Linux a child inherits the resource usage's maximum of its parent."""
    held = np.ones(32_000_000)  # 244 MiB
    bundle = read_bundle(zoo_bundle)
    found = measure_alone(bundle, Choice(bundle.variant("tflite-int8")), 1)
    assert 10 < found.peak_mb < held.nbytes / 2**20


def test_a_process_that_dies_is_one_clear_error(zoo_bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.edge"
    copy.write_bytes(zoo_bundle.read_bytes())
    bundle = read_bundle(copy)
    copy.unlink()
    with pytest.raises(EdgecnnError, match="tflite-int8 could not be measured"):
        measure_alone(bundle, Choice(bundle.variant("tflite-int8")), 1)


def test_all_run_once_a_round_in_varying_order(zoo_bundle: Path) -> None:
    manifest, order = read_bundle(zoo_bundle).manifest, []

    def backend(name: str) -> FakeBackend:
        def answer(inputs: Input) -> NDArray[np.float32]:
            order.append(name)
            return np.asarray(inputs, np.float32)

        return FakeBackend(answer)

    runners = [Runner(manifest, manifest.variants[0], backend(name)) for name in "abc"]
    for runner in runners:
        runner._decode = lambda outputs, manifest, size: ()
    timed = in_turn(runners, [np.zeros((8, 8, 3), np.uint8)], rounds=20, warm_up=5)
    rounds = ["".join(order[i : i + 3]) for i in range(0, len(order), 3)]
    assert (len(timed), len(rounds)) == (3, 25)
    assert all(sorted(r) == ["a", "b", "c"] for r in rounds) and len(set(rounds)) > 3


def test_the_first_run_measures_once_and_remembers(
    zoo_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = read_bundle(zoo_bundle)
    first = choose_variant(bundle, None)
    assert remembered_choice(bundle, 1) == first

    def never(*_: object) -> object:
        raise AssertionError("measured again")

    monkeypatch.setattr(once, "ask_child", never)
    assert open_runner(bundle).variant == first.variant


def test_a_measurement_that_fails_is_not_repeated(
    zoo_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> object:
        raise EdgecnnError("illegal instruction")

    monkeypatch.setattr(once, "ask_child", dies)
    bundle = read_bundle(zoo_bundle)
    assert choose_variant(bundle, None) == Choice(bundle.manifest.variants[0])
    assert remembered_choice(bundle, 1) == Choice(bundle.manifest.variants[0])
