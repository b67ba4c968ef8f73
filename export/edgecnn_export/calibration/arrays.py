"""Reads .npy and .npz one sample at a time.

Not by memory mapping: pages of a mapped file count as memory of the process, so that the peak
would grow with the file.
"""

from __future__ import annotations

import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import DataError
from edgecnn.vision.preprocess import input_shape
from edgecnn_export.calibration.inputs import Prepared, Streamed

SUFFIXES = (".npy", ".npz")
_UNREADABLE = (
    OSError, ValueError, EOFError, RuntimeError, NotImplementedError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip


@dataclass(frozen=True)
class _Block:
    """One array of a file."""

    member: str | None
    """Its name in the .npz."""
    count: int
    offset: int
    """Of the first number, in bytes."""


@dataclass(frozen=True, eq=False)
class ArrayFile:
    """The arrays of a file, one after the other along N."""

    path: Path
    blocks: tuple[_Block, ...]
    shape: tuple[int, int, int]
    """Of a sample."""

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return tuple(accumulate((b.count for b in self.blocks), initial=0))

    def read(self, rows: Sequence[int]) -> Iterator[Prepared]:
        """Yield samples; a compressed .npz is unpacked up to each, so ask in ascending order.

        Raises:
            DataError: the file is damaged or ends before a sample.
        """
        size, done = prod(self.shape) * 4, 0
        while done < len(rows):
            number = bisect_right(self._starts, rows[done]) - 1
            block, start = self.blocks[number], self._starts[number]
            with _open(self.path, block.member) as file:
                while done < len(rows) and 0 <= rows[done] - start < block.count:
                    file.seek(block.offset + (rows[done] - start) * size)
                    data = file.read(size)
                    if len(data) < size:
                        raise DataError(f"{self.path}: cut short before sample {rows[done]}")
                    done += 1
                    yield np.frombuffer(data, np.float32).reshape(self.shape).copy()


def open_arrays(path: Path, spec: InputSpec) -> Streamed:
    """Open the arrays of a file.

    Args:
        path: an .npy, or an .npz whose arrays follow each other along N; compressed or not, no
            more than one sample of it is in memory.
        spec: what the network takes.

    Raises:
        DataError: not such a file, or arrays of another type, shape or layout.
    """
    members = (None,) if path.suffix.lower() == ".npy" else _members(path)
    blocks = tuple(_block(path, member, spec) for member in members)
    total = sum(block.count for block in blocks)
    return Streamed(ArrayFile(path, blocks, input_shape(spec)), range(total))


def _members(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            found = tuple(name for name in archive.namelist() if name.endswith(".npy"))
    except _UNREADABLE as error:
        raise _not_numbers(path, error) from error
    if not found:
        raise DataError(f"{path}: no array in it: expected what numpy.savez writes")
    return found


@contextmanager
def _open(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    try:
        if member is None:
            with path.open("rb") as file:
                yield file
        else:
            with zipfile.ZipFile(path) as archive, archive.open(member) as inside:
                yield inside
    except _UNREADABLE as error:
        raise _not_numbers(path, error) from error


def _not_numbers(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: not an .npy or .npz of numbers, or damaged: {error}")


def _block(path: Path, member: str | None, spec: InputSpec) -> _Block:
    with _open(path, member) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of the format")
        header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, columns_first, dtype = header(file)
        offset = file.tell()
    name = f"{path}: {member}" if member else str(path)
    if len(shape) != 4 or shape[1:] != input_shape(spec) or dtype != np.float32:
        raise DataError(
            f"{name}: expected float32 (N, {', '.join(map(str, input_shape(spec)))}), got {dtype} "
            f"{shape}{_hint(shape, dtype, spec)}"
        )
    if columns_first and shape[0] > 1:
        raise DataError(f"{name}: in Fortran order: save numpy.ascontiguousarray of it")
    return _Block(member, shape[0], offset)


def _hint(shape: tuple[int, ...], dtype: np.dtype[np.generic], spec: InputSpec) -> str:
    """Name what is probably wrong."""
    height, width, channels = spec.height, spec.width, spec.channels
    hints = []
    if spec.layout == "nhwc" and shape[1:] == (channels, height, width):
        hints.append("the layout is nchw, the network takes nhwc: transpose by (0, 2, 3, 1)")
    elif spec.layout == "nchw" and shape[1:] == (height, width, channels):
        hints.append("the layout is nhwc, the network takes nchw: transpose by (0, 3, 1, 2)")
    elif shape == input_shape(spec):
        hints.append("the axis N comes first")
    if dtype == np.uint8:
        hints.append("pixels become (pixel - mean) / std as float32")
    return "".join(f"; {hint}" for hint in hints)
