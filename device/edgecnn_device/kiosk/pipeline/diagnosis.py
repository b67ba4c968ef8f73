"""Explains rejected reads and faces by numbers: no pictures, no vectors, no names, no serials."""

from __future__ import annotations

import io
import json
import math
import platform
import re
import threading
import time
import zipfile
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np

import edgecnn
from edgecnn_device.cameras import redact
from edgecnn_device.choice import runtime_versions
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.ports import CameraStatus, ModelStatus
from edgecnn_device.processor import processor_name

KEPT = 200
"""Rejections, the newest."""


@dataclass(frozen=True)
class Rejection:
    """Why a note got no serial, or a face no name."""

    stage: Literal["note", "face", "decision"]
    camera: str
    reason: str
    facts: tuple[tuple[str, float], ...]
    """Numbers, each by a name that holds its unit."""
    variant: str
    """Of the network that read or compared."""
    at: float
    """Seconds of `time.monotonic`."""


class RejectionRing:
    """The newest rejections; any thread may add and read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Rejection] = deque(maxlen=KEPT)

    def add(self, rejection: Rejection) -> None:
        """Keep one, and forget the oldest."""
        with self._lock:
            self._kept.append(rejection)

    def all(self) -> tuple[Rejection, ...]:
        """Return them, the oldest first."""
        with self._lock:
            return tuple(self._kept)


def diagnosis(
    config: KioskConfig, rejections: Sequence[Rejection], models: Sequence[ModelStatus],
    cameras: Sequence[CameraStatus], metrics: bytes,
) -> bytes:  # fmt: skip
    """Return a zip of JSON files and the metrics that tells why something was not recognized."""
    now = time.monotonic()
    files = {
        "rejections.json": _json([_as_json(one, now) for one in rejections]),
        "models.json": _json([asdict(model) for model in models]),
        "cameras.json": _json([asdict(camera) for camera in cameras]),
        "versions.json": _json(_versions()),
        "configuration.json": _json(public_configuration(config)),
        "metrics.txt": metrics,
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def public_configuration(config: KioskConfig) -> dict[str, Any]:
    """Return a configuration without what opens a door: users, passwords, tokens in addresses."""
    content = config.model_dump(mode="json")
    for camera in content["cameras"].values():
        camera["source"] = _without_credentials(camera["source"])
    for hook in content["webhooks"]:
        hook["url"] = _without_credentials(hook["url"])
    if content["mqtt"] and content["mqtt"]["username"]:
        content["mqtt"]["username"] = "***"
    return content


def _without_credentials(address: str) -> str:
    """Hide user and password of an address, and all of its query but that there is one."""
    return re.sub(r"[?#].*", "?***", redact(address))


def _as_json(one: Rejection, now: float) -> dict[str, Any]:
    return {
        "stage": one.stage, "camera": one.camera, "reason": one.reason, "variant": one.variant,
        "seconds_ago": round(now - one.at, 1),
        # A margin without a rival is infinite, which is no JSON.
        **{name: round(v, 4) if math.isfinite(v) else None for name, v in one.facts},
    }  # fmt: skip


def _versions() -> dict[str, str]:
    return {
        "edgecnn": edgecnn.__version__, "python": platform.python_version(),
        "system": platform.platform(), "processor": processor_name(),
        "runtimes": runtime_versions(), "numpy": np.__version__, "opencv": cv2.__version__,
    }  # fmt: skip


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False).encode()
