"""What the routes share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecnn_device.kiosk.config import WebConfig
from edgecnn_device.kiosk.ports import Kiosk, People
from edgecnn_device.kiosk.web.auth import Auth
from edgecnn_device.kiosk.web.errors import ApiError
from edgecnn_device.kiosk.web.feed import Feed
from edgecnn_device.kiosk.web.live import LiveHub
from edgecnn_device.kiosk.web.waiting import Lane


@dataclass(frozen=True, eq=False)
class Parts:
    """The kiosk and what stands between it and the clients."""

    kiosk: Kiosk
    config: WebConfig
    auth: Auth
    live: LiveHub
    feed: Feed
    faces: Lane
    """For what waits for people."""
    chores: Lane
    """For what an administrator waits for."""
    consent: str
    bundles: Path | None
    """Folder of bundles that may be tried by name, beside the shipped ones."""

    def open(self) -> None:
        """Take clients whose connection lasts."""
        self.live.reopen()
        self.feed.reopen()

    def close(self) -> None:
        """End the connections that last."""
        self.live.close()
        self.feed.close()
        self.auth.tokens.flush()

    def check_camera(self, name: str) -> None:
        """Refuse a camera that there is not.

        Raises:
            ApiError: 404.
        """
        if all(camera.name != name for camera in self.kiosk.cameras()):
            raise ApiError(404, "camera", "there is no camera of that name")

    def people(self) -> People:
        """Return the gallery.

        Raises:
            ApiError: 404, faces are off.
        """
        if self.kiosk.people is None:
            raise ApiError(404, "faces_off", "this kiosk does not look at faces (faces.enabled)")
        return self.kiosk.people
