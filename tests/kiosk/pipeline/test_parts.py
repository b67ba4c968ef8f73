from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgecnn.errors import EdgecnnError
from edgecnn_device.kiosk.events import CameraChanged, Event, SystemChanged
from edgecnn_device.kiosk.pipeline.calls import Calls
from edgecnn_device.kiosk.pipeline.cameras import CameraBook
from edgecnn_device.kiosk.pipeline.intake import Intake
from edgecnn_device.kiosk.pipeline.metrics import Metrics, written_bytes
from edgecnn_device.kiosk.pipeline.publisher import THUMBNAILS, Publisher

GREY = np.full((4, 6, 3), 90, np.uint8)


def _value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


def _intake(slots: dict[str, Any], staleness_s: float = 0.5) -> tuple[Intake, Metrics]:
    metrics = Metrics(tuple(slots))
    books = {name: CameraBook(name) for name in slots}
    return Intake(slots, books, staleness_s, metrics), metrics


def test_cameras_take_turns_however_fast_one_is(camera_slot: Callable[..., Any]) -> None:
    slots = {name: camera_slot(name) for name in ("fast", "slow")}
    intake, metrics = _intake(slots)
    order = []
    for _ in range(4):
        for _ in range(5):
            slots["fast"].show(GREY)
        slots["slow"].show(GREY)
        order += [frame.camera for frame in (intake.next(0), intake.next(0)) if frame]
    assert order == ["fast", "slow"] * 4
    assert intake.next(0) is None
    cause = {"camera": "fast", "hop": "capture", "cause": "replaced"}
    assert _value(metrics, "edgecnn_hop_dropped_total", **cause) == 16


def test_a_stale_frame_is_dropped_and_counted(camera_slot: Callable[..., Any]) -> None:
    slot = camera_slot()
    intake, metrics = _intake({"desk": slot})
    slot.show(GREY, age_s=0.6)
    assert intake.next(0.01) is None
    slot.show(GREY, age_s=0.1)
    frame = intake.next(0.01)
    assert frame is not None and frame.index == 1 and not intake.stale(frame)
    hop = {"camera": "desk", "hop": "capture"}
    counts = [_value(metrics, f"edgecnn_hop_{name}_total", **hop) for name in ("in", "out")]
    assert counts == [2, 1]
    assert _value(metrics, "edgecnn_hop_dropped_total", **hop, cause="stale") == 1


def test_the_metrics_tell_memory_states_and_writing() -> None:
    metrics = Metrics(("desk",))
    metrics.state("desk", "backoff")
    assert _value(metrics, "edgecnn_camera_state", camera="desk", state="backoff") == 1
    assert _value(metrics, "edgecnn_camera_state", camera="desk", state="connecting") == 0
    text = metrics.text().decode()
    assert "process_resident_memory_bytes" in text
    assert 'edgecnn_hop_seconds_bucket{camera="desk",hop="detect",le="0.001"} 0.0' in text
    assert ("edgecnn_written_bytes_total" in text) == (written_bytes() is not None)


def _served(calls: Calls, stop: threading.Event) -> threading.Thread:
    def serve() -> None:
        while not stop.is_set():
            calls.run()
            time.sleep(0.001)
        calls.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_the_worker_does_what_others_ask() -> None:
    calls, stop = Calls(), threading.Event()
    thread = _served(calls, stop)
    try:
        assert calls.ask(threading.get_ident) == thread.ident
        with pytest.raises(ZeroDivisionError):
            calls.ask(lambda: 1 // 0)
    finally:
        stop.set()
        thread.join()
    with pytest.raises(EdgecnnError, match="stopping"):
        calls.ask(lambda: 1)


def test_what_was_not_begun_in_time_is_not_done_later() -> None:
    calls, done = Calls(), []
    with pytest.raises(EdgecnnError, match="nothing was done"):
        calls.ask(lambda: done.append(1), timeout_s=0.01)
    calls.run()
    assert done == []


def test_too_many_who_wait_are_refused() -> None:
    calls = Calls()
    for _ in range(40):
        calls.tell(lambda: None)
    with pytest.raises(EdgecnnError, match="repeat later"):
        calls.ask(lambda: 1)


class _Store:
    """Fails so often, then keeps."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.left, self.error = failures, error or OSError("the disk is full")
        self.events: list[Event] = []
        self.pictures: list[bytes | None] = []

    def __call__(self, event: Event, thumbnail: bytes | None) -> None:
        if self.left:
            self.left -= 1
            raise self.error
        self.events.append(event)
        self.pictures.append(thumbnail)


def _event(number: int) -> Event:
    return Event(CameraChanged("live", str(number)), "desk", 0.0, True)


def _lost(count: int) -> Event:
    return Event(SystemChanged("storage", f"{count} are lost"), "", 0.0, True)


def test_events_keep_their_order_while_the_store_fails() -> None:
    store, metrics = _Store(failures=3), Metrics(("desk",))
    publisher = Publisher(store, metrics, _lost)
    publisher.start()
    events = [_event(i) for i in range(5)]
    assert all(publisher.put(event) for event in events)
    assert publisher.stop(5) == 0
    assert [event.id for event in store.events] == [event.id for event in events]
    assert _value(metrics, "edgecnn_events_total", kind="camera") == 5
    assert publisher.failing == ""


def test_a_full_queue_loses_the_newest_and_says_so() -> None:
    store, metrics = _Store(), Metrics(("desk",))
    publisher = Publisher(store, metrics, _lost, most=3)
    assert [publisher.put(_event(i)) for i in range(5)] == [True] * 3 + [False] * 2
    publisher.start()
    assert publisher.stop(5) == 0
    bodies = [event.body for event in store.events]
    assert [b.reason for b in bodies if isinstance(b, CameraChanged)] == ["0", "1", "2"]
    assert [b.detail for b in bodies if isinstance(b, SystemChanged)] == ["2 are lost"]
    hop = {"camera": "desk", "hop": "publish", "cause": "full"}
    assert _value(metrics, "edgecnn_hop_dropped_total", **hop) == 2


def test_pictures_give_way_before_events_do() -> None:
    store, metrics = _Store(), Metrics(("desk",))
    publisher = Publisher(store, metrics, _lost)
    for i in range(THUMBNAILS + 4):
        publisher.put(_event(i), b"jpeg")
    publisher.start()
    publisher.stop(5)
    assert len(store.events) == THUMBNAILS + 4
    assert store.pictures.count(None) == 4


def test_an_event_that_can_never_be_kept_does_not_hold_up_the_rest() -> None:
    store = _Store(failures=1, error=ValueError("no such kind"))
    publisher = Publisher(store, Metrics(("desk",)), _lost)
    publisher.put(_event(0))
    publisher.put(_event(1))  # before what tells of the first one's loss
    publisher.start()
    assert publisher.stop(5) == 0
    assert [event.kind for event in store.events] == ["camera", "system"]


def test_what_the_store_never_took_is_told_at_the_end() -> None:
    publisher = Publisher(_Store(failures=10**6), Metrics(("desk",)), _lost)
    publisher.start()
    publisher.put(_event(0))
    assert publisher.stop(0.2) == 1
    assert "disk is full" in publisher.failing
