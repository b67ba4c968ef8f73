"""`edgecnn run` and `edgecnn read` on cameras."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.cli.frames import counted_frames
from edgecnn.cli.main import main
from edgecnn.errors import DataError
from edgecnn_device.sources import open_source


def _left(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def test_a_generated_camera_gives_every_frame_in_order() -> None:
    stop, frames = threading.Event(), []
    for frame in open_source("synthetic:heads", stop):
        frames.append(frame)
        if len(frames) == 3:
            stop.set()
    assert [(f.source, f.index) for f in frames] == [("synthetic:heads", n) for n in range(3)]
    assert all(f.image is not None and f.image.shape == (720, 1280, 3) for f in frames)


def test_ctrl_c_ends_a_camera_as_the_end_does_a_video() -> None:
    before = signal.getsignal(signal.SIGINT)
    count = 0
    for _ in counted_frames(("synthetic:heads", "synthetic:notes")):
        count += 1
        if count == 2:
            signal.raise_signal(signal.SIGINT)
    assert count == 2
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("source", "says"),
    [("usb:97", "no such camera"), ("synthetic:dogs", "expected usb:N"),
     ("rtsp://me:hunter2@127.0.0.1:1/x", "rtsp://***@127.0.0.1:1/x: cannot be opened")],
)  # fmt: skip
def test_a_camera_that_cannot_be_opened_is_said(
    source: str, says: str, zoo_bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _left("run", str(zoo_bundle), source) == 2
    err = capfd.readouterr().err
    assert says in err and "hunter2" not in err and "Traceback" not in err


def test_a_folder_is_still_a_folder(
    zoo_bundle: Path, pictures: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _left("run", str(zoo_bundle), str(pictures), "--json") == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["frame"] for line in lines] == [0, 0]


def test_a_file_that_is_not_there_is_no_camera() -> None:
    with pytest.raises(DataError, match="no such file"):
        next(open_source("nothing.png"))


def test_a_picture_is_read_as_ever(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), np.zeros((2, 3, 3), np.uint8))
    (frame,) = open_source(str(tmp_path / "x.png"))
    assert frame.image is not None and frame.rate == 0
