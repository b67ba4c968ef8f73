"""What the daemon tells the world: a frozen dataclass per kind, and the envelope they travel in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Quad: TypeAlias = tuple[tuple[float, float], ...]
"""Four corners, x and y in pixels of the camera's picture, from the thing's top left clockwise."""
Kind: TypeAlias = Literal["note", "face", "camera", "system"]
KINDS: tuple[Kind, ...] = ("note", "face", "camera", "system")


@dataclass(frozen=True)
class NoteSeen:
    """A banknote was in view: its serial number, or the reason why none is given."""

    currency: str | None
    """ISO 4217 code; None where the reader abstains."""
    serial: str | None
    """Canonical form; None where the reader abstains."""
    confidence: float
    """0..1, posterior of the serial; of the likeliest one where it abstains."""
    reason: str
    """Why no serial is given; empty where it is."""
    frames: int
    """In how many processed frames the note was seen."""
    quad: Quad
    """Where it was seen last."""


@dataclass(frozen=True)
class FaceSeen:
    """A person stood in front of the camera."""

    person: str | None
    """Who it is; None where nobody is named."""
    fmr: float
    """False-match rate at which was decided, 0..1."""
    reason: str
    """Why nobody is named; empty where somebody is."""
    claimed: str | None = None
    """Who the person said to be, where that was to be verified."""


@dataclass(frozen=True)
class CameraChanged:
    """A camera came, went or stalled."""

    state: str
    """As of `cameras.state`: connecting, live, backoff, ended."""
    reason: str
    """Without credentials; empty where it is live."""


@dataclass(frozen=True)
class SystemChanged:
    """The daemon started or stopped, read its configuration again, or took another bundle."""

    what: Literal["started", "stopped", "configuration", "bundle", "storage"]
    detail: str
    """For people; no secrets, no names of enrolled people."""


Body: TypeAlias = NoteSeen | FaceSeen | CameraChanged | SystemChanged


def kind_of(body: Body) -> Kind:
    """Return the kind by which an event is kept, filtered and ordered."""
    match body:
        case NoteSeen():
            return "note"
        case FaceSeen():
            return "face"
        case CameraChanged():
            return "camera"
        case SystemChanged():
            return "system"


@dataclass(frozen=True)
class Event:
    """One thing that happened, as it is stored, published and delivered."""

    body: Body
    camera: str
    """Name in the configuration; empty for the system's own."""
    at: float
    """Seconds since 1970, UTC, by the clock of the machine."""
    synchronized: bool
    """Whether that clock was synchronized then; a board without a battery starts in the past."""
    delay_s: float = 0.0
    """Seconds from the capture of the frame that decided to this event."""
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """The same in every delivery, so that a receiver can tell a repetition."""

    @property
    def kind(self) -> Kind:
        """Of the body."""
        return kind_of(self.body)
