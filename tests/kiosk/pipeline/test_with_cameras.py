"""The pipeline behind cameras as they are: a process reads, a slot holds, the engine takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from edgecnn_device.cameras import Capture
from edgecnn_device.kiosk.config import CameraConfig, KioskConfig
from edgecnn_device.kiosk.pipeline import Engine, open_models


def _run(
    folder: Path, source: str, kept: Any, enough: Callable[[Engine], bool], **camera: Any
) -> Engine:
    """Run a source until there is enough, for two minutes at most."""
    section = CameraConfig(source=source, **camera)
    config = KioskConfig.model_validate(
        {"data": folder, "cameras": {"desk": section}, "bundles": {"measure": False},
         "staleness_s": 60.0}
    )  # fmt: skip
    states: list[str] = []

    def change(name: str, state: Any, reason: str) -> None:
        states.append(state)
        engine.camera_changed(name, state, reason)

    capture = Capture("desk", section, None, change)
    engine = Engine(config, open_models(config), {"desk": capture.slot}, kept)
    engine.start()
    capture.start()
    try:
        until = time.monotonic() + 120
        while not enough(engine) and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        capture.stop()
        assert capture.join(10)
        assert engine.stop() == 0
    assert states[:2] == ["connecting", "live"]
    return engine


def test_a_folder_of_notes_is_read(
    tmp_path: Path, kept: Any, note_lines: Any, draw_notes: Callable[..., Any]
) -> None:
    corners = [[240, 180], [1040, 180], [1040, 524], [240, 524]]
    scene = draw_notes([(corners, [note_lines[0].image] * 2)])
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "pictures" / "0.png"), scene.image)
    engine = _run(
        tmp_path, str(tmp_path / "pictures"), kept,
        lambda engine: engine.cameras()[0].processed >= 3, loop=True, paced=False,
    )  # fmt: skip
    assert engine.cameras()[0].processed >= 3
    assert next(c.state for c in kept.of("camera")) == "live"


VIDEOS = [
    "again",
    "bird",
    "book",
    "brother",
    "eat",
    "help",
    "hungry",
    "learn",
    "milk",
    "night",
    "no",
    "please",
    "school",
    "sister",
    "sorry",
    "student",
    "thanks",
    "walk",
    "want",
    "yes",
    "one-by-one-person-detection",
]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "book" else [pytest.mark.slow]) for n in VIDEOS]
)
def test_every_frame_of_a_video_of_people_is_processed_and_gives_no_serial(
    tmp_path: Path, kept: Any, real_data: Path, name: str
) -> None:
    video = next((real_data / "sample_videos").glob(f"{name}.*"), None)
    if video is None:
        pytest.skip(f"{real_data}/sample_videos/{name} is absent")
    recording = cv2.VideoCapture(str(video))
    frames = sum(iter(recording.grab, False))
    engine = _run(
        tmp_path, str(video), kept,
        lambda engine: engine.cameras()[0].processed >= min(frames, 200), paced=False,
    )  # fmt: skip
    (camera,) = engine.cameras()
    assert frames > 20 and (frames > 200 or camera.state == "ended")
    # Only what was on its way when the engine was stopped is not processed.
    assert camera.captured - camera.processed == camera.dropped == 0 or frames > 200
    assert [note.serial for note in kept.of("note") if note.serial is not None] == []
