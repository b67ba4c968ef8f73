from __future__ import annotations

import numpy as np
import pytest

from edgecnn.bundle.decode import BoxDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import BundleError
from edgecnn.vision.localize import decode_location, read_locations
from edgecnn.vision.placement import placement

RULES = BoxDecode(labels=("cat", "dog", "owl"))


def _outputs(
    presence: float = 2.0, shares: tuple[float, ...] = (0.5, 0.25, 0.5, 0.25)
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    logits = np.log(np.array([shares]) / (1 - np.array([shares])))
    return [np.array([[presence]], np.float32), logits.astype(np.float32),
            np.array([[0, 3, 1]], np.float32)]  # fmt: skip


def _spec(resize: str) -> InputSpec:
    return InputSpec.model_validate(
        {"width": 100, "height": 100, "mean": (0, 0, 0), "std": (1, 1, 1), "resize": resize}
    )


@pytest.mark.parametrize(
    ("resize", "box"), [("stretch", (50, 12.5, 150, 37.5)), ("letterbox", (50, 25, 150, 75))]
)
def test_a_box_is_given_in_pixels_of_the_picture(resize: str, box: tuple[float, ...]) -> None:
    size = (200, 100)
    found = decode_location(_outputs(), RULES, placement(size, _spec(resize)))
    assert np.allclose(found.boxes, [box], atol=1e-3)
    assert found.classes.tolist() == [1]
    assert found.scores == pytest.approx([1 / (1 + np.exp(-2))])


@pytest.mark.parametrize(("presence", "number"), [(-0.01, 0), (0.0, 1), (-1e30, 0), (1e30, 1)])
def test_below_half_nothing_is_there(presence: float, number: int) -> None:
    place = placement((20, 20), _spec("stretch"))
    assert len(decode_location(_outputs(presence), RULES, place).boxes) == number


def test_a_box_stays_inside_the_picture() -> None:
    place = placement((10, 10), _spec("stretch"))
    found = decode_location(_outputs(shares=(0.1, 0.9, 0.6, 0.6)), RULES, place)
    assert np.allclose(found.boxes, [[0, 6, 4, 10]], atol=1e-3)


@pytest.mark.parametrize("shapes", [[], [(1, 1), (1, 4)], [(1, 1), (1, 4), (1, 2)], [(3,)]])
def test_other_outputs_are_refused(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(BundleError, match=r"box \(1, 4\) and classes \(1, 3\)"):
        read_locations([np.zeros(s, np.float32) for s in shapes], 3)
