"""Pictures from one process to another, through a few places in memory that both can see.

The memory is an anonymous file: it has no name, is never on a disk, and goes with the last process
that holds it, however that ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn_device.cameras.source import Image

PLACES = 3
"""One is written, one read, one lies between."""


@dataclass(frozen=True)
class Placed:
    """Where a picture lies."""

    place: int
    place_bytes: int
    """Of each place; grows with the pictures."""
    height: int
    width: int


def new_memory() -> int:
    """Return the descriptor of an empty anonymous file; the caller closes it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("edgecnn-camera")
    with tempfile.TemporaryFile() as file:  # not Linux
        return os.dup(file.fileno())


class RingWriter:
    """The end that puts pictures in."""

    def __init__(self, memory: int) -> None:
        """Begin.

        Args:
            memory: of `new_memory`.
        """
        self._file = memory
        self._place_bytes = 0
        self._map: mmap.mmap | None = None
        self._free = set(range(PLACES))
        self._changed = threading.Condition()

    def put(self, image: Image, wait: bool) -> Placed | None:
        """Copy a picture into a free place.

        Args:
            image: (H, W, 3) uint8.
            wait: for a place to become free; else None is returned where there is none.
        """
        with self._changed:
            larger = image.nbytes > self._place_bytes
            while not self._free or (larger and len(self._free) < PLACES):
                if not wait and not larger:
                    return None
                self._changed.wait()
            place = self._free.pop()
        if larger:
            self._grow(image.nbytes)
        assert self._map is not None
        view = np.frombuffer(self._map, np.uint8, image.size, place * self._place_bytes)
        np.copyto(view.reshape(image.shape), image)
        return Placed(place, self._place_bytes, image.shape[0], image.shape[1])

    def release(self, place: int) -> None:
        """Take back a place that was read."""
        with self._changed:
            self._free.add(place)
            self._changed.notify_all()

    def _grow(self, size: int) -> None:
        # Everything was read: no place is looked at while they move.
        self._place_bytes = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        os.ftruncate(self._file, PLACES * self._place_bytes)
        self._map = mmap.mmap(self._file, PLACES * self._place_bytes)


class RingReader:
    """The end that takes pictures out."""

    def __init__(self, memory: int) -> None:
        """Begin; the descriptor stays the caller's."""
        self._file = memory
        self._map: mmap.mmap | None = None

    def get(self, placed: Placed) -> NDArray[np.uint8]:
        """Copy a picture out, (H, W, 3); its place can be released then.

        Raises:
            ValueError: it does not lie within the memory.
        """
        whole = PLACES * placed.place_bytes
        if self._map is None or len(self._map) < whole:
            self._map = mmap.mmap(self._file, whole, prot=mmap.PROT_READ)
        shape = (placed.height, placed.width, 3)
        view = np.frombuffer(
            self._map, np.uint8, 3 * shape[0] * shape[1], placed.place * placed.place_bytes
        )
        return view.reshape(shape).copy()
