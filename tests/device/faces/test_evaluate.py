from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import MatchCurve
from edgecnn.data.face_pairs import FacePairs, Portrait
from edgecnn.vision.matching import threshold_for
from edgecnn_device import Runner
from edgecnn_device.faces import FaceEmbedder, FaceFinder, FoundFace
from edgecnn_device.faces.evaluate import (
    Gathered,
    gather,
    highest_stranger,
    measure_curves,
    middle_face,
    similarities,
)

FACE = (150.0, 140.0, 40.0)


def test_each_picture_is_found_once_and_embedded_by_all(
    yunet: Runner, embedder: Runner, sees: Any, draw_faces: Callable[..., NDArray[np.uint8]],
    tmp_path: Path,
) -> None:  # fmt: skip
    sees.faces = [FACE]
    files = [tmp_path / "face.png", tmp_path / "none.png"]
    cv2.imwrite(str(files[0]), draw_faces(320, 320, FACE))
    cv2.imwrite(str(files[1]), draw_faces(320, 320))
    told: list[tuple[int, int]] = []
    found = gather(FaceFinder(yunet), [FaceEmbedder(embedder)] * 2, files,
                   lambda done, total: told.append((done, total)))  # fmt: skip
    assert found.found.tolist() == [True, False]
    assert found.vectors.shape == (2, 2, 4)
    assert np.isnan(found.vectors[:, 1]).all()
    assert (found.turned_away, told) == (0, [(1, 2), (2, 2)])


def test_the_face_in_the_middle_is_meant() -> None:
    points = np.zeros((5, 2), np.float32)
    near, far = FoundFace((40, 40, 60, 60), 0.7, points), FoundFace((0, 0, 30, 30), 0.9, points)
    assert middle_face((far, near), (100, 100)) is near
    assert middle_face((), (100, 100)) is None


def test_a_pair_with_a_missing_face_has_no_similarity() -> None:
    portraits = (Portrait("a", 1), Portrait("a", 2), Portrait("b", 1))
    vectors = np.array(((1, 0), (0.6, 0.8), (np.nan, np.nan)), np.float32)
    pairs = FacePairs(
        ((portraits[0], portraits[1]), (portraits[1], portraits[2])), np.zeros(2, int)
    )
    found = similarities(vectors, portraits, pairs)
    assert found[0] == pytest.approx(0.6)
    assert np.isnan(found[1])


def test_the_most_alike_strangers_are_told() -> None:
    vectors = np.array(((1, 0), (1, 0), (0.6, 0.8), (np.nan, np.nan)), np.float32)
    assert highest_stranger(vectors, ["a", "a", "b", "c"]) == pytest.approx(0.6)


def test_a_curve_holds_for_every_variant() -> None:
    rng = np.random.default_rng(0)
    first = rng.standard_normal((60, 8)).astype(np.float32)
    alike = first + np.float32(0.7)  # as an int8 that makes faces alike
    vectors = np.stack((first, alike))
    vectors[:, 7] = np.nan
    people = [str(i) for i in range(60)]
    curve = measure_curves(Gathered(vectors, 0), people, "drawn", 1e-4)
    alone = [measure_curves(Gathered(v[None], 0), people, "drawn", 1e-4) for v in vectors]
    assert isinstance(curve, MatchCurve)
    assert (curve.people, curve.pairs) == (59, 59 * 58 // 2)
    for rate in (0.1, 0.02, curve.end):
        assert threshold_for(curve, rate) == max(threshold_for(c, rate) for c in alone)
    assert threshold_for(alone[1], 0.1) > threshold_for(alone[0], 0.1)
