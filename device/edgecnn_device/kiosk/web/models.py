"""What the API sends and takes. Similarity scores of faces are nowhere in it: they leak faces."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from edgecnn_device.kiosk.config import Name
from edgecnn_device.kiosk.ports import LiveFrame
from edgecnn_device.kiosk.ports import Role as BundleRole
from edgecnn_device.kiosk.store.message import EventMessage
from edgecnn_device.kiosk.web.tokens import Role

Sequence: TypeAlias = Annotated[int, Field(ge=0, le=2**63 - 1)]
Point: TypeAlias = tuple[float, float]
PersonName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]
WaitS: TypeAlias = Annotated[float, Field(gt=0, le=30, allow_inf_nan=False)]


class Out(BaseModel):
    """An answer, filled from a dataclass of the daemon with the same names."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class In(BaseModel):
    """A request: unknown keys are refused, and nothing is guessed."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class CameraOut(Out):
    """How a camera is doing."""

    name: str
    state: Literal["connecting", "live", "backoff", "ended"]
    reason: str
    captured: int
    processed: int
    dropped: int
    frame_rate: float
    """Processed per second, over the last ten seconds."""
    reconnects: int


class ModelOut(Out):
    """A bundle in use."""

    role: BundleRole
    name: str
    sha256: str
    """Of its manifest."""
    variant: str
    signed: bool
    licence: str


class HealthOut(Out):
    """Whether the kiosk does its work."""

    alive: bool
    ready: bool
    reasons: tuple[str, ...]
    """Why not, and what is degraded."""
    uptime_s: float
    synchronized: bool
    """The clock."""
    cameras: tuple[CameraOut, ...]
    models: tuple[ModelOut, ...]
    undelivered: int
    """Events that some target has not acknowledged."""


class AliveOut(Out):
    """Alive or ready, and no more: no token was asked for."""

    ok: bool


class InfoOut(Out):
    """What the page needs to know."""

    name: str
    version: str
    faces: bool
    consent: str
    """Text to be accepted before an enrolment; empty: the page's own."""
    cameras: tuple[str, ...]


class LoginIn(In):
    """A login of the page."""

    token: str = Field(min_length=1, max_length=200)


class SessionOut(Out):
    """A login."""

    role: Role
    csrf: str
    """For the header X-CSRF-Token; empty for a bearer token, which needs none."""
    ends_in_s: float | None
    """None for a bearer token."""


class EventsOut(Out):
    """Stored events, the newest first."""

    events: tuple[EventMessage, ...]
    next: int | None
    """`before` of the next page; None: there is none."""


class PersonOut(Out):
    """Somebody enrolled."""

    person: str
    pictures: int
    usable: bool


class RejectedOut(Out):
    """A picture that was not taken."""

    picture: str
    reason: str


class EnrolOut(Out):
    """What came of an enrolment."""

    person: str
    pictures: int
    """Enrolled by now."""
    rejected: tuple[RejectedOut, ...]


class FaceAnswerOut(Out):
    """Who it is, or whether it is who they said."""

    person: str | None
    match: bool
    fmr: float
    reason: str


class EnrolLiveIn(In):
    """Enrol the face that a camera shows now."""

    person: PersonName
    camera: Name
    consent: Literal[True]
    """That the person agreed, to the text they were shown."""


class VerifyIn(In):
    """Is it that person who stands before the camera?"""

    person: PersonName
    camera: Name
    timeout_s: WaitS = 10.0


class IdentifyIn(In):
    """Who stands before the camera?"""

    camera: Name
    timeout_s: WaitS = 10.0


class PersonIn(In):
    """A person."""

    person: PersonName


class UnlockIn(In):
    """Whose failed attempts are forgotten."""

    person: PersonName | None = None
    """None: those of the kiosk itself."""


class DeletedOut(Out):
    """A deletion."""

    deleted: bool


class BundleIn(In):
    """A bundle to try."""

    role: BundleRole
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    """A file in the folder `bundles` of the data, or the name of a shipped one: never a path."""


class NoteLive(Out):
    """A note in view."""

    track: int
    quad: tuple[Point, ...]
    text: str
    currency: str
    confidence: float
    looks: int
    sure: bool


class FaceLive(Out):
    """A face in view; names are sent to the roles operate and admin alone."""

    box: tuple[float, float, float, float]
    person: str | None
    recognized: bool
    reason: str


class FrameOut(Out):
    """What stands before each picture of a live view, in pixels of the camera's picture."""

    type: Literal["frame"] = "frame"
    camera: str
    index: int
    width: int
    height: int
    age_s: float
    notes: tuple[NoteLive, ...]
    faces: tuple[FaceLive, ...]


def frame_out(frame: LiveFrame, names: bool) -> FrameOut:
    """Return what was seen on a frame, as it is sent."""
    faces = (
        FaceLive(box=f.box, person=f.person if names else None, recognized=f.person is not None,
                 reason=f.reason)
        for f in frame.faces
    )  # fmt: skip
    height, width = frame.image.shape[:2]
    return FrameOut(
        camera=frame.camera, index=frame.index, width=width, height=height, age_s=frame.age_s,
        notes=tuple(NoteLive.model_validate(note) for note in frame.notes), faces=tuple(faces),
    )  # fmt: skip
