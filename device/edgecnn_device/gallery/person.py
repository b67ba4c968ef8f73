"""What a person's own key seals: their name and their templates."""

from __future__ import annotations

import unicodedata

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from edgecnn.errors import GalleryError
from edgecnn_device.gallery.identity import ModelIdentity
from edgecnn_device.gallery.sealing import seal, unseal

_LONGEST_NAME = 200


class PersonCipher:
    """Seals for one person; what it seals opens in the row that it was made for, and nowhere else.

    Args:
        uid: 16 random bytes, new whenever somebody is enrolled anew.
        lookup: the blinded name.
        key: 32 bytes.
    """

    def __init__(self, uid: bytes, lookup: bytes, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._uid, self._about_name = uid, b"edgecnn name 1\0" + uid + lookup

    def seal_name(self, name: str) -> bytes:
        """Return the name, sealed."""
        return seal(self._cipher, name.encode(), self._about_name)

    def open_name(self, sealed: object) -> str:
        """Return the name; InvalidTag where a bit of it, of uid or lookup differs."""
        return unseal(self._cipher, sealed, self._about_name).decode()

    def seal_template(
        self, vector: NDArray[np.float32], row: int, enrolled: int, model: ModelIdentity
    ) -> bytes:
        """Return a vector (D,), sealed for its row and model."""
        plain = vector.astype("<f4").tobytes()
        return seal(self._cipher, plain, self._about_template(row, enrolled, model))

    def open_template(self, sealed: object, row: int, enrolled: int, model: ModelIdentity) -> bytes:
        """Return a vector's little-endian float32; InvalidTag where anything differs."""
        return unseal(self._cipher, sealed, self._about_template(row, enrolled, model))

    def _about_template(self, row: int, enrolled: int, model: ModelIdentity) -> bytes:
        facts = f"{row}\0{enrolled}\0{model.sha256}\0{model.preprocessing}\0{model.size}"
        return b"edgecnn template 1\0" + self._uid + facts.encode()


def checked_name(name: str) -> str:
    """Return a name as it is kept, so that what looks the same is the same.

    Raises:
        GalleryError: it is empty, too long, or holds what cannot be seen.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise GalleryError(
            f"a person's name has 1 to {_LONGEST_NAME} printable characters, not {name[:40]!r}"
        )
    return name


def unit_vectors(vectors: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return vectors scaled to length 1.

    Args:
        vectors: (N, D) or (D,).
        size: D.

    Raises:
        GalleryError: another shape, no row, a number that is not finite, or a vector of zeros.
    """
    rows = np.atleast_2d(np.asarray(vectors, np.float64))
    if rows.ndim != 2 or rows.shape[1] != size or not len(rows):
        raise GalleryError(
            f"vectors of shape (N, {size}) were expected, but {np.shape(vectors)} came: embed the "
            "pictures with the gallery's model"
        )
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise GalleryError("a vector is not finite, or all zeros: refuse that picture")
    return np.asarray(rows / lengths, np.float32)
