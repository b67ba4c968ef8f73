"""What the daemon counts and times, in Prometheus' manner, in a registry of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from edgecnn_device.kiosk.events import KINDS
from edgecnn_device.kiosk.ports import CameraState

HopName: TypeAlias = Literal["capture", "detect", "read", "face", "vote", "publish"]
HOPS: tuple[HopName, ...] = ("capture", "detect", "read", "face", "vote", "publish")
"""capture, detect: frames; read: notes; face: faces; vote: notes and people that were decided on;
publish: events."""
STATES: tuple[CameraState, ...] = ("connecting", "live", "backoff", "ended")
SYSTEM = ""
"""Camera of what belongs to none."""

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds: from a board's fastest network to ten times the usual staleness budget."""


class Hop:
    """One stage of one camera: what came in, went out, was dropped and why, and how long it took.

    Whatever came in went out or was dropped.
    """

    def __init__(self, came: Counter, went: Counter, dropped: Counter, seconds: Histogram,
                 camera: str, name: HopName) -> None:  # fmt: skip
        self._labels = (camera, name)
        self._came, self._went = came.labels(camera, name), went.labels(camera, name)
        self._seconds = seconds.labels(camera, name)
        self._dropped = dropped
        self._causes: dict[str, Counter] = {}

    def came(self, count: int = 1) -> None:
        """Count what came in."""
        if count:
            self._came.inc(count)

    def went(self, count: int = 1) -> None:
        """Count what went out."""
        if count:
            self._went.inc(count)

    def took(self, seconds: float) -> None:
        """Observe how long one turn took."""
        self._seconds.observe(max(0.0, seconds))

    def dropped(self, cause: str, count: int = 1) -> None:
        """Count what did not go out; ``cause`` is one of a few fixed words."""
        if not count:
            return
        if cause not in self._causes:
            self._causes[cause] = self._dropped.labels(*self._labels, cause)
        self._causes[cause].inc(count)


class Metrics:
    """All of them; `registry` takes those of other parts, too."""

    def __init__(self, cameras: Sequence[str]) -> None:
        """Begin at zero.

        Args:
            cameras: by name.
        """
        self.registry = registry = CollectorRegistry()
        own = ("camera", "hop")
        came = Counter("edgecnn_hop_in", "What came into a stage.", own, registry=registry)
        went = Counter("edgecnn_hop_out", "What left a stage.", own, registry=registry)
        dropped = Counter(
            "edgecnn_hop_dropped", "What a stage dropped.", (*own, "cause"), registry=registry
        )
        seconds = Histogram(
            "edgecnn_hop_seconds", "How long a stage took.", own, registry=registry,
            buckets=_BUCKETS,
        )  # fmt: skip
        self._hops = {
            (camera, name): Hop(came, went, dropped, seconds, camera, name)
            for camera in (*cameras, SYSTEM) for name in HOPS
        }  # fmt: skip
        self.frame_age = Histogram(
            "edgecnn_frame_age_seconds", "Age of frames when their processing began.", ("camera",),
            registry=registry, buckets=_BUCKETS,
        )  # fmt: skip
        self.event_delay = Histogram(
            "edgecnn_event_delay_seconds",
            "From the capture of the deciding frame to the stored event.", ("kind",),
            registry=registry, buckets=_BUCKETS,
        )  # fmt: skip
        self.events = Counter("edgecnn_events", "Events stored.", ("kind",), registry=registry)
        self.reconnects = Counter(
            "edgecnn_camera_reconnects", "Times a camera came back.", ("camera",), registry=registry
        )
        self._state = Gauge(
            "edgecnn_camera_state", "1 at the state that a camera is in.", ("camera", "state"),
            registry=registry,
        )  # fmt: skip
        for kind in KINDS:
            self.events.labels(kind)
        for camera in cameras:
            self.reconnects.labels(camera)
            self.state(camera, "connecting")
        ProcessCollector(registry=registry)
        registry.register(_Written())

    def hop(self, camera: str, name: HopName) -> Hop:
        """Return a stage of a camera, or of the system."""
        return self._hops[camera, name]

    def state(self, camera: str, state: CameraState) -> None:
        """Say which state a camera is in."""
        for each in STATES:
            self._state.labels(camera, each).set(each == state)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)


class _Written(Collector):
    """What this process had written to disks, as the kernel counts it: SD cards wear out."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(
            "edgecnn_written_bytes", "Bytes this process caused to be written to disks."
        )
        if (written := written_bytes()) is not None:
            family.add_metric((), written)
        yield family


def written_bytes() -> int | None:
    """Return how many bytes this process had written to disks; None where the system hides it."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("write_bytes")), None)
