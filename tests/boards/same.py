"""Tells whether two machines found the same: `python same.py HERE THERE`, files of JSON lines.

Everything is equal but vectors and points, which need not be, number by number, between one int8
kernel and the next: of one picture they have a cosine of 0.98 at least.
"""

from __future__ import annotations

import json
import math
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

LEAST = 0.98


def cosine(a: list[float], b: list[float]) -> float:
    """Return the cosine of two vectors; 0 where their sizes differ."""
    if len(a) != len(b):
        return 0.0
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def vectors_of(line: str) -> tuple[list[list[float]], Any]:
    """Return the vectors and points of a line, flat, and what else it says."""
    said = json.loads(line)
    results = said.get("results", ())
    found = [result.pop("vector") for result in results if "vector" in result]
    points = [result.pop("points") for result in results if "points" in result]
    return found + [[x for point in each for x in point] for each in points], said


def main() -> None:
    """Print the first difference, and end with 1; or how alike the vectors are."""
    here, there = (Path(name).read_text(encoding="utf-8").splitlines() for name in sys.argv[1:3])
    least = 1.0
    for one, other in zip_longest(here, there, fillvalue="{}"):
        (mine, said), (theirs, told) = vectors_of(one), vectors_of(other)
        if said != told or len(mine) != len(theirs):
            raise SystemExit(f"here:  {one}\nthere: {other}")
        least = min([least, *(cosine(a, b) for a, b in zip(mine, theirs, strict=True))])
    if least < LEAST:
        raise SystemExit(f"two vectors of one picture have a cosine of {least:.4f}")
    if least < 1:
        print(f"numbers of one picture: least cosine {least:.4f}")


if __name__ == "__main__":
    main()
