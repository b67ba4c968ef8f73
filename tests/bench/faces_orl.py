"""One-shot recognition on ORL: one picture of each of 40 people enrolled, nine identified.

    EDGECNN_DATA=... python tests/bench/faces_orl.py --bundle EMBEDDER.edge --detector DETECTOR.edge

Each of the ten pictures is the enrolled one in turn: rank-1 of each turn, the mean, and a 95 %
interval for which people are drawn with replacement. ORL (AT&T Laboratories Cambridge) trained
nothing here. Its pictures are 92 x 112, the face from edge to edge: they are doubled in size and
given a rim. A face that is not found counts as wrong, and where it is the enrolled one, all nine.
"""

from __future__ import annotations

import argparse
import os
import tarfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.cli.faces_common import open_finder
from edgecnn.cli.output import find_bundle, print_table
from edgecnn_device.faces import FaceEmbedder, FaceFinder
from edgecnn_device.faces.align import align
from edgecnn_device.runner import open_runner

RIM, PEOPLE, EACH = 60, 40, 10


def read_pictures(archive: Path) -> list[list[NDArray[np.uint8]]]:
    """Return ten pictures of each of 40 people."""
    people: list[list[NDArray[np.uint8]]] = []
    with tarfile.open(archive) as tar:
        for person in range(1, PEOPLE + 1):
            mine = []
            for number in range(1, EACH + 1):
                file = tar.extractfile(f"orl_faces/s{person}/{number}.pgm")
                assert file is not None
                data = np.frombuffer(file.read(), np.uint8)
                picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
                large = cv2.resize(picture, None, fx=2, fy=2)
                framed = cv2.copyMakeBorder(large, RIM, RIM, RIM, RIM, cv2.BORDER_REPLICATE)
                mine.append(np.asarray(framed, np.uint8))
            people.append(mine)
    return people


def embed_all(
    people: list[list[NDArray[np.uint8]]], finder: FaceFinder, embed: FaceEmbedder
) -> NDArray[np.float32]:
    """Return (40, 10, D) unit vectors; NaN where no face was found."""
    rows = []
    for mine in people:
        row = []
        for picture in mine:
            found = finder(picture)
            row.append(embed(align(picture, found[0].points)) if found else None)
        rows.append(row)
    size = next(len(v) for row in rows for v in row if v is not None)
    nothing = np.full(size, np.nan, np.float32)
    return np.array([[nothing if v is None else v for v in row] for row in rows], np.float32)


def rank_one(vectors: NDArray[np.float32], enrolled: int) -> NDArray[np.bool_]:
    """Return (40, 9) whether each other picture is nearest to its own person's enrolled one."""
    gallery = vectors[:, enrolled]
    probes = np.delete(vectors, enrolled, axis=1)
    alike = np.nan_to_num(probes @ gallery.T, nan=-2.0)
    found = np.isfinite(probes[..., 0]) & np.isfinite(gallery[:, None, 0])
    return np.asarray((alike.argmax(2) == np.arange(PEOPLE)[:, None]) & found, bool)


def main() -> None:
    """Embed, compare, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", default="face-embedder")
    parser.add_argument("--detector", default="face-detector+face-points")
    parser.add_argument("--variant", help="of the embedder; default: the manifest's first")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    bundle = find_bundle(given.bundle)
    finder = open_finder(given.detector, 1)
    embed = FaceEmbedder(open_runner(bundle, given.variant))
    people = read_pictures(Path(os.environ["EDGECNN_DATA"]) / "orl_faces" / "orl_faces.tar")
    vectors = embed_all(people, finder, embed)
    turns = np.stack([rank_one(vectors, k) for k in range(EACH)])  # (10, 40, 9)
    rng = np.random.default_rng(0)
    of_person = turns.mean((0, 2))
    drawn = [of_person[rng.integers(PEOPLE, size=PEOPLE)].mean() for _ in range(1000)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    rows = [(f"{k + 1}", f"{100 * turn.mean():.1f}") for k, turn in enumerate(turns)]
    rows.append(("mean", f"{100 * turns.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"))
    missed = int(np.isnan(vectors[..., 0]).sum())
    print_table(f"ORL, {missed} of 400 faces not found", ("enrolled picture", "rank-1, %"), rows)


if __name__ == "__main__":
    main()
