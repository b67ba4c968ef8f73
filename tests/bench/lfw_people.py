"""Who of LFW trains, chooses, gives the curve of false matches, and scores: nobody does two.

The people of fold 5 of the pairs score. Everybody else is put by the hash of the name, so that a
set made again holds the same people; of those with one picture alone more are kept for the curve,
which is made of pairs of different people.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

Part = Literal["train", "val", "curve", "score", "left out"]

_TWICE = frozenset({
    "Brian_Williams", "Carlos_Ruckauf", "Claire_Hentzen", "Emmy_Rossum", "Glenn_Rivers",
    "Jason_Kapono", "Martha_Bowen", "Raul_Ibanez", "Ricky_Ray", "Shinya_Taniguchi", "Talisa_Soto",
})  # fmt: skip
"""Pictures of them are there under another name, too (labels of LFW that are wrong, or one picture
of two people): found as the pairs of names whose vectors of MobileFaceNet are most alike. Nobody
may be in two parts, and one person under two names is no false match."""


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
    if person in _TWICE:
        return "left out"
    place = hashlib.sha256(person.encode()).digest()[0] / 256
    if place < 0.08:
        return "val"
    return "curve" if place < (0.40 if alone else 0.20) else "train"
