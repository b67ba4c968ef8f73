from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgecnn_device.kiosk.ports import LiveFrame, SeenFace
from edgecnn_device.kiosk.web.render import encode


def shown(image: np.ndarray, width: int, boxes: bool = False) -> np.ndarray:
    face = SeenFace((20.0, 20.0, 120.0, 100.0), "Ann", "")
    data = encode(LiveFrame("front", 0, image, (), (face,), 0.0), width, boxes)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded


@pytest.mark.parametrize(("width", "height", "most", "size"), [
    (1280, 720, 960, (540, 960)), (1920, 1080, 960, (540, 960)), (2592, 1944, 500, (375, 500)),
    (640, 360, 960, (360, 640)), (3000, 1, 160, (1, 160)),
])  # fmt: skip
def test_a_picture_is_at_most_so_wide(
    width: int, height: int, most: int, size: tuple[int, int]
) -> None:
    image = np.full((height, width, 3), 80, np.uint8)
    assert shown(image, most).shape == (*size, 3)


def test_boxes_go_onto_a_copy() -> None:
    image = np.full((200, 300, 3), 80, np.uint8)
    assert not np.array_equal(shown(image, 960, True), shown(image, 960))
    assert (image == 80).all()
