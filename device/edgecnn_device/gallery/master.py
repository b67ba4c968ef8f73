"""The master key: 32 random bytes in a file of their own, or a systemd credential."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edgecnn.errors import GalleryError
from edgecnn.files import write_atomic
from edgecnn_device.gallery.sealing import KEY_BYTES

CREDENTIAL = "edgecnn-gallery-key"
"""Name of the systemd credential: `LoadCredentialEncrypted=edgecnn-gallery-key:...`."""


def create_master_key(path: Path) -> None:
    """Write a new master key that its owner alone may read; nothing else ever makes one.

    Raises:
        InputError: there is a file already, or it cannot be written.
    """
    write_atomic(path, os.urandom(KEY_BYTES), mode=0o600)


def read_master_key(path: Path | None) -> bytes:
    """Read a master key.

    Args:
        path: a file; None takes the systemd credential `edgecnn-gallery-key`.

    Raises:
        GalleryError: it is missing, others may read it, or it is not 32 bytes long.
    """
    if path is not None:
        return _read(path, private=True)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise GalleryError(
            "no master key: give a key file, or start with the systemd credential "
            f"{CREDENTIAL} (there is no $CREDENTIALS_DIRECTORY)"
        )
    # systemd guards credentials by an access list, whose mask looks like a group's right to read.
    return _read(Path(folder) / CREDENTIAL, private=False)


def _read(path: Path, private: bool) -> bytes:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise GalleryError(f"{path}: a master key is a plain file of {KEY_BYTES} bytes")
            key = file.read(KEY_BYTES + 1)
    except OSError as error:
        raise GalleryError(f"{path}: cannot read the master key: {error.strerror}") from error
    mode = stat.S_IMODE(status.st_mode)
    if private and mode & 0o077:
        raise GalleryError(
            f"{path}: a master key must be readable by its owner alone, but its mode is "
            f"{mode:04o}: chmod 600 it, and change the key if others could have read it"
        )
    if len(key) != KEY_BYTES:
        came = f"{len(key)} bytes" if len(key) < KEY_BYTES else "more"
        raise GalleryError(f"{path}: a master key is {KEY_BYTES} bytes, but there are {came}")
    return key


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a named pipe would wait for a writer otherwise."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
