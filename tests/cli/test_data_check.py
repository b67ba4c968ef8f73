"""``edgecnn data check`` as a contract: statuses, JSON, one-line errors. No torch needed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.cli.main import main


def _call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["data", "check", *arguments])
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    root = tmp_path / "pets"
    for seed, name in enumerate(("train/cat/0", "train/[dog]/1", "test/cat/2")):
        path = root / f"{name}.png"
        path.parent.mkdir(parents=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (9, 9, 3), np.uint8)
        cv2.imwrite(str(path), pixels)
    return root


def test_a_clean_set_is_status_0(capsys: pytest.CaptureFixture[str], pets: Path) -> None:
    assert _call(capsys, str(pets)) == (0, f"{pets}: 3 samples, no faults\n", "")
    status, out, err = _call(capsys, f"{pets}:train", "--json")
    assert (status, json.loads(out), err) == (0, {"samples": 2, "faults": []}, "")


def test_faults_are_status_1_and_one_object(capsys: pytest.CaptureFixture[str], pets: Path) -> None:
    (pets / "test" / "cat" / "3.png").write_bytes((pets / "train/cat/0.png").read_bytes())
    status, out, err = _call(capsys, str(pets), "--json")
    (fault,) = json.loads(out)["faults"]
    assert status == 1 and set(fault) == {"file", "kind", "detail"}
    assert (fault["file"], fault["kind"]) == ("test/cat/3.png", "leak")
    assert err == f"edgecnn: {pets}: 1 fault in 4 samples\n"


def test_people_get_a_table_and_counts(capsys: pytest.CaptureFixture[str], pets: Path) -> None:
    for name in ("2.png", "3.png"):
        (pets / "train" / "[dog]" / name).write_bytes(b"torn")
    status, out, _ = _call(capsys, str(pets))
    assert status == 1
    assert "train/[dog]/2.png" in out and "unreadable │      2" in out


def test_the_sheet_is_written_and_not_replaced(
    capsys: pytest.CaptureFixture[str], pets: Path, tmp_path: Path
) -> None:
    (pets / "test" / "cat" / "3.png").write_bytes((pets / "train/cat/0.png").read_bytes())
    arguments = (str(pets), "--json", "--save", str(tmp_path / "seen"))
    assert _call(capsys, *arguments)[0] == 1
    assert cv2.imread(str(tmp_path / "seen" / "faults.png")) is not None
    status, out, err = _call(capsys, *arguments)
    assert (status, out) == (2, "") and "give --overwrite" in err
    assert _call(capsys, *arguments, "--overwrite")[0] == 1


@pytest.mark.parametrize("spec", ["{tmp}/none", "{tmp}/pets:dev", "{tmp}/empty"])
def test_what_cannot_be_used_is_status_2_and_one_line(
    capsys: pytest.CaptureFixture[str], pets: Path, tmp_path: Path, spec: str
) -> None:
    (tmp_path / "empty").mkdir()
    status, out, err = _call(capsys, spec.format(tmp=tmp_path), "--json")
    assert (status, out) == (2, "")
    assert err.startswith("edgecnn: ") and len(err.splitlines()) == 1 and "expected" in err


def test_the_invalid_boxes_of_bccd(capsys: pytest.CaptureFixture[str], real_data: Path) -> None:
    status, out, _ = _call(capsys, str(real_data / "bccd" / "bccd.tar"), "--json")
    report = json.loads(out)
    assert status == 1 and report["samples"] == 364
    assert sorted(Path(f["file"]).stem for f in report["faults"]) == [
        "BloodImage_00338", "BloodImage_00343",
    ]  # fmt: skip
