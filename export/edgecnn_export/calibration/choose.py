"""Seeded choices that depend on names and contents, never on their order or on a generator."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import chain, islice, zip_longest


def choose(
    names: Sequence[str], classes: Sequence[str] | None, number: int, seed: int
) -> tuple[int, ...]:
    """Choose samples, as many of each class as there are, or at random without classes.

    Args:
        names: of the samples.
        classes: of the samples, where they are known.
        number: how many at most.
        seed: another seed gives another choice.

    Returns:
        Ascending indices. A class that runs out leaves its share to the others.
    """
    if number >= len(names):
        return tuple(range(len(names)))
    members: dict[str, list[int]] = {}
    for index in sorted(range(len(names)), key=lambda i: _chance(seed, names[i])):
        members.setdefault(classes[index] if classes else "", []).append(index)
    turns = zip_longest(*(members[c] for c in sorted(members, key=lambda c: _chance(seed, c))))
    in_turn = (index for index in chain.from_iterable(turns) if index is not None)
    return tuple(sorted(islice(in_turn, number)))


def hold_back(
    hashes: Sequence[str], classes: Sequence[str] | None, share: float, seed: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Divide samples in two; equal ones stay together, each class keeps its share.

    Args:
        hashes: of the samples' contents.
        classes: of the samples, where they are known.
        share: of the second part, 0..1.
        seed: another seed gives another division.

    Returns:
        Ascending indices of what remains and of what is held back.
    """
    equal: dict[str, list[int]] = {}
    for index, content in enumerate(hashes):
        equal.setdefault(content, []).append(index)

    def order(content: str) -> tuple[str, str]:
        return (classes[equal[content][0]] if classes else "", _chance(seed, content))

    kept: list[int] = []
    held: list[int] = []
    for content in sorted(equal, key=order):
        # Class after class, so that each is dealt out evenly, as in `edgecnn.data.split.divide`.
        seen = len(kept) + len(held) + len(equal[content])
        behind = share * seen - len(held) > (1 - share) * seen - len(kept)
        (held if behind else kept).extend(equal[content])
    return tuple(sorted(kept)), tuple(sorted(held))


def _chance(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).hexdigest()
