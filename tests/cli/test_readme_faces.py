"""Runs the README's commands about faces, on real pictures of people where they are at hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

PAIRS = 4
"""Of one person and of two, in each of two folds."""


def _people(archive: Path) -> dict[str, list[bytes]]:
    """Return some people with three pictures or more, by name."""
    found: dict[str, list[bytes]] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None and member.name.endswith(".jpg"):
                found.setdefault(Path(member.name).parent.name, []).append(file.read())
            full = {name: pictures[:3] for name, pictures in found.items() if len(pictures) >= 3}
            if len(full) == 2 * PAIRS:
                return full
    raise AssertionError("too few people in the archive")


def _write(folder: Path, people: dict[str, list[bytes]]) -> None:
    """Write what the commands name: three pictures of somebody, pairs and their pictures."""
    names = sorted(people)
    for file, picture in zip(("a.jpg", "b.jpg", "today.jpg"), people[names[0]], strict=True):
        (folder / file).write_bytes(picture)
    for name, pictures in people.items():
        (folder / "pictures" / name).mkdir(parents=True)
        for number, picture in enumerate(pictures, 1):
            (folder / "pictures" / name / f"{name}_{number:04d}.jpg").write_bytes(picture)
    rows = [f"2\t{PAIRS}"]
    for fold in (names[:PAIRS], names[PAIRS:]):
        rows += [f"{name}\t1\t2" for name in fold]
        rows += [f"{one}\t1\t{two}\t2" for one, two in zip(fold, fold[1:] + fold[:1], strict=True)]
    (folder / "pairs.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_the_faces_of_the_readme(root: Path, real_data: Path, tmp_path: Path) -> None:
    section = (root / "README.md").read_text(encoding="utf-8").split("\n## Faces\n")[1]
    (block,) = re.findall(r"```console\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    script = "\n".join(line.removeprefix("$ ") for line in block.splitlines())
    _write(tmp_path, _people(real_data / "lfw_dev.tar"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "gallery.key").stat().st_mode & 0o777 == 0o600
    assert "employee 4711" in done.stdout and "8 pairs" in done.stdout
