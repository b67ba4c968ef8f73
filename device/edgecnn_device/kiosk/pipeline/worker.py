"""The one thread that runs networks: a frame of each camera in turn, and calls between them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgecnn.errors import EdgecnnError
from edgecnn_device.cameras import CameraFrame
from edgecnn_device.kiosk.config import CameraConfig
from edgecnn_device.kiosk.pipeline.bundles import Bundles
from edgecnn_device.kiosk.pipeline.calls import Calls
from edgecnn_device.kiosk.pipeline.cameras import CameraBook
from edgecnn_device.kiosk.pipeline.faces import FaceStage
from edgecnn_device.kiosk.pipeline.intake import Intake
from edgecnn_device.kiosk.pipeline.metrics import HopName, Metrics
from edgecnn_device.kiosk.pipeline.models import Branch
from edgecnn_device.kiosk.pipeline.notes import NoteStage
from edgecnn_device.kiosk.ports import SeenFace, SeenNote

_TURN_S = 0.05
"""Longest wait for a frame: calls, and the word to stop, are looked for so often."""
_LOG = logging.getLogger("edgecnn.kiosk")
_FIRST_HOP: Mapping[Branch, HopName] = {"notes": "detect", "faces": "face"}


@dataclass(frozen=True)
class Stages:
    """What a frame goes through; made and used by the worker alone."""

    notes: NoteStage | None
    faces: FaceStage | None
    close: Callable[[], None]
    """Called at the end."""


class Worker:
    """Runs until it is told to stop."""

    def __init__(
        self, cameras: Mapping[str, CameraConfig], intake: Intake, books: Mapping[str, CameraBook],
        calls: Calls, bundles: Bundles, metrics: Metrics, make: Callable[[], Stages],
    ) -> None:  # fmt: skip
        """Prepare; `start` begins.

        Args:
            cameras: which are looked at for what.
            intake: gives frames.
            books: take what was seen.
            calls: of other threads.
            bundles: are told how each frame went.
            metrics: where frames are counted.
            make: makes the stages, on the thread that will use them.
        """
        self._cameras, self._intake, self._books = cameras, intake, books
        self._calls, self._bundles, self._metrics, self._make = calls, bundles, metrics, make
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._error: Exception | None = None
        self._late: dict[str, Branch | None] = dict.fromkeys(cameras)
        self._begun: set[str] = set()
        self.stages: Stages | None = None
        self.moved = time.monotonic()
        """When it last did anything, seconds of `time.monotonic`."""
        self._thread = threading.Thread(target=self._run, name="kiosk worker", daemon=True)

    def start(self, within_s: float) -> None:
        """Begin; returns when the stages are made.

        Raises:
            EdgecnnError: they could not be, or not in time.
        """
        self._thread.start()
        if not self._ready.wait(within_s):
            self._stop.set()
            raise EdgecnnError(f"the pipeline did not start within {within_s:g} s")
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self, within_s: float) -> bool:
        """End after the frame in hand; returns whether it did in time."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(within_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def gone(self, camera: str) -> None:
        """End what is under way at a camera that gives no more frames; never waits."""

        def end() -> None:
            if self.stages is not None and self.stages.notes is not None:
                self.stages.notes.end(camera)
            if self.stages is not None and self.stages.faces is not None:
                self.stages.faces.end(camera)

        self._calls.tell(end)

    def _run(self) -> None:
        try:
            stages = self.stages = self._make()
        except Exception as error:
            self._error = error
            self._calls.close()
            self._ready.set()
            return
        self._ready.set()
        try:
            while not self._stop.is_set():
                self.moved = time.monotonic()
                self._calls.run()
                frame = self._intake.next(_TURN_S)
                if frame is not None:
                    self._process(stages, frame)
        finally:
            self._end(stages)

    def _end(self, stages: Stages) -> None:
        self._calls.close()
        if stages.notes is not None:
            stages.notes.end_all()
        if stages.faces is not None:
            stages.faces.close()
        stages.close()

    def _process(self, stages: Stages, frame: CameraFrame) -> None:
        """Run what a camera is looked at for, the branch that came too late last time first."""
        self._metrics.frame_age.labels(frame.camera).observe(time.monotonic() - frame.captured)
        notes: tuple[SeenNote, ...] = ()
        faces: tuple[SeenFace, ...] = ()
        branches = self._branches(stages, frame.camera)
        done = not branches
        late, self._late[frame.camera] = self._late[frame.camera], None
        for branch in sorted(branches, key=lambda name: name != late):
            self.moved = time.monotonic()
            if self._intake.stale(frame):
                self._late[frame.camera] = branch
                self._drop(frame, branch, "stale")
                continue
            try:
                if branch == "notes" and stages.notes is not None:
                    notes = stages.notes(frame)
                elif stages.faces is not None:
                    faces = stages.faces(frame)
            except Exception as error:
                self._drop(frame, branch, "error")
                _LOG.warning("camera %s, frame %d: %s failed: %s", frame.camera, frame.index,
                             branch, type(error).__name__)  # fmt: skip
                self._bundles.failed(branch, error)
                continue
            self._bundles.worked(branch)
            done = True
        if done:
            self._books[frame.camera].show(frame, notes, faces)
            if frame.camera not in self._begun:
                self._begun.add(frame.camera)
                _LOG.info("camera %s: the first frame is processed", frame.camera)

    def _branches(self, stages: Stages, camera: str) -> list[Branch]:
        found: list[Branch] = []
        if stages.notes is not None and self._cameras[camera].notes:
            found.append("notes")
        if stages.faces is not None and self._cameras[camera].faces and stages.faces.wanted(camera):
            found.append("faces")
        return found

    def _drop(self, frame: CameraFrame, branch: Branch, cause: str) -> None:
        hop = self._metrics.hop(frame.camera, _FIRST_HOP[branch])
        hop.came()
        hop.dropped(cause)
