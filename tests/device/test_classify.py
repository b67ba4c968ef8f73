from __future__ import annotations

import numpy as np
import pytest

from edgecnn.bundle.decode import LabelsDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.bundle.read import read_bundle
from edgecnn.errors import BundleError
from edgecnn.vision.classes import class_scores
from edgecnn_device import Runner
from edgecnn_device.backends import FakeBackend


@pytest.fixture
def manifest(zoo_bundle: object) -> Manifest:
    """The zoo's manifest, as if it classified."""
    from pathlib import Path

    found = read_bundle(Path(str(zoo_bundle))).manifest
    decode = LabelsDecode(labels=("cat", "dog", "owl", "ox", "pig", "rat"))
    return found.model_copy(update={"task": "classify", "decode": decode})


def _run(manifest: Manifest, logits: list[float]) -> list[tuple[str, int]]:
    backend = FakeBackend(lambda inputs: np.array([logits], np.float32))
    results = Runner(manifest, manifest.variants[0], backend)(np.zeros((9, 9, 3), np.uint8))
    assert all(0 <= r.score <= 1 for r in results if hasattr(r, "score"))
    return [(r.decision, r.index) for r in results if hasattr(r, "index")]


def test_the_likeliest_five_come_best_first(manifest: Manifest) -> None:
    found = _run(manifest, [0, 5, 1, 4, 2, 3])
    assert found == [("dog", 1), ("ox", 3), ("rat", 5), ("pig", 4), ("owl", 2)]


def test_a_sigmoid_speaks_of_its_second_class(manifest: Manifest) -> None:
    decode = LabelsDecode(labels=("no", "yes"), activation="sigmoid")
    two = manifest.model_copy(update={"decode": decode})
    assert _run(two, [3.0])[0] == ("yes", 1)
    assert _run(two, [-3.0])[0] == ("no", 0)


def test_outputs_of_another_number_of_classes_are_refused(manifest: Manifest) -> None:
    with pytest.raises(BundleError, match="does not fit its manifest"):
        _run(manifest, [1, 2])


def test_scores_are_probabilities_however_large_the_outputs() -> None:
    found = class_scores(np.array([[1e4, 0, -1e4], [1, 1, 1]], np.float32), "softmax")
    assert np.allclose(found, np.array([[1, 0, 0], [1 / 3] * 3]))
    assert np.allclose(class_scores(np.array([[0.0]], np.float32), "sigmoid"), [[0.5, 0.5]])
