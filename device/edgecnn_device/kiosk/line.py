"""The cameras and the engine that looks at them: what a reload starts again, in part or whole."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from edgecnn_device.cameras import Capture, CaptureStatus
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.ops.secrets import Secrets
from edgecnn_device.kiosk.pipeline import Engine, Models
from edgecnn_device.kiosk.pipeline.publisher import Publish
from edgecnn_device.kiosk.ports import CameraState
from edgecnn_device.kiosk.store import clock_synchronized

_JOIN_S = 1.0
_LOG = logging.getLogger(__name__)


class Line:
    """Captures, and the one engine that takes their frames.

    The engine is made anew where its cameras or bundles change, which takes as long as a frame; a
    camera whose section stays the same goes on through that.
    """

    def __init__(self, publish: Publish) -> None:
        """Begin without cameras.

        Args:
            publish: see `Engine`.
        """
        self._publish = publish
        self._captures: dict[str, Capture] = {}
        self._engine: Engine | None = None
        self._runs = False

    @property
    def engine(self) -> Engine:
        """The one at work; while it is replaced, the last one, so that questions have an answer."""
        assert self._engine is not None, "the line was not started"
        return self._engine

    def start_cameras(self, config: KioskConfig, secrets: Secrets) -> None:
        """Start the cameras that do not run, before `start`: they open while models are loaded.

        Raises:
            EdgecnnError: a camera's address cannot be used; nothing was started.
        """
        fresh = self._new_captures(config, secrets)
        self._captures |= fresh
        for capture in fresh.values():
            capture.start()

    def start(self, config: KioskConfig, secrets: Secrets, models: Models) -> None:
        """Start an engine, and the cameras that do not run.

        Raises:
            EdgecnnError: a camera's address, or the gallery, cannot be used; nothing was started.
        """
        fresh = self._new_captures(config, secrets)
        captures = {name: fresh.get(name) or self._captures[name] for name in config.cameras}
        slots = {name: capture.slot for name, capture in captures.items()}
        engine = Engine(config, models, slots, self._publish, clock_synchronized)
        engine.start()
        self._engine, self._captures, self._runs = engine, captures, True
        for name, capture in captures.items():
            if name in fresh:
                capture.start()
            else:
                _tell_state(engine, capture)

    def stop_engine(self, within_s: float) -> int:
        """End the engine; returns how many events could not be stored."""
        if not self._runs:
            return 0
        self._runs = False
        return self.engine.stop(within_s)

    def stop_cameras(self, names: Sequence[str] | None = None) -> None:
        """End cameras; by default all."""
        wanted = list(self._captures) if names is None else names
        gone = [self._captures.pop(name) for name in wanted if name in self._captures]
        for capture in gone:
            capture.stop()
        until = time.monotonic() + _JOIN_S
        for capture in gone:
            if not capture.join(max(0.0, until - time.monotonic())):
                _LOG.error("camera %s did not end in time", capture.name)

    def captures(self) -> Mapping[str, CaptureStatus]:
        """Return how each camera is doing, by name."""
        return {name: capture.snapshot() for name, capture in list(self._captures.items())}

    def _new_captures(self, config: KioskConfig, secrets: Secrets) -> dict[str, Capture]:
        return {
            name: Capture(name, camera, secrets.cameras.get(name), self._changed)
            for name, camera in config.cameras.items() if name not in self._captures
        }  # fmt: skip

    def _changed(self, name: str, state: CameraState, reason: str) -> None:
        if self._runs and name in self._captures:
            self.engine.camera_changed(name, state, reason)


def _tell_state(engine: Engine, capture: Capture) -> None:
    """Tell an engine how a camera is that runs already; its thread may change that meanwhile."""
    told = None
    while (known := capture.snapshot()).state != told:
        told = known.state
        engine.camera_changed(capture.name, known.state, known.reason)
