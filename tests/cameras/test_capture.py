"""The thread on scripted feeds: whatever comes in whatever order, it goes on, and it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.errors import DataError, InputError
from edgecnn_device.cameras import Capture
from edgecnn_device.cameras.feed import Faulty, Feed, Given, Opened, Picture
from edgecnn_device.cameras.source import SourceEnded, SourceError, Wanted
from edgecnn_device.kiosk.config import CameraConfig

IMAGE = np.zeros((4, 6, 3), np.uint8)
PATIENCE_S = 90.0


class Scripted:
    """Does what a script says, and then nothing; like a camera that hangs."""

    def __init__(self, script: Iterable[Any]) -> None:
        self._script: Iterator[Any] = iter(script)
        self._number = 0
        self.closed = False

    def next(self, timeout_s: float) -> Given | None:
        step: Any = next(self._script, "hang")
        if isinstance(step, Exception):
            raise step
        if step == "hang":
            time.sleep(min(timeout_s, 0.01))
            return None
        if isinstance(step, Opened):
            return step
        self._number += 1
        if step == "picture":
            return Picture(IMAGE, time.monotonic(), self._number)
        if step == "lost":
            return None
        return Faulty(step, self._number)

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class Cameras:
    """Opens scripted feeds, one after the other; the last one again and again."""

    def __init__(self, *scripts: Iterable[Any]) -> None:
        self._scripts = list(scripts)
        self.feeds: list[Scripted] = []

    def __call__(self, wanted: Wanted, secrets: tuple[str, ...]) -> Feed:
        script = list(self._scripts[min(len(self.feeds), len(self._scripts) - 1)])
        if script and script[0] == "refuse":
            raise SourceError("no such camera")
        self.feeds.append(Scripted(script))
        return self.feeds[-1]


LIVE = Opened(0.0)


def test_it_counts_what_comes(start: Callable[..., Capture], wait_for: Any) -> None:
    script = [LIVE, "picture", "undecodable", "lost", "picture", "shape", "error", "picture"]
    capture = start("usb:0", open_feed=Cameras(script))
    status = wait_for(capture, lambda s: s.captured == 3)
    bad = status.corrupt
    assert (bad.undecodable, bad.shape, bad.error, bad.empty, bad.total) == (1, 1, 1, 0, 3)
    assert (status.state, status.reason, status.overrun) == ("live", "", 1)
    frame = capture.slot.take(0)
    assert frame is not None and (frame.camera, frame.index) == ("door", 6)
    assert frame.image is IMAGE and frame.captured <= time.monotonic()
    assert status.replaced == 2 and status.rate > 0


def test_its_states_are_told_and_its_frames_are_counted_on(
    start: Callable[..., Capture], wait_for: Any
) -> None:
    told: list[tuple[str, str, str]] = []
    cameras = Cameras([LIVE, "picture", SourceError("unplugged")], [LIVE, "picture"])
    capture = start("usb:0", open_feed=cameras, on_change=lambda *change: told.append(change))
    wait_for(capture, lambda s: s.reconnects == 1 and s.state == "live")
    assert [change[1:] for change in told] == [
        ("connecting", ""), ("live", ""), ("backoff", "unplugged"), ("connecting", "unplugged"),
        ("live", ""),
    ]  # fmt: skip
    frame = capture.slot.take(PATIENCE_S, newer_than=0)
    assert frame is not None and frame.index == 1
    assert cameras.feeds[0].closed and not cameras.feeds[1].closed


def test_what_hangs_is_given_up(
    start: Callable[..., Capture], wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecnn_device.cameras.capture.OPENING_S", 0.05)
    cameras = Cameras([LIVE, "picture"], [LIVE], [])
    capture = start("usb:0", open_feed=cameras, deadline_s=0.1)
    status = wait_for(capture, lambda s: s.stalls >= 4)
    assert status.captured == 1 and "no frame for" in status.reason
    assert all(feed.closed for feed in cameras.feeds[:3])


def test_a_stream_that_hangs_while_it_opens_is_given_up_sooner(
    start: Callable[..., Capture], wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecnn_device.cameras.capture.CONNECTING_S", 0.05)
    monkeypatch.setattr("edgecnn_device.cameras.state._FIRST_S", (0.05, 0.1))
    capture = start("rtsp://127.0.0.1/a", open_feed=Cameras([], []), deadline_s=0.1)
    status = wait_for(capture, lambda s: s.stalls >= 2)
    assert status.captured == 0 and status.reason.startswith("no frame for 0.")


def test_only_good_frames_count_against_the_deadline(
    start: Callable[..., Capture], wait_for: Any
) -> None:
    script = [LIVE, "picture", *["undecodable"] * 100_000]
    capture = start("usb:0", open_feed=Cameras(script), deadline_s=0.05)
    status = wait_for(capture, lambda s: s.stalls >= 1)
    assert status.corrupt.undecodable > 0


def test_it_ends_with_its_file(start: Callable[..., Capture], wait_for: Any) -> None:
    capture = start("a.avi", open_feed=Cameras([Opened(50.0), "picture", SourceEnded("damaged")]))
    assert capture.join(PATIENCE_S)
    status = capture.snapshot()
    assert (status.state, status.reason, status.captured) == ("ended", "damaged", 1)
    assert capture.slot.take(600, newer_than=0) is None  # nobody waits for more


def test_a_listener_that_fails_ends_nothing(start: Callable[..., Capture], wait_for: Any) -> None:
    def fail(*_: str) -> None:
        raise ValueError("oops")

    capture = start("usb:0", open_feed=Cameras([LIVE, "picture"]), on_change=fail)
    wait_for(capture, lambda s: s.state == "live")


def test_a_camera_that_stays_away_is_logged_once(
    start: Callable[..., Capture], wait_for: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edgecnn.cameras")
    attempts: list[str] = []
    capture = start("usb:0", open_feed=Cameras(["refuse"]),
                    on_change=lambda _, state, __: attempts.append(state))  # fmt: skip
    end = time.monotonic() + PATIENCE_S
    while attempts.count("backoff") < 4 and time.monotonic() < end:
        time.sleep(0.01)
    assert capture.snapshot().reason == "no such camera"
    assert [r.getMessage() for r in caplog.records] == ["camera door: backoff: no such camera"]


def test_no_log_and_no_status_has_credentials(
    start: Callable[..., Capture], wait_for: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "edgecnn.cameras")
    told: list[str] = []

    def refuse(wanted: Wanted, secrets: tuple[str, ...]) -> Feed:
        raise DataError(f"cannot open {wanted.source}: user cashier, password s3cr3t/word")

    capture = start("rtsp://cashier@cam/1?token=abcdef", "s3cr3t/word", open_feed=refuse,
                    on_change=lambda *change: told.extend(change))  # fmt: skip
    status = wait_for(capture, lambda s: s.state == "backoff")
    everything = "".join([*told, *(r.getMessage() for r in caplog.records), repr(status)])
    assert "cam/1" in everything
    assert not any(word in everything for word in ("s3cr3t", "cashier", "abcdef"))


def test_a_source_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="expected usb:N"):
        Capture("door", CameraConfig(source="http://me:secret@cam"))


def test_a_backoff_ends_at_once_when_told(start: Callable[..., Capture], wait_for: Any) -> None:
    capture = start("usb:0", open_feed=Cameras(["refuse"]), backoff_s=3600, most_backoff_s=3600)
    wait_for(capture, lambda s: s.state == "backoff" and s.retry_in_s is not None)
    capture.stop()
    assert capture.join(PATIENCE_S)


def test_a_file_waits_until_each_frame_is_taken(start: Callable[..., Capture]) -> None:
    script = [Opened(25.0), *["picture"] * 5, SourceEnded()]
    capture = start("a.avi", open_feed=Cameras(script), paced=False)
    indices, last = [], -1
    while (frame := capture.slot.take(PATIENCE_S, last)) is not None:
        last = frame.index
        indices.append(last)
    assert indices == [0, 1, 2, 3, 4] and capture.snapshot().replaced == 0


def test_a_file_is_played_at_its_rate(start: Callable[..., Capture]) -> None:
    begun = time.monotonic()
    capture = start("a.avi", open_feed=Cameras([Opened(20.0), *["picture"] * 5, SourceEnded()]))
    assert capture.join(PATIENCE_S)
    assert time.monotonic() - begun > 4 / 20 - 0.01


STEP = st.one_of(
    st.sampled_from(["picture", "undecodable", "empty", "shape", "error", "lost", "hang", LIVE]),
    st.builds(Opened, st.sampled_from([0.0, 1000.0])),
    st.sampled_from([SourceError("gone"), ValueError("odd"), OSError(5, "I/O"), DataError("bad")]),
)
SCRIPT = st.one_of(st.lists(STEP, max_size=12), st.just(["refuse"]))


@settings(max_examples=60, deadline=None)
@given(scripts=st.lists(SCRIPT, min_size=1, max_size=4), ends=st.booleans(), paced=st.booleans())
def test_whatever_comes_the_thread_goes_on_and_ends(
    scripts: list[list[Any]], ends: bool, paced: bool
) -> None:
    told: list[str] = []
    cameras = Cameras(*scripts, [SourceEnded()] if ends else ["picture"])
    config = CameraConfig.model_validate(
        {"source": "a.avi", "backoff_s": 0.001, "most_backoff_s": 0.002, "deadline_s": 0.02,
         "paced": paced}
    )  # fmt: skip
    capture = Capture("door", config, on_change=lambda _, s, __: told.append(s), open_feed=cameras)
    capture.start()
    last, until = -1, time.monotonic() + 0.1
    while time.monotonic() < until and capture.snapshot().state != "ended":
        frame = capture.slot.take(0.01, last)
        if frame is not None:
            assert frame.index > last
            last = frame.index
    capture.stop()
    assert capture.join(PATIENCE_S)
    status = capture.snapshot()
    assert all(feed.closed for feed in cameras.feeds)
    assert status.overrun >= 0 and status.replaced <= status.captured
    assert last < status.captured + status.overrun + status.corrupt.total
    follows = {"connecting": {"live", "backoff", "ended"}, "live": {"backoff", "ended"},
               "backoff": {"connecting"}, "ended": set()}  # fmt: skip
    assert all(b in follows[a] for a, b in pairwise(told))
