from __future__ import annotations

import pytest

from edgecnn_device.faces.decision import Identity
from edgecnn_device.kiosk.pipeline.presentation import DIFFERENT, vote


def _said(*people: str | None) -> list[Identity]:
    return [Identity(p, 0.003, "" if p else "nobody is alike enough", 0.5) for p in people]


@pytest.mark.parametrize(
    ("frames", "person", "reason"),
    [
        (("ann", "ann", "ann", None, None), "ann", ""),
        (("ann", "ann", None, None, None), None, "nobody is alike enough"),
        (("ann", "ann", "ann", "ann", "bob"), None, DIFFERENT),
        ((None,) * 5, None, "nobody is alike enough"),
    ],
)
def test_enough_frames_must_name_one_person(
    frames: tuple[str | None, ...], person: str | None, reason: str
) -> None:
    answer = vote(_said(*frames), agree=3)
    assert (answer.person, answer.reason) == (person, reason)
    assert answer.fmr == pytest.approx(0.005)  # 5 / 3 of one frame's


def test_one_frame_alone_is_its_own_vote() -> None:
    assert vote(_said("ann"), agree=1).fmr == pytest.approx(0.003)
