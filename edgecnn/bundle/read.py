"""Reads a bundle strictly: whatever is not exactly as written is refused, and nothing is run."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from numpy.typing import NDArray
from pydantic import ValidationError

from edgecnn.bundle.manifest import (
    CARD,
    GOLDEN,
    MANIFEST,
    SCHEMA_VERSION,
    SIGNATURE,
    Manifest,
    Variant,
)
from edgecnn.bundle.sign import check_signature
from edgecnn.errors import BundleError

MAX_MEMBERS = 64
MAX_MANIFEST_BYTES = 1 << 20
MAX_MEMBER_BYTES = 512 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Golden:
    """Inputs and the outputs every variant gave where the bundle was made."""

    pictures: tuple[NDArray[np.uint8], ...]
    """(H, W, 3) BGR each."""
    outputs: tuple[tuple[str, NDArray[np.float32]], ...]
    """Per variant file: (pictures, ...) what `join_outputs` makes of each picture's."""


def join_outputs(outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the outputs for one picture as one array.

    Args:
        outputs: each with a leading axis of 1.

    Returns:
        The one output without that axis; or several, one after another in one axis.
    """
    if len(outputs) == 1:
        only: NDArray[np.float32] = outputs[0][0]
        return only
    return np.concatenate([x.ravel() for x in outputs])


@dataclass(frozen=True)
class Bundle:
    """A bundle that passed every check; its members are read, and hashed again, when asked for."""

    path: Path
    manifest: Manifest
    manifest_sha256: str
    """Names the bundle: the manifest holds the hash of everything else."""
    signed: bool
    """Whether a trusted key vouches for it."""

    def variant(self, name: str) -> Variant:
        """Return the variant called FORMAT-PRECISION.

        Raises:
            BundleError: there is none; the message lists those there are.
        """
        known = {f"{v.format}-{v.precision}": v for v in self.manifest.variants}
        if name not in known:
            raise BundleError(
                f"{self.path} has no variant {name}: expected one of {', '.join(known)}"
            )
        return known[name]

    def model(self, variant: Variant) -> bytes:
        """Return the model file of a variant."""
        return self._member(variant.file, variant.sha256)

    def card(self) -> str:
        """Return the model card, markdown."""
        try:
            return self._member(CARD, self.manifest.card_sha256).decode()
        except UnicodeDecodeError as error:
            raise BundleError(f"{self.path}: {CARD} is not UTF-8 text") from error

    def golden_file(self) -> bytes:
        """Return golden.npz itself."""
        return self._member(GOLDEN, self.manifest.golden_sha256)

    def golden(self) -> Golden:
        """Return the golden inputs and outputs."""
        data = self.golden_file()
        try:
            golden = _parse_golden(data, [v.file for v in self.manifest.variants])
        except Exception as error:  # numpy and zipfile raise a dozen types on crafted headers
            raise BundleError(f"{self.path}: {GOLDEN} is not as expected: {error}") from error
        return golden

    def _member(self, name: str, sha256: str) -> bytes:
        with _open(self.path) as archive:
            _check_members(self.path, archive)  # it may be another file by now
            data = _read(self.path, archive, name)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BundleError(f"{self.path}: {name} changed while it was in use: nothing was run")
        return data


def read_bundle(path: Path, trusted_keys: Sequence[Ed25519PublicKey] = ()) -> Bundle:
    """Open a bundle and check all of it.

    Args:
        path: an .edge file.
        trusted_keys: when given, the manifest must be signed by one of them.

    Raises:
        BundleError: not a bundle, another schema, a missing, surplus, compressed or oversize
            member, a wrong hash, or a signature that is missing or of an unknown key.
    """
    with _open(path) as archive:
        names = _check_members(path, archive)
        raw = _read(path, archive, MANIFEST)
        manifest = _parse(path, raw)
        signature = _read(path, archive, SIGNATURE) if SIGNATURE in names else None
        signed = check_signature(path, raw, signature, trusted_keys)
        expected = {v.file: v.sha256 for v in manifest.variants}
        expected |= {GOLDEN: manifest.golden_sha256, CARD: manifest.card_sha256}
        listed = set(expected) | {MANIFEST, SIGNATURE}
        if surplus := sorted(names - listed):
            raise BundleError(f"{path}: {surplus[0]} is not in the manifest: get the bundle again")
        for name, sha256 in expected.items():
            if name not in names:
                raise BundleError(f"{path}: {name} is missing: get the bundle again")
            if _hash(path, archive, name) != sha256:
                raise BundleError(f"{path}: {name} does not have the hash the manifest states")
    for variant in manifest.variants:
        if archive.getinfo(variant.file).file_size != variant.bytes:
            raise BundleError(f"{path}: {variant.file} is not {variant.bytes} bytes long")
    return Bundle(path, manifest, hashlib.sha256(raw).hexdigest(), signed)


def _parse_golden(data: bytes, files: list[str]) -> Golden:
    """Return the arrays of golden.npz; anything odd raises."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(i.compress_type != zipfile.ZIP_STORED for i in archive.infolist()):
            raise ValueError("a member is compressed")
        names = {i.filename for i in archive.infolist()}
    count = sum(name.startswith("picture-") for name in names)
    if not count:
        raise ValueError("no picture in it")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        pictures = tuple(arrays[f"picture-{i}"] for i in range(count))
        outputs = tuple((file, arrays[file]) for file in files)
    for picture in pictures:
        if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
            raise ValueError("a picture is not uint8")
        if picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
            raise ValueError(f"a picture has the shape {picture.shape}, expected (H, W, 3)")
    for file, output in outputs:
        if not isinstance(output, np.ndarray) or output.dtype != np.float32:
            raise ValueError(f"the outputs of {file} are not float32")
        if len(output) != count or not np.isfinite(output).all():
            raise ValueError(f"the outputs of {file} are not {count} finite arrays")
    return Golden(pictures, outputs)


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise BundleError(f"{path}: no such bundle") from error
    except IsADirectoryError as error:
        raise BundleError(f"{path}: expected a .edge bundle, got a folder") from error
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError) as error:
        raise BundleError(f"{path}: not a bundle, or cut short ({error}): get it again") from error


