from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import InputError

EMPTY = np.full((720, 1280, 3), 80, np.uint8)
HERE = [[200, 150], [1000, 150], [1000, 494], [200, 494]]


@pytest.fixture
def scene(note_detector: Any, note_lines: Any, draw_notes: Callable[..., Any]) -> Any:
    """A note of won, whose detector finds it; None stays in place of a scene without one."""
    lines = [note_lines[0].image] * 2
    return draw_notes([(HERE, lines)])


@pytest.fixture
def kiosk(start: Callable[..., Any], note_detector: Any, scene: Any) -> Callable[..., Any]:
    def started(**sections: Any) -> Any:
        note_detector.script.scenes = [scene]
        return start(notes={"detector": str(note_detector.path)}, **sections)

    return started


def test_a_note_grows_surer_and_is_one_event(
    kiosk: Callable[..., Any], scene: Any, note_lines: Any
) -> None:
    running = kiosk(storage={"retention": {"thumbnails": 1.0}})
    seen = [running.show(scene.image).notes for _ in range(7)]
    assert all(len(notes) == 1 for notes in seen)
    assert [notes[0].sure for notes in seen] == sorted(notes[0].sure for notes in seen)
    assert seen[0][0].text.casefold() == note_lines[0].text.casefold()
    assert seen[-1][0].sure
    (note,) = running.kept.wait_for("note")
    assert note.serial.casefold() == note_lines[0].text.casefold()
    assert (note.currency, note.reason) == (note_lines[0].currency, "")
    assert len(note.quad) == 4
    event = next(e for e in running.kept.events if e.kind == "note")
    assert event.camera == "desk" and event.synchronized and 0 < event.delay_s < 30
    assert abs(event.at - time.time()) < 60


def test_a_thumbnail_shows_the_note_alone(kiosk: Callable[..., Any], scene: Any) -> None:
    running = kiosk(storage={"retention": {"thumbnails": 1.0}})
    for _ in range(7):
        running.show(scene.image)
    running.kept.wait_for("note")
    (data,) = running.kept.thumbnails
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape[0] < 400 and picture.shape[1] < 900
    assert picture.mean() > 150  # paper, not the dark table


def test_without_retention_no_thumbnail_is_made(kiosk: Callable[..., Any], scene: Any) -> None:
    running = kiosk()
    for _ in range(7):
        running.show(scene.image)
    running.kept.wait_for("note")
    assert running.kept.thumbnails == [None]


def _unreadable(scene: Any) -> NDArray[np.uint8]:
    grey = np.full(scene.image.shape, 70, np.uint8)
    cv2.fillConvexPoly(grey, np.array(HERE, np.int32), (200, 200, 200))
    return grey


@pytest.mark.parametrize(("frames", "events"), [(2, 0), (3, 1)])
def test_an_abstention_counts_where_the_note_was_really_there(
    kiosk: Callable[..., Any], scene: Any, frames: int, events: int
) -> None:
    running = kiosk()
    for _ in range(frames):
        running.show(_unreadable(scene))
    running.engine.camera_changed("desk", "backoff", "no frame for 5 s")
    running.kept.wait_for("camera")
    assert len(running.kept.wait_for("note", 1, 0.5)) == events
    for note in running.kept.of("note"):
        assert (note.serial, note.reason, note.frames) == (None, "no serial", frames)
    text = running.engine.diagnose()
    assert len(text) > 1000
    (rejected,) = running.engine._rejections.all()
    assert (rejected.stage, rejected.camera) == ("note", "desk")
    assert dict(rejected.facts)["width_px"] == pytest.approx(800, abs=5)


