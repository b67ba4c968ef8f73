"""Writes a bundle: equal contents give equal bytes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from edgecnn.bundle.manifest import CARD, GOLDEN, MANIFEST, SIGNATURE, Manifest
from edgecnn.bundle.read import Golden
from edgecnn.bundle.sign import sign
from edgecnn.errors import BundleError
from edgecnn.files import write_atomic

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold


def write_bundle(
    path: Path, manifest: Manifest, members: Mapping[str, bytes], *,
    key: Ed25519PrivateKey | None = None, overwrite: bool = False,
) -> None:  # fmt: skip
    """Write a bundle atomically.

    Args:
        path: where to.
        manifest: what it says.
        members: the variants' files, golden.npz and card.md, by name.
        key: signs the manifest.
        overwrite: whether ``path`` may exist.

    Raises:
        BundleError: the members are not those of the manifest.
        InputError: ``path`` exists or cannot be written.
    """
    stated = {v.file: v.sha256 for v in manifest.variants}
    stated |= {GOLDEN: manifest.golden_sha256, CARD: manifest.card_sha256}
    given = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    if stated != given:
        odd = sorted(name for name, _ in set(stated.items()) ^ set(given.items()))
        raise BundleError(f"{path}: {odd[0]} is not as the manifest states: nothing was written")
    for variant in manifest.variants:
        if len(members[variant.file]) != variant.bytes:
            raise BundleError(f"{path}: {variant.file} is not {variant.bytes} bytes long")
    raw = manifest.to_json()
    ordered = {MANIFEST: raw, **{name: members[name] for name in sorted(members)}}
    if key is not None:
        ordered[SIGNATURE] = sign(raw, key)
    write_atomic(path, _zip(ordered), overwrite=overwrite)


def pack_golden(golden: Golden) -> bytes:
    """Serialize golden inputs and outputs as an .npz of equal bytes for equal arrays."""
    arrays: dict[str, NDArray[Any]] = {
        f"picture-{i}.npy": picture for i, picture in enumerate(golden.pictures)
    }
    arrays |= {f"{name}.npy": output for name, output in golden.outputs}
    packed = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        packed[name] = buffer.getvalue()
    return _zip(packed)


def _zip(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # the same on every platform
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return buffer.getvalue()
