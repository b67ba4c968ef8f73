"""The command line as a contract: statuses, one-line errors, JSON shapes. No torch needed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgecnn.cli.main import SUMMARIES, VERBS, main


def _call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help_and_stands_in_the_readme(
    capsys: pytest.CaptureFixture[str], root: Path, verb: str
) -> None:
    status, out, _ = _call(capsys, verb, "--help")
    assert status == 0
    assert "Usage" in out
    assert f"edgecnn {verb}" in (root / "README.md").read_text(encoding="utf-8")
    assert set(SUMMARIES) == set(VERBS)


def test_run_prints_one_object_per_picture(
    capsys: pytest.CaptureFixture[str], pictures: Path
) -> None:
    status, out, _ = _call(capsys, "run", "serial-reader", str(pictures), "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [Path(x["source"]).name for x in lines] == ["0.png", "1.png"]
    assert all(x["task"] == "read" and x["frame"] == 0 for x in lines)
    assert set(lines[0]["results"][0]) >= {"text", "confidence", "currency"}


def test_one_bad_picture_is_reported_and_the_rest_is_done(
    capsys: pytest.CaptureFixture[str], pictures: Path
) -> None:
    (pictures / "00.png").write_bytes(b"torn")
    status, out, err = _call(capsys, "run", "serial-reader", str(pictures), "--json")
    assert (status, len(out.splitlines())) == (2, 2)
    assert "00.png" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "serial-reader", "{tmp}/absent.png"), "no such file"),
        (("run", "serial-reader", "{tmp}/empty"), "no picture in it"),
        (("run", "no-such-bundle", "x.png"), "serial-reader"),
        (("run", "{tmp}/cut.edge", "x.png"), "not a bundle, or cut short"),
        (("run", "serial-reader", "x.png", "--variant", "onnx-int4"), "tflite-int8"),
        (("verify", "{tmp}/cut.edge"), "not a bundle"),
        (("bench", "{tmp}/cut.edge"), "not a bundle"),
        (("verify", "serial-reader", "--public-key", "{tmp}/cut.edge"), "public key"),
        (("evaluate", "serial-reader", "{tmp}/empty"), "labels.csv"),
        (("evaluate", "serial-reader", "x", "--save", "{tmp}/plots"), "--save is for what detects"),
        (("run", "serial-reader"), "Missing argument"),
        (("data", "synth", "serial-lines", "-n", "2", "--seed", "1", "-o", "{tmp}"), "not empty"),
        (("data", "synth", "coins", "-n", "2", "--seed", "1", "-o", "{tmp}/x"), "serial-lines"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_bad_input_is_one_clear_line_and_status_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, zoo_bundle: Path,
    arguments: tuple[str, ...], says: str,
) -> None:  # fmt: skip
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.edge").write_bytes(zoo_bundle.read_bytes()[:-2000])
    before = _files(tmp_path)
    filled = [a.format(tmp=tmp_path) for a in arguments]
    status, out, err = _call(capsys, *filled)
    assert status == 2
    assert says in err
    assert out == ""
    assert len([x for x in err.splitlines() if x.startswith(("edgecnn:", "Error:"))]) == 1
    assert _files(tmp_path) == before


def _files(folder: Path) -> list[Path]:
    """List everything but the cache: a measured choice may stay, whatever comes after it."""
    return sorted(p for p in folder.rglob("*") if "cache" not in p.parts)


def test_verify_tells_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = _call(capsys, "verify", "serial-reader", "--json")
    found = json.loads(out)
    assert (status, found["ok"]) == (0, True)
    assert {c["name"] for c in found["checks"]} >= {"hashes", "tflite-int8", "onnx-fp32"}


def test_a_signature_is_required_when_a_key_is_given(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert _call(capsys, "keygen", "-o", str(tmp_path / "k.pem"))[0] == 0
    key = str(tmp_path / "k.pub")
    status, _, err = _call(capsys, "verify", "serial-reader", "--public-key", key)
    assert (status, "signature is required" in err) == (2, True)
    assert _call(capsys, "keygen", "-o", str(tmp_path / "k.pem"))[0] == 2


def test_bench_names_the_fastest_and_run_then_takes_it(
    capsys: pytest.CaptureFixture[str], pictures: Path
) -> None:
    status, out, _ = _call(capsys, "bench", "serial-reader", "--rounds", "10", "--json")
    found = json.loads(out)
    keys = {"format", "precision", "bytes", "load_ms", "first_ms", "p50_ms", "p90_ms", "p99_ms",
            "peak_mb", "passed"}  # fmt: skip
    assert status == 0
    assert all(keys <= set(v) for v in found["variants"])
    assert found["chosen"] in [
        {k: v[k] for k in ("format", "precision")} for v in found["variants"]
    ]


def test_synth_then_evaluate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = str(tmp_path / "lines")
    call = ("data", "synth", "serial-lines", "-n", "20", "--seed", "5", "-o", folder, "--json")
    status, out, _ = _call(capsys, *call)
    assert (status, json.loads(out)["pictures"]) == (0, 20)
    status, out, _ = _call(capsys, "evaluate", "serial-reader", folder, "--json")
    found = json.loads(out)
    assert (status, found["samples"], found["metric"]) == (0, 20, "serial_exact")
    assert found["value"] >= 0.7  # the usual generated lines, small and soiled ones among them


def test_the_module_and_the_version_answer() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgecnn", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("edgecnn, version ")
    assert shutil.which("edgecnn", path=str(Path(sys.executable).parent))