def test_a_camera_that_was_gone_begins_anew(
    kiosk: Callable[..., Any], scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = kiosk()
    for _ in range(7):
        running.show(scene.image)
    assert len(running.kept.wait_for("note")) == 1
    monkeypatch.setattr("edgecnn_device.kiosk.pipeline.notes.GONE_S", 0.05)
    time.sleep(0.1)
    running.show(scene.image)
    monkeypatch.setattr("edgecnn_device.kiosk.pipeline.notes.GONE_S", 60.0)
    for _ in range(7):
        running.show(scene.image)
    assert len(running.kept.wait_for("note", 2)) == 2


def test_cameras_vote_apart(kiosk: Callable[..., Any], scene: Any) -> None:
    running = kiosk(cameras=("left", "right"))
    for _ in range(7):
        running.show(scene.image, "left")
    assert running.engine.live("right", -1, 0) is None
    for _ in range(7):
        running.show(scene.image, "right")
    running.kept.wait_for("note", 2)
    assert [e.camera for e in running.kept.events] == ["left", "right"]
    statuses = running.engine.cameras()
    assert [(c.name, c.captured, c.processed, c.dropped) for c in statuses] == [
        ("left", 7, 7, 0), ("right", 7, 7, 0)]  # fmt: skip
    assert statuses[0].frame_rate > 0


def test_a_stale_frame_is_never_processed(kiosk: Callable[..., Any], scene: Any) -> None:
    running = kiosk(staleness_s=0.3)
    running.slots["desk"].show(scene.image, age_s=0.4)
    assert running.engine.live("desk", -1, 0.5) is None
    (camera,) = running.engine.cameras()
    assert (camera.captured, camera.processed, camera.dropped) == (1, 0, 1)


def test_what_camera_changes_are_told(kiosk: Callable[..., Any]) -> None:
    engine, kept = (running := kiosk()).engine, running.kept
    for state in ("connecting", "live", "backoff", "connecting", "backoff", "connecting", "live"):
        engine.camera_changed("desk", state, "cable out" if state == "backoff" else "")
    states = [(c.state, c.reason) for c in kept.wait_for("camera", 3)]
    assert states == [("live", ""), ("backoff", "cable out"), ("live", "")]
    assert engine.cameras()[0].reconnects == 1
    assert b'edgecnn_camera_reconnects_total{camera="desk"} 1.0' in engine.metrics.text()


def test_live_waits_and_gives_the_very_picture(kiosk: Callable[..., Any], scene: Any) -> None:
    running = kiosk()
    shown = running.show(scene.image)
    assert shown.image is scene.image and shown.age_s > 0
    begun = time.monotonic()
    assert running.engine.live("desk", shown.index, 0.1) is None
    assert time.monotonic() - begun >= 0.1
    with pytest.raises(InputError, match="expected one of desk"):
        running.engine.live("door", -1, 0)


def test_progress_names_who_hangs(kiosk: Callable[..., Any], scene: Any) -> None:
    engine = (running := kiosk()).engine
    assert not engine.ready
    running.show(scene.image)
    assert engine.ready and engine.reasons() == ()
    assert [part.stage for part in engine.progress()] == ["worker", "publish", "camera desk"]
    engine.camera_changed("desk", "backoff", "cable out")
    assert engine.progress()[-1].idle_s == 0


def test_the_end_of_the_daemon_ends_the_notes_under_way(
    kiosk: Callable[..., Any], scene: Any
) -> None:
    running = kiosk()
    for _ in range(3):
        running.show(_unreadable(scene))
    assert running.engine.stop() == 0
    (note,) = running.kept.of("note")
    assert note.reason == "no serial"
    assert running.engine.live("desk", 99, 10) is None


def test_a_failing_network_costs_its_frames_and_is_opened_again(
    kiosk: Callable[..., Any], scene: Any, note_detector: Any
) -> None:
    running = kiosk()
    running.show(scene.image)
    broken, detector = iter([True] * 3), note_detector.script.run
    opened = []

    def run(inputs: Any) -> Any:
        if next(broken, False):
            raise RuntimeError("the runtime broke")
        return detector(inputs)

    note_detector.script.run = run
    before = running.engine._bundles.models
    for _ in range(3):
        running.slots["desk"].show(scene.image)
        until = time.monotonic() + 10
        while running.slots["desk"].taken < running.slots["desk"].index - 1:
            assert time.monotonic() < until
            time.sleep(0.005)
    shown = running.show(scene.image)
    opened = running.engine._bundles.models
    assert shown.index == 4 and opened is not before
    (camera,) = running.engine.cameras()
    assert (camera.processed, camera.dropped) == (2, 3)
    text = running.engine.metrics.text().decode()
    assert 'edgecnn_hop_dropped_total{camera="desk",cause="error",hop="detect"} 3.0' in text
