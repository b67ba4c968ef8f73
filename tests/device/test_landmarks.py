from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import PointsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.bundle.read import read_bundle
from edgecnn.cli.results import as_json, as_text
from edgecnn.data.synth.heads import POINTS, write_heads
from edgecnn.errors import BundleError, DataError
from edgecnn_device import Runner
from edgecnn_device.backends.fake import FakeBackend
from edgecnn_device.evaluate_landmarks import evaluate_landmarks
from edgecnn_device.tasks import Landmarks


@pytest.fixture
def manifest(zoo_bundle: Path) -> Manifest:
    """The zoo's manifest, as if it found five points by regression."""
    found = read_bundle(zoo_bundle).manifest
    decode = PointsDecode(names=POINTS, method="regression", normalizer=(0, 1))
    return found.model_copy(update={"task": "landmarks", "decode": decode})


def _runner(manifest: Manifest, places: NDArray[Any], seen: list[float]) -> Runner:
    answer = places.reshape(1, -1).astype(np.float32), np.array([seen], np.float32)
    return Runner(manifest, manifest.variants[0], FakeBackend(lambda inputs: answer))


def test_points_are_in_pixels_of_the_picture(manifest: Manifest) -> None:
    places = np.array(((0, 0), (1, 1), (0.5, 0.5), (0.25, 0.5), (1.1, 0.5)))
    run = _runner(manifest, places, [9, -9, 0, 9, 9])
    (found,) = run(np.zeros((50, 200, 3), np.uint8))
    assert isinstance(found, Landmarks)
    assert [p.name for p in found.points] == list(POINTS)
    got = [(p.x, p.y) for p in found.points]
    assert np.allclose(
        got, [(-0.5, -0.5), (199.5, 49.5), (99.5, 24.5), (49.5, 24.5), (219.5, 24.5)]
    )
    assert np.allclose([p.score for p in found.points], [1, 0, 0.5, 1, 1], atol=1e-3)
    assert found.decision == "right_eye nose right_mouth left_mouth"


def test_the_json_names_points_and_scores(manifest: Manifest) -> None:
    (found,) = _runner(manifest, np.full((5, 2), 0.5), [9] * 5)(np.zeros((50, 200, 3), np.uint8))
    shown = as_json(found)
    assert shown["points"] == [[99.5, 24.5]] * 5
    assert shown["names"] == list(POINTS)
    assert shown["scores"] == [0.9999] * 5
    assert "nose (1.000) at 99.5 24.5" in as_text((found,))


def test_outputs_of_another_number_of_points_are_refused(manifest: Manifest) -> None:
    run = _runner(manifest, np.zeros((4, 2)), [0] * 4)
    with pytest.raises(BundleError, match="5 points by regression"):
        run(np.zeros((9, 9, 3), np.uint8))


def test_a_set_is_scored_and_one_of_other_points_refused(
    manifest: Manifest, tmp_path: Path
) -> None:
    from edgecnn.data.open import open_dataset

    write_heads(tmp_path / "set", 12, seed=6)
    dataset = open_dataset(tmp_path / "set")
    mean = np.mean([s.landmarks[:, :2] for s in dataset.samples], axis=0) / 64
    score = evaluate_landmarks(_runner(manifest, mean, [9] * 5), dataset)
    assert score.samples + score.unmeasured == 12
    assert 0.1 < score.nme < 1.5 and score.visibility == pytest.approx(1 - score.unseen / 60)
    labels = tmp_path / "set" / "labels.json"
    labels.write_text(labels.read_text().replace('"nose"', '"snout"'))
    with pytest.raises(DataError, match="snout"):
        evaluate_landmarks(_runner(manifest, mean, [9] * 5), open_dataset(tmp_path / "set"))
