"""What a stage of the pipeline gives besides what it shows."""

from __future__ import annotations

from typing import Protocol

from edgecnn_device.cameras import CameraFrame
from edgecnn_device.kiosk.events import Body


class Emit(Protocol):
    """Makes an event of what a camera saw, and passes it on; never waits."""

    def __call__(
        self, body: Body, camera: str, frame: CameraFrame | None = None,
        thumbnail: bytes | None = None,
    ) -> None:  # fmt: skip
        """Take an event.

        Args:
            body: what happened.
            camera: where.
            frame: the one that decided.
            thumbnail: JPEG, of notes alone.
        """
