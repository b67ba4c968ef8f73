"""``edgecnn bench`` and ``export --target`` as a contract. Only the last test needs torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgecnn.cli.main import main
from edgecnn.errors import InputError


def _call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def _bench(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    return _call(capsys, "bench", "serial-reader", "--rounds", "10", *arguments)


def test_sustained_ends_and_tells_or_says_that_it_cannot(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, _ = _bench(capsys, "--variant", "tflite-int8", "--sustained", "0.01", "--json")
    found = json.loads(out)
    sustained = found["sustained"]
    assert status == 0
    assert sustained["variant"] == found["chosen"] == {"format": "tflite", "precision": "int8"}
    assert len(sustained["windows"]) == 20 and sustained["seconds"] >= 0.6
    assert {"end_s", "runs", "p50_ms", "p99_ms", "celsius", "mhz", "throttled"} == set(
        sustained["windows"][0]
    )
    assert ("temperature" in sustained["not_told"]) == (sustained["celsius_max"] is None)


def test_sustained_for_people_names_drift_and_the_threads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, _ = _bench(capsys, "--variant", "tflite-int8", "--sustained", "0.01")
    assert status == 0
    assert "Drift: " in out and ", 1 thread" in out and "golden" in out


def test_minutes_have_a_default_and_a_range(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = _call(capsys, "bench", "--sustained", "serial-reader")
    assert (status, "write BUNDLE before --sustained" in err) == (2, True)
    assert _bench(capsys, "--sustained", "0")[0] == 2
    assert "ten minutes" in _call(capsys, "bench", "--help")[1]


def test_a_target_is_explained_and_not_mistaken_for_this_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = _bench(capsys, "--target", "jetson", "--json")
    found = json.loads(out)
    assert (status, found["target"]) == (0, "jetson")
    assert "no TensorRT and no CUDA" in " ".join(found["warnings"])
    assert "this bundle has no onnx-int8-symmetric, onnx-fp16" in err
    assert "not that board" in err and "--precision int8-symmetric" in err


def test_threads_that_are_given_win_over_the_target(capsys: pytest.CaptureFixture[str]) -> None:
    for given, used in (((), 1), (("--threads", "2"), 2)):
        call = ("--variant", "tflite-int8", "--target", "raspberry-pi-5", "--json", *given)
        assert json.loads(_bench(capsys, *call)[1])["threads"] == used


def test_a_processor_without_dot_products_is_warned_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecnn_device.bench.cpuinfo", lambda: "Features\t: fp asimd\n")
    _, out, err = _bench(capsys, "--variant", "tflite-int8", "--json")
    assert json.loads(out)["integer_dot_product"] is False
    assert "asimddp" in err
    assert "asimddp" not in _bench(capsys, "--variant", "tflite-fp32")[2]


@pytest.mark.parametrize(
    ("given", "formats", "precisions"),
    [
        ((), ("onnx",), ("int8-symmetric", "fp16", "fp32")),
        (("--precision", "fp32"), ("onnx",), ("fp32",)),
        (("--format", "tflite", "--precision", "int8"), ("tflite",), ("int8",)),
    ],
)
def test_export_fills_in_what_the_target_wants(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    given: tuple[str, ...], formats: tuple[str, ...], precisions: tuple[str, ...],
) -> None:  # fmt: skip
    pytest.importorskip("torch")
    import edgecnn_export

    seen: list[Any] = []

    def export(source: Path, out: Path, options: Any, *_: object) -> None:
        seen.append(options)
        raise InputError("enough")

    monkeypatch.setattr(edgecnn_export, "export", export)
    out = str(tmp_path / "x.edge")
    status, _, err = _call(capsys, "export", "run", "-o", out, "--target", "jetson", *given)
    assert (status, seen[0].formats, seen[0].precisions) == (2, formats, precisions)
    assert "jetson: TensorRT takes int8" in err
