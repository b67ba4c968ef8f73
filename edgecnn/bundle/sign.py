"""Ed25519 signatures over a manifest (RFC 8032), and the key files they need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edgecnn.errors import BundleError, InputError
from edgecnn.files import refuse_existing, write_atomic


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the 64-byte signature of a manifest."""
    return key.sign(manifest)


def check_signature(
    path: Path, manifest: bytes, signature: bytes | None, trusted: Sequence[Ed25519PublicKey]
) -> bool:
    """Tell whether a trusted key signed the manifest.

    Returns:
        False when no key is trusted (nothing was asked for), True when one of them signed.

    Raises:
        BundleError: keys are trusted and none of them signed.
    """
    if not trusted:
        return False
    if signature is None:
        raise BundleError(f"{path}: a signature is required and there is none: refused")
    for key in trusted:
        try:
            key.verify(signature, manifest)
        except InvalidSignature:
            continue
        return True
    raise BundleError(f"{path}: not signed by a trusted key: refused")


def generate_key_pair(path: Path, *, overwrite: bool = False) -> Path:
    """Write a private key (PEM, mode 0600) and beside it the public one: KEY.pem and KEY.pub.

    Returns:
        The path of the public key.

    Raises:
        InputError: ``path`` is a name for a public key, or one of the two exists.
    """
    if path.suffix == ".pub":
        raise InputError(f"{path}: .pub is for the public key: choose another name, KEY.pem")
    public_path = path.with_name(path.name.removesuffix(".pem") + ".pub")
    refuse_existing(public_path, overwrite)
    refuse_existing(path, overwrite)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_atomic(path, private, overwrite=overwrite, mode=0o600)
    write_atomic(public_path, public, overwrite=overwrite)
    return public_path


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key that `generate_key_pair` wrote."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: expected a private key of edgecnn keygen") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: expected an Ed25519 key, got {type(key).__name__}")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key that `generate_key_pair` wrote."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a public key of edgecnn keygen (.pub)") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path}: expected an Ed25519 key, got {type(key).__name__}")
    return key
