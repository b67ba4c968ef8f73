"""Whether a curve of false matches holds for people it was not measured on, per variant.

    python tests/bench/faces_curve.py --detector DETECTOR.edge --bundle EMBEDDER.edge

The people of folds 1-4 of LFW's pairs give the curve, those of fold 5 (EDGECNN_DATA) check it: for
each rate the threshold, the share of pairs of two of the latter above it, and the share of their
pairs of one person. Then how many pairs of all these people are how alike: some are one photograph
under two names, or one name in two spellings.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from lfw_people import scoring_people
from numpy.typing import NDArray

from edgecnn.cli.faces_common import open_embedders, open_finder
from edgecnn.cli.output import print_table
from edgecnn.data.face_pairs import find_people, find_portraits, read_pairs
from edgecnn.vision.matching import measure_curve, threshold_for
from edgecnn_device.faces.evaluate import gather

RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9)
Vectors = NDArray[np.float32]


def split(vectors: Vectors, people: NDArray[np.str_]) -> tuple[Vectors, Vectors]:
    """Return the similarities of pairs of two people, and of pairs of one."""
    one, other = np.triu_indices(len(vectors), 1)
    scores, same = (vectors @ vectors.T)[one, other], people[one] == people[other]
    return scores[~same], scores[same]


def check(name: str, vectors: Vectors, people: NDArray[np.str_], held: NDArray[np.bool_]) -> None:
    """Print the tables of one variant."""
    curve = measure_curve(vectors[~held], people[~held].tolist(), data="folds 1-4")
    strangers, same = split(vectors[held], people[held])
    rows = []
    for rate in RATES:
        level = threshold_for(curve, rate)
        rows.append([f"{rate:g}", f"{level:.3f}", f"{(strangers > level).mean():.1e}",
                     f"{(same > level).mean():.4f}"])  # fmt: skip
    title = (
        f"{name}: curve of {curve.pairs} pairs of {curve.people} people, to {curve.end:.1e}; "
        f"checked on {len(strangers)} pairs of two and {len(same)} of one"
    )
    print_table(title, ["rate", "threshold", "measured", "one person matched"], rows)
    everybody, _ = split(vectors, people)
    counts = [[f"{level:g}", str(int((everybody > level).sum()))] for level in LEVELS]
    print_table(f"of {len(everybody)} pairs of two names", ["above", "pairs"], counts)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--detector", required=True)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--variant")
    given = parser.parse_args()
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data"))
    pairs = data / "lfw_pairs_folds1-5.txt"
    files = find_portraits(find_people(data / "lfw_dev.tar"), read_pairs(pairs).portraits)
    _, embedders = open_embedders(given.bundle, given.variant, 1)
    finder = open_finder(given.detector, 1)
    gathered = gather(finder, list(embedders.values()), list(files.values()))
    people = np.array([portrait.person for portrait in files])[gathered.found]
    scoring = scoring_people(pairs)
    held = np.array([person in scoring for person in people.tolist()])
    for name, vectors in zip(embedders, gathered.vectors, strict=True):
        check(name, vectors[gathered.found], people, held)


if __name__ == "__main__":
    main()
