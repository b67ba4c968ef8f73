"""Who of LFW trains, chooses, gives the curve of false matches, and scores: nobody does two.

The people of fold 5 of the pairs score. Everybody else is put by the hash of the name, so that a
set made again holds the same people; of those with one picture alone more are kept for the curve,
which is made of pairs of different people.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

Part = Literal["train", "val", "curve", "score"]


def scoring_people(pairs: Path) -> frozenset[str]:
    """Return who is in the last fold of a file of pairs."""
    lines = pairs.read_text(encoding="utf-8").splitlines()
    _, number = map(int, lines[0].split())
    rows = [line.split("\t") for line in lines[-2 * number :]]
    return frozenset(name for row in rows for name in (row[0], row[-2]) if not name.isdigit())


def part_of(person: str, scoring: frozenset[str], alone: bool) -> Part:
    """Return what a person is for; ``alone``: there is one picture of them."""
    if person in scoring:
        return "score"
    place = hashlib.sha256(person.encode()).digest()[0] / 256
    if place < 0.08:
        return "val"
    return "curve" if place < (0.40 if alone else 0.20) else "train"
