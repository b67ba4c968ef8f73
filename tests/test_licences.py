"""Whatever is shipped stands in LICENCES.md with the licence that it states itself."""

from __future__ import annotations

import json
from pathlib import Path

from edgecnn.bundle.read import read_bundle


def test_every_bundle_and_calibration_set_is_listed_with_its_licence(root: Path) -> None:
    rows = (root / "LICENCES.md").read_text(encoding="utf-8").splitlines()
    shipped = {
        f"`{path.relative_to(root)}`": read_bundle(path).manifest.licence
        for path in (root / "edgecnn/zoo").glob("*.edge")
    }
    for path in (root / "calibration").glob("*/manifest.json"):
        name = f"`{path.parent.relative_to(root)}`"
        shipped[name] = json.loads(path.read_text(encoding="utf-8"))["licence"]
    assert len(shipped) >= 2
    for name, licence in shipped.items():
        assert any(name in row and f"| {licence} |" in row for row in rows), (name, licence)


def test_no_weights_and_pictures_but_those_listed(root: Path) -> None:
    """The wheel's own files: what is no code, recipe or note is a bundle of the list."""
    kinds = {".py", ".yaml", ".md", ".typed", ".edge"}
    odd = [
        path
        for path in (root / "edgecnn").rglob("*")
        if path.is_file() and path.suffix not in kinds and "__pycache__" not in path.parts
        and "runs" not in path.parts and ".report." not in path.name
    ]  # fmt: skip
    assert odd == []
