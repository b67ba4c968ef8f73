"""The command line of faces, on drawn faces."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.read import read_bundle
from edgecnn.cli.main import main

FACE = (150.0, 140.0, 40.0)
Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def picture(
    tmp_path: Path, sees: Any, draw_faces: Callable[..., NDArray[np.uint8]]
) -> Callable[[str, int], str]:
    """Writes a picture of a person; -1 of nobody."""
    sees.faces = [FACE]

    def written(name: str, person: int) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        faces = [FACE] if person >= 0 else []
        cv2.imwrite(str(path), draw_faces(320, 320, *faces, people=[person][: len(faces)]))
        return str(path)

    return written


@pytest.fixture
def call(
    tmp_path: Path, bundles: tuple[str, str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Call:  # fmt: skip
    """Calls edgecnn faces with --json; gives the status, and what was printed, or the error."""
    for name, file in (("GALLERY", "g.db"), ("KEYSTORE", "k.db"), ("KEY_FILE", "master.key")):
        monkeypatch.setenv(f"EDGECNN_{name}", str(tmp_path / file))
    detector, embedder = bundles
    networks = ("--detector", detector, "--bundle", embedder)

    def called(verb: str, *arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        more = networks if verb in ("enrol", "verify", "identify", "curve", "evaluate") else ()
        with pytest.raises(SystemExit) as left:
            main(["faces", verb, *arguments, *more, "--json"])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), json.loads(out) if out else err

    return called


@pytest.fixture
def enrolled(call: Call, picture: Any, tmp_path: Path) -> Call:
    assert call("keygen", "-o", str(tmp_path / "master.key"))[0] == 0
    assert call("enrol", "ann", picture("a.png", 0))[0] == 0
    assert call("enrol", "bob", picture("b.png", 1), picture("b2.png", 1))[0] == 0
    return call


def test_enrol_tells_what_would_not_do_and_does_the_rest(
    enrolled: Call, picture: Any, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    files = (picture("c.png", 2), picture("none.png", -1), str(tmp_path / "text.png"))
    status, found = enrolled("enrol", "cid", *files)
    assert (status, found["person"], found["pictures"]) == (2, "cid", 1)
    reasons = {Path(r["file"]).name: r["reason"] for r in found["rejected"]}
    assert reasons.keys() == {"none.png", "text.png"}
    assert "no face" in reasons["none.png"]


def test_verify_and_identify_decide_without_scores_unless_asked(
    enrolled: Call, picture: Any
) -> None:
    ann, stranger = picture("x.png", 0), picture("y.png", 3)
    assert enrolled("verify", "ann", ann) == (0, {"match": True, "fmr": 0.01, "reason": ""})
    status, found = enrolled("verify", "bob", ann)
    assert (status, found["match"]) == (1, False)
    status, found = enrolled("identify", ann)
    assert (status, found["person"], found["fmr"]) == (0, "ann", 0.01)
    assert [face["person"] for face in found["faces"]] == ["ann"]
    assert "score" not in json.dumps(found)
    assert enrolled("identify", stranger)[1]["person"] is None
    assert enrolled("verify", "ann", ann, "--scores")[1]["score"] == pytest.approx(1, abs=0.01)
    assert enrolled("identify", ann, "--scores")[1]["faces"][0]["score"] > 0.9


def test_a_rate_below_the_end_is_refused(enrolled: Call, picture: Any) -> None:
    status, err = enrolled("identify", picture("x.png", 0), "--fmr", "0.002")
    assert status == 2
    assert "over 3 templates" in err
    assert "ask for 0.003" in err
    assert enrolled("identify", picture("x.png", 0), "--fmr", "0.003")[0] == 0


def test_people_are_listed_exported_and_deleted(enrolled: Call, tmp_path: Path) -> None:
    status, people = enrolled("list")
    assert (status, [(p["person"], p["pictures"]) for p in people]) == (0, [("ann", 1), ("bob", 2)])
    file = tmp_path / "bob.json"
    assert enrolled("export", "bob", "-o", str(file))[1]["pictures"] == 2
    content = json.loads(file.read_text())
    assert np.array(content["vectors"]).shape == (2, 4)
    assert content["audit"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert enrolled("delete", "bob") == (0, {"deleted": "bob"})
    assert [p["person"] for p in enrolled("list")[1]] == ["ann"]
    assert enrolled("delete", "bob")[0] == 2


def test_after_failures_unlock_helps(enrolled: Call, picture: Any) -> None:
    ann = picture("x.png", 0)
    for _ in range(5):
        assert enrolled("verify", "bob", ann)[0] == 1
    assert "wait" in enrolled("verify", "ann", ann)[1]
    assert enrolled("unlock")[0] == 2
    assert enrolled("unlock", "--terminal", "command-line")[0] == 0
    assert enrolled("verify", "ann", ann)[1]["match"]


def test_without_a_master_key_nothing_is_made(call: Call, picture: Any, tmp_path: Path) -> None:
    status, err = call("enrol", "ann", picture("a.png", 0))
    assert (status, "master key" in err) == (2, True)
    assert not (tmp_path / "g.db").exists()


def test_a_curve_is_measured_into_a_new_bundle(
    call: Call, picture: Any, tmp_path: Path, bundles: tuple[str, str]
) -> None:
    for index in range(12):
        picture(f"set/p{index:02}/p{index:02}_0001.png", index % 4)
    out = tmp_path / "with.edge"
    status, found = call("curve", "--images", str(tmp_path / "set"), "-o", str(out))
    assert (status, found["pairs"], found["people"]) == (0, 66, 12)
    before, after = read_bundle(Path(bundles[1])).manifest, read_bundle(out).manifest
    assert after.decode.curve.end == pytest.approx(3 / 66)  # type: ignore[union-attr]
    assert after.variants == before.variants
    assert after.card_sha256 == before.card_sha256
    assert call("curve", "--images", str(tmp_path / "set"), "-o", str(out))[0] == 2
    people = tmp_path / "people.txt"
    people.write_text("p01\nnobody\n")
    status, err = call("curve", "--images", str(tmp_path / "set"), "--people", str(people),
                       "-o", str(out), "--overwrite")  # fmt: skip
    assert (status, "'nobody'" in err) == (2, True)


def test_pairs_are_scored(call: Call, picture: Any, tmp_path: Path) -> None:
    lines = ["2\t3"]
    for fold in range(2):
        for index in range(3):
            name = f"p{fold}{index}"
            picture(f"set/{name}/{name}_0001.png", index)
            picture(f"set/{name}/{name}_0002.png", index if (fold, index) != (1, 2) else -1)
            lines.append(f"{name}\t1\t2")
        lines += [f"p{fold}{i}\t1\tp{fold}{(i + 1) % 3}\t1" for i in range(3)]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    status, found = call(
        "evaluate", "--pairs", str(tmp_path / "pairs.txt"), "--images", str(tmp_path / "set")
    )
    assert (status, found["pairs"], found["folds"], found["failures"]) == (0, 12, 2, 1)
    assert found["accuracy_mean"] == pytest.approx((1 + 5 / 6) / 2, abs=1e-4)
    assert found["tar"].keys() == {"1e-2", "1e-3"}
    assert found["tar"]["1e-2"] == pytest.approx(5 / 6, abs=1e-4)
    assert found["variant"] == "tflite-int8"
    assert found["highest_stranger"] > 0.99  # people of the two folds are drawn alike
