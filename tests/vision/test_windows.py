from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.decode import Suppression, WindowsDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import BundleError, InputError
from edgecnn.vision.placement import placement
from edgecnn.vision.windows import check_background, decode_windows

RULES = WindowsDecode(
    labels=("nothing", "cat", "dog"), background=("nothing",), window=(20, 10), stride=(4, 8),
    suppression=Suppression(min_score=0.5),
)  # fmt: skip
SPEC = InputSpec(width=10, height=20, mean=(0.0,) * 3, std=(1.0,) * 3, resize="none")


def _map(rows: int, columns: int, **hot: tuple[int, int]) -> NDArray[np.float32]:
    """Logits that say nothing everywhere but at the named positions."""
    logits = np.zeros((1, 3, rows, columns), np.float32)
    logits[0, 0] = 9
    for name, (row, column) in hot.items():
        logits[0, RULES.labels.index(name), row, column] = 19
    return logits


def test_a_position_is_a_window_at_its_strides() -> None:
    place = placement((58, 60), SPEC)
    found = decode_windows([_map(11, 7, dog=(3, 5), cat=(0, 0))], RULES, place)
    assert found.boxes.tolist() == [[0, 0, 10, 20], [40, 12, 50, 32]]
    assert found.classes.tolist() == [1, 2]
    assert found.scores == pytest.approx([1, 1], abs=1e-3)


def test_boxes_are_in_pixels_of_the_picture() -> None:
    spec = SPEC.model_copy(update={"width": 50, "height": 40, "resize": "letterbox"})
    place = placement((100, 200), spec)  # shown at a fifth: 20 x 40 of 50 x 40
    found = decode_windows([_map(6, 6, cat=(2, 1))], RULES, place)
    assert found.boxes.tolist() == [[40, 40, 90, 140]]


@pytest.mark.parametrize(
    ("size", "boxes"),
    [((22, 20), [[16, 0, 22, 20]]), ((20, 20), []), ((16, 20), []), ((18, 8), [])],
)
def test_a_window_mostly_outside_the_picture_is_left_out(
    size: tuple[int, int], boxes: list[list[float]]
) -> None:
    found = decode_windows([_map(1, 4, dog=(0, 2))], RULES, placement(size, SPEC))
    assert found.boxes.tolist() == boxes


def test_a_picture_smaller_than_the_window_is_a_box_of_its_own_size() -> None:
    found = decode_windows([_map(1, 1, dog=(0, 0))], RULES, placement((3, 7), SPEC))
    assert found.boxes.tolist() == [[0, 0, 3, 7]]


def test_of_neighbours_the_best_stays() -> None:
    logits = _map(4, 1, cat=(1, 0))
    logits[0, 1, 2, 0] = 15
    found = decode_windows([logits], RULES, placement((10, 32), SPEC))
    assert found.boxes.tolist() == [[0, 4, 10, 24]]


def test_a_sigmoid_speaks_of_its_second_class() -> None:
    two = WindowsDecode(labels=("no", "yes"), activation="sigmoid", background=("no",),
                        window=(20, 10), stride=(4, 8))  # fmt: skip
    logits = np.array([[[[-3.0, 3.0]]]], np.float32)
    found = decode_windows([logits], two, placement((18, 20), SPEC))
    assert (found.boxes.tolist(), found.classes.tolist()) == ([[8, 0, 18, 20]], [1])


@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (1, 3), (2, 3, 4, 4)])
def test_another_output_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BundleError, match=r"expected one output \(1, 3, rows, columns\)"):
        decode_windows([np.zeros(shape, np.float32)], RULES, placement((20, 20), SPEC))


def test_an_unknown_background_names_the_nearest() -> None:
    check_background(("cat",), RULES.labels)
    with pytest.raises(InputError, match="did you mean 'nothing'"):
        check_background(("nothin",), RULES.labels)


@pytest.mark.parametrize(
    ("update", "fault"),
    [({"background": ("ox",)}, "not all labels"), ({"activation": "sigmoid"}, "two labels")],
)
def test_a_manifest_states_no_other_classes(update: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        WindowsDecode.model_validate({**RULES.model_dump(), **update})
