"""What the web half asks of the daemon, so that each half is tested without the other.

Every call may come from any thread, and none waits for a camera or a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn_device.kiosk.events import Event, Kind, Quad

CameraState: TypeAlias = Literal["connecting", "live", "backoff", "ended"]


Role: TypeAlias = Literal[
    "note-detector", "serial-reader", "face-detector", "face-points", "face-embedder"
]
"""What a bundle is for."""


@dataclass(frozen=True)
class CameraStatus:
    """How a camera is doing."""

    name: str
    state: CameraState
    reason: str
    """Without credentials; empty where it is live."""
    captured: int
    """Frames since the daemon's start."""
    processed: int
    dropped: int
    """Of any cause: replaced by a newer one, stale, corrupt."""
    frame_rate: float
    """Processed per second, over the last ten seconds."""
    reconnects: int


@dataclass(frozen=True)
class ModelStatus:
    """A bundle in use."""

    role: Role
    name: str
    sha256: str
    """Of the bundle's manifest, hex."""
    variant: str
    """FORMAT-PRECISION."""
    signed: bool
    licence: str


@dataclass(frozen=True)
class Health:
    """Whether the daemon does its work."""

    alive: bool
    """Every stage moved within its deadline, or its camera is in declared backoff."""
    ready: bool
    """Models are loaded and a camera gave a frame."""
    reasons: tuple[str, ...]
    """Why not; also what is degraded without being down (outbox behind, disk nearly full)."""
    uptime_s: float
    synchronized: bool
    """The clock."""
    cameras: tuple[CameraStatus, ...]
    models: tuple[ModelStatus, ...]
    undelivered: int
    """Events that some target has not acknowledged."""


@dataclass(frozen=True)
class SeenNote:
    """A note in view, while its frames still vote."""

    track: int
    quad: Quad
    text: str
    """The likeliest serial so far, canonical; empty where nothing reads as one."""
    currency: str
    confidence: float
    """0..1 of that text."""
    looks: int
    """Readings that voted."""
    sure: bool
    """Whether it was given as an event."""


@dataclass(frozen=True)
class SeenFace:
    """A face in view."""

    box: tuple[float, float, float, float]
    """x1, y1, x2, y2 in pixels of the camera's picture."""
    person: str | None
    """Who it is, once that is decided."""
    reason: str


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """The last processed frame with what was seen on it."""

    camera: str
    index: int
    image: NDArray[np.uint8]
    """(H, W, 3) BGR; not to be written into."""
    notes: tuple[SeenNote, ...]
    faces: tuple[SeenFace, ...]
    age_s: float
    """Since its capture."""


@dataclass(frozen=True)
class EnrolResult:
    """What came of the pictures of a person."""

    person: str
    pictures: int
    """Enrolled by now, earlier ones included."""
    rejected: tuple[tuple[str, str], ...]
    """Name of the picture and reason."""


@dataclass(frozen=True)
class FaceAnswer:
    """Who a person is, or whether they are who they said to be."""

    person: str | None
    match: bool
    fmr: float
    reason: str


@dataclass(frozen=True)
class PersonRow:
    """Somebody enrolled."""

    person: str
    pictures: int
    usable: bool
    """Whether the templates are those of the embedder in use."""


@dataclass(frozen=True)
class EventQuery:
    """Which stored events are asked for; the newest first."""

    kinds: tuple[Kind, ...] = ()
    """() for all."""
    camera: str | None = None
    before: int | None = None
    """Sequence number: older ones than that."""
    limit: int = 50
    """1..500."""


@dataclass(frozen=True)
class StoredEvent:
    """An event as it lies in the store."""

    sequence: int
    """Rises by one with each; what `EventQuery.before` and a client's catching up count by."""
    event: Event
    thumbnail: bool
    """Whether a picture of it is kept."""


class Subscription(Protocol):
    """Somebody's view of the events to come; bounded: who does not keep up loses the oldest."""

    def next(self, timeout_s: float) -> StoredEvent | None:
        """Return the next event, or None where none came in time."""

    def close(self) -> None:
        """End it."""


class EventLog(Protocol):
    """The stored events."""

    def find(self, query: EventQuery) -> Sequence[StoredEvent]:
        """Return those that match, the newest first."""

    def thumbnail(self, sequence: int) -> bytes | None:
        """Return the JPEG kept with an event."""

    def subscribe(self) -> Subscription:
        """Be told of every event from now on."""


class People(Protocol):
    """The gallery and the camera together.

    Every method raises `EdgecnnError` in plain words: `FaceError` for a picture, `LockedError` for
    too many failures, `GalleryError` otherwise.
    """

    def list(self) -> Sequence[PersonRow]:
        """Return who is enrolled, by name."""

    def enrol(self, person: str, pictures: Sequence[tuple[str, bytes]]) -> EnrolResult:
        """Enrol encoded pictures (name, JPEG or PNG)."""

    def enrol_live(self, person: str, camera: str) -> EnrolResult:
        """Enrol the face that the newest frame of a camera shows."""

    def verify(self, person: str, camera: str, timeout_s: float) -> FaceAnswer:
        """Decide on the next frames of a camera whether it is that person; waits for them."""

    def identify(self, camera: str, timeout_s: float) -> FaceAnswer:
        """Tell on the next frames of a camera who it is; waits for them."""

    def delete(self, person: str) -> bool:
        """Delete a person's templates and key; returns whether anybody was there."""

    def export(self, person: str) -> bytes:
        """Return what is kept of a person as JSON, for that person."""

    def unlock(self, person: str | None) -> None:
        """Reset the count of failed attempts."""


class Kiosk(Protocol):
    """The daemon as the web half sees it."""

    @property
    def name(self) -> str:
        """Of this machine."""

    @property
    def people(self) -> People | None:
        """None where faces are off."""

    @property
    def events(self) -> EventLog:
        """What was stored, and what comes."""

    def health(self) -> Health:
        """Return whether the daemon does its work."""

    def cameras(self) -> Sequence[CameraStatus]:
        """Return all cameras, in the order of the configuration."""

    def live(self, camera: str, after: int, timeout_s: float) -> LiveFrame | None:
        """Return the newest processed frame, if its index is above ``after``; waits for one.

        Raises:
            InputError: no camera of that name.
        """

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""

    def diagnose(self) -> bytes:
        """Return a zip that explains rejected reads and faces, without pictures or templates."""

    def set_bundle(self, role: str, path: str) -> ModelStatus:
        """Try a new bundle beside the old one, and take it where it proves itself.

        Raises:
            BundleError: it does not; the old one goes on.
        """
