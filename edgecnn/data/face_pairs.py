"""Reads pairs of pictures of people, as "Labeled Faces in the Wild" writes them, and the pictures.

A file of pairs begins with the number of folds and of pairs of each kind in one; each fold has so
many pairs of one person (name, two numbers) and then so many of two (name, number, name, number):
Huang et al., "Labeled faces in the wild", UMass Amherst 07-49, 2007.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.archive import is_archive, unpack
from edgecnn.data.images import SUFFIXES
from edgecnn.errors import DataError


@dataclass(frozen=True, order=True)
class Portrait:
    """A picture of a person."""

    person: str
    number: int
    """Counts from 1."""

    @property
    def stem(self) -> str:
        """Its file's name without the suffix."""
        return f"{self.person}_{self.number:04}"


@dataclass(frozen=True, eq=False)
class FacePairs:
    """Pairs to be told apart."""

    pairs: tuple[tuple[Portrait, Portrait], ...]
    folds: NDArray[np.int64]
    """(N,) fold of each, from 0."""

    @property
    def same(self) -> NDArray[np.bool_]:
        """(N,) whether each pair is of one person."""
        return np.array([one.person == other.person for one, other in self.pairs], bool)

    @property
    def portraits(self) -> tuple[Portrait, ...]:
        """Every picture that is in a pair, once."""
        return tuple(sorted({portrait for pair in self.pairs for portrait in pair}))


def read_pairs(path: Path) -> FacePairs:
    """Read a file of pairs.

    Raises:
        DataError: no such file, or a line in it is not as described above; the message names it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a file of pairs: {error}") from error
    head = lines[0].split() if lines else []
    if len(head) == 1:  # one fold, as in LFW's development sets
        head = ["1", *head]
    if len(head) != 2 or not all(part.isdigit() and int(part) > 0 for part in head):
        raise DataError(
            f"{path}: line 1: expected the number of folds and of pairs of each kind in one, such "
            f"as 10 300, got {lines[0] if lines else 'nothing'!r}"
        )
    count, number = map(int, head)
    rows = [(place, line) for place, line in enumerate(lines[1:], 2) if line.strip()]
    if len(rows) != 2 * count * number:
        raise DataError(f"{path}: expected {2 * count * number} pairs, got {len(rows)}")
    pairs = tuple(_pair(path, place, line) for place, line in rows)
    found = FacePairs(pairs, np.repeat(np.arange(count), 2 * number))
    wanted = np.tile(np.arange(2 * number) < number, count)
    if len(wrong := np.flatnonzero(found.same != wanted)):
        kind = "one person" if wanted[wrong[0]] else "two people"
        raise DataError(f"{path}: line {rows[wrong[0]][0]}: expected a pair of {kind} there")
    return found


def _pair(path: Path, place: int, line: str) -> tuple[Portrait, Portrait]:
    match line.split("\t"):
        case [name, one, other] if one.isdigit() and other.isdigit():
            return Portrait(name, int(one)), Portrait(name, int(other))
        case [first, one, second, other] if one.isdigit() and other.isdigit():
            return Portrait(first, int(one)), Portrait(second, int(other))
    raise DataError(
        f"{path}: line {place}: expected a name and two numbers, or twice a name and a number, "
        f"with tabs between, got {line!r}"
    )


def find_people(images: Path) -> dict[str, tuple[Path, ...]]:
    """Return the pictures of each person, by name.

    Args:
        images: a folder with a folder for each person, or an archive of one (tar, zip), which is
            unpacked into the cache once; a folder around all of them does not matter.

    Raises:
        DataError: there are no such folders.
    """
    root = unpack(images) if is_archive(images) else images
    if not root.is_dir():
        raise DataError(f"{images}: no such folder or archive: expected a folder for each person")
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    if len(folders) == 1 and any(path.is_dir() for path in folders[0].iterdir()):
        folders = sorted(path for path in folders[0].iterdir() if path.is_dir())
    people = {
        folder.name: tuple(p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES)
        for folder in folders
    }
    found = {name: files for name, files in people.items() if files}
    if not found:
        raise DataError(f"{images}: no pictures: expected a folder for each person")
    return found


def find_portraits(
    people: Mapping[str, tuple[Path, ...]], wanted: Sequence[Portrait]
) -> dict[Portrait, Path]:
    """Return the file of each picture.

    Raises:
        DataError: one is missing; the message names it.
    """
    files = {path.stem: path for paths in people.values() for path in paths}
    missing = [portrait.stem for portrait in wanted if portrait.stem not in files]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(wanted)} pictures of the pairs are missing, such as "
            f"{missing[0]}: is this the set that the pairs are of?"
        )
    return {portrait: files[portrait.stem] for portrait in wanted}
