"""What a stream does with its pictures' times, on a stand-in for OpenCV and the clock."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edgecnn_device.cameras import rtsp
from edgecnn_device.cameras.source import SourceError

Stream = list[tuple[float, float]]
"""Seconds by the stream's clock, and seconds that it takes until the picture is there."""


class FakeStream:
    """Gives pictures that show their number; the clock goes on by what each one takes."""

    def __init__(self, pictures: Stream, clock: SimpleNamespace) -> None:
        self._pictures, self._clock, self._at = pictures, clock, -1

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        self._at += 1
        if self._at < len(self._pictures):
            self._clock.now += self._pictures[self._at][1]
        return self._at < len(self._pictures)

    def retrieve(self) -> tuple[bool, object]:
        return True, np.full((1, 1, 3), self._at, np.uint8)

    def get(self, key: int) -> float:
        assert key == cv2.CAP_PROP_POS_MSEC
        return 1000 * self._pictures[self._at][0]

    def release(self) -> None:
        pass


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stream], rtsp.RtspStream]:
    def make(pictures: Stream) -> rtsp.RtspStream:
        clock = SimpleNamespace(now=100.0)
        monkeypatch.setattr(cv2, "VideoCapture", lambda *_: FakeStream(pictures, clock))
        monkeypatch.setattr(rtsp, "time", SimpleNamespace(monotonic=lambda: clock.now))
        monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "")
        return rtsp.RtspStream("rtsp://cam/1", 2.0, 10.0)

    return make


def _number(stream: rtsp.RtspStream) -> int:
    image = stream.read()
    assert image is not None
    return int(image[0, 0, 0])


def test_what_was_in_store_is_dropped(opened: Callable[[Stream], rtsp.RtspStream]) -> None:
    store = [(n / 25, 0.002) for n in range(20)]
    live = [(n / 25, 1 / 25) for n in range(20, 30)]
    stream = opened(store + live)
    assert [_number(stream) for _ in range(5)] == [20, 21, 22, 23, 24]
    assert stream.lag_s == pytest.approx(0, abs=1e-6)


def test_a_store_without_end_is_taken_as_it_is(
    opened: Callable[[Stream], rtsp.RtspStream],
) -> None:
    assert 45 < _number(opened([(float(n), 0.04) for n in range(200)])) < 60  # two seconds' worth


@pytest.mark.parametrize("step", [0.0, -0.04])
def test_times_that_say_nothing_are_no_lateness(
    opened: Callable[[Stream], rtsp.RtspStream], step: float
) -> None:
    stream = opened([(100 + n * step, 1 / 25) for n in range(200)])
    for _ in range(190):
        stream.read()
        assert stream.lag_s == 0


def test_what_was_held_back_says_how_late_it_is(
    opened: Callable[[Stream], rtsp.RtspStream],
) -> None:
    calm = [(n / 25, 1 / 25) for n in range(50)]
    stream = opened([*calm, (2.0, 1.04), *((2 + n / 25, 0.001) for n in range(1, 20))])
    for _ in range(49):
        stream.read()
    stream.read()
    assert stream.lag_s == pytest.approx(1.0)
    stream.read()
    assert stream.lag_s == pytest.approx(0.961)


def test_what_is_ever_later_is_connected_anew(
    opened: Callable[[Stream], rtsp.RtspStream],
) -> None:
    stream = opened([(n / 25, 0.1) for n in range(200)])
    with pytest.raises(SourceError, match="s late"):
        for _ in range(100):
            stream.read()