def _check_members(path: Path, archive: zipfile.ZipFile) -> set[str]:
    infos = archive.infolist()
    names = {info.filename for info in infos}
    if len(infos) > MAX_MEMBERS:
        raise BundleError(f"{path}: {len(infos)} members, expected at most {MAX_MEMBERS}")
    if len(names) != len(infos):
        raise BundleError(f"{path}: a member stands in it twice")
    for info in infos:
        name = info.filename
        if "/" in name or "\\" in name or name.startswith(".") or not name.isprintable():
            raise BundleError(f"{path}: the member name {name!r} leaves the bundle: refused")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise BundleError(f"{path}: {name} is compressed; a bundle's members are stored")
        if info.file_size > MAX_MEMBER_BYTES:
            raise BundleError(f"{path}: {name} claims {info.file_size} bytes: refused")
    if MANIFEST not in names:
        raise BundleError(f"{path}: {MANIFEST} is missing: expected a bundle of edgecnn export")
    if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
        raise BundleError(f"{path}: {MANIFEST} is over {MAX_MANIFEST_BYTES} bytes: refused")
    return names


def _parse(path: Path, raw: bytes) -> Manifest:
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path}: {MANIFEST} is not JSON: get the bundle again") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int or version != SCHEMA_VERSION:
        raise BundleError(
            f"{path}: schema version {version!r}, this edgecnn reads {SCHEMA_VERSION}: "
            "update edgecnn, or export the bundle again"
        )
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise BundleError(f"{path}: {MANIFEST}: {place}: {first['msg']}") from error


def _read(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError,
            struct.error, NotImplementedError) as error:  # fmt: skip
        raise BundleError(
            f"{path}: {name} cannot be read ({error}): get the bundle again"
        ) from error


def _hash(path: Path, archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(name) as member:
            while chunk := member.read(_CHUNK):
                digest.update(chunk)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError,
            struct.error, NotImplementedError) as error:  # fmt: skip
        raise BundleError(
            f"{path}: {name} cannot be read ({error}): get the bundle again"
        ) from error
    return digest.hexdigest()
