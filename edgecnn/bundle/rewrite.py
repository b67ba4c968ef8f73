"""Writes a bundle again with another rule for its outputs; everything else stays, byte for byte."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edgecnn.bundle.decode import Decode
from edgecnn.bundle.manifest import CARD, GOLDEN, Manifest
from edgecnn.bundle.read import Bundle
from edgecnn.bundle.write import write_bundle


def with_decode(
    bundle: Bundle, decode: Decode, path: Path, *, key: Ed25519PrivateKey | None = None,
    overwrite: bool = False,
) -> Manifest:  # fmt: skip
    """Write the bundle with other rules to decode by, and return its manifest.

    A signature is over the manifest and does not survive a change of it: sign again.

    Args:
        bundle: is left as it is.
        decode: of the same task.
        path: where to.
        key: signs it.
        overwrite: whether ``path`` may exist.

    Raises:
        InputError: ``path`` exists or cannot be written.
    """
    given = bundle.manifest.model_dump()
    manifest = Manifest.model_validate({**given, "decode": decode.model_dump()})
    members = {variant.file: bundle.model(variant) for variant in manifest.variants}
    members |= {GOLDEN: bundle.golden_file(), CARD: bundle.card().encode()}
    write_bundle(path, manifest, members, key=key, overwrite=overwrite)
    return manifest
