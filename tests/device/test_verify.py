from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from edgecnn.bundle.manifest import CARD, GOLDEN
from edgecnn.bundle.read import Golden, read_bundle
from edgecnn.bundle.write import pack_golden, write_bundle
from edgecnn_device.verify import verify


def test_the_zoo_bundle_replays_here(zoo_bundle: Path) -> None:
    checks = verify(zoo_bundle)
    assert checks[0].name == "hashes"
    assert len(checks) == 1 + len(read_bundle(zoo_bundle).manifest.variants)
    assert all(c.ok for c in checks), checks


def test_a_network_that_answers_otherwise_fails(zoo_bundle: Path, tmp_path: Path) -> None:
    """Shift what is recorded for one variant: only its replay fails."""
    bundle = read_bundle(zoo_bundle)
    golden = bundle.golden()
    first, *rest = golden.outputs
    moved = pack_golden(Golden(golden.pictures, ((first[0], np.roll(first[1], 3, -1)), *rest)))
    members = {v.file: bundle.model(v) for v in bundle.manifest.variants}
    members |= {GOLDEN: moved, CARD: bundle.card().encode()}
    sha256 = hashlib.sha256(moved).hexdigest()
    manifest = bundle.manifest.model_copy(update={"golden_sha256": sha256})
    write_bundle(tmp_path / "moved.edge", manifest, members)
    checks = verify(tmp_path / "moved.edge")
    assert [c.ok for c in checks] == [True, False, *[True] * len(rest)]
