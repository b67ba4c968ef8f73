from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edgecnn.bundle.decode import ReadDecode
from edgecnn.bundle.read import read_bundle
from edgecnn.bundle.rewrite import with_decode
from edgecnn.errors import InputError


def test_only_the_rules_change_and_a_new_signature_is_made(
    bundle_path: Path, tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    before = read_bundle(bundle_path)
    assert isinstance(before.manifest.decode, ReadDecode)
    stricter = before.manifest.decode.model_copy(update={"min_confidence": 0.9})
    path = tmp_path / "again.edge"
    written = with_decode(before, stricter, path, key=key)
    after = read_bundle(path, (key.public_key(),))
    assert after.signed
    assert after.manifest == written == before.manifest.model_copy(update={"decode": stricter})
    assert after.golden_file() == before.golden_file()
    for variant in after.manifest.variants:
        assert after.model(variant) == before.model(variant)
    with pytest.raises(InputError, match="exists"):
        with_decode(before, stricter, path)
    with_decode(before, before.manifest.decode, path, overwrite=True)
    assert path.read_bytes() == bundle_path.read_bytes()
