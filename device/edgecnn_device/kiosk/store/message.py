"""The one JSON shape of an event: of REST, WebSocket, MQTT and webhooks alike."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from edgecnn_device.kiosk.events import CameraChanged, FaceSeen, NoteSeen, SystemChanged
from edgecnn_device.kiosk.ports import StoredEvent


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sequence: int = Field(ge=1, description="Rises with each event of this kiosk.")
    id: str = Field(description="The same in every delivery: tells a repetition.")
    camera: str = Field(description="Name in the configuration; empty for the system's own.")
    at: float = Field(description="Seconds since 1970, UTC.")
    time: str = Field(description="The same as ISO 8601, with milliseconds.")
    synchronized: bool = Field(description="Whether the kiosk's clock was synchronized then.")
    delay_s: float = Field(description="From the capture of the deciding frame to the event.")
    thumbnail: bool = Field(description="Whether a picture is kept with it.")


class NoteMessage(_Envelope):
    """A banknote was in view."""

    kind: Literal["note"]
    body: NoteSeen


class FaceBody(BaseModel):
    """Who it is, for those who may know; see `events.FaceSeen`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: str | None = Field(description="Null where nobody is named, or names are not given.")
    recognized: bool = Field(description="Whether somebody was named.")
    fmr: float
    reason: str
    claimed: str | None


class FaceMessage(_Envelope):
    """A person stood in front of the camera."""

    kind: Literal["face"]
    body: FaceBody


class CameraMessage(_Envelope):
    """A camera came, went or stalled."""

    kind: Literal["camera"]
    body: CameraChanged


class SystemMessage(_Envelope):
    """The daemon itself."""

    kind: Literal["system"]
    body: SystemChanged


Message: TypeAlias = NoteMessage | FaceMessage | CameraMessage | SystemMessage
EventMessage: TypeAlias = Annotated[Message, Field(discriminator="kind")]
"""What an event is as JSON; a response model of FastAPI."""

_MESSAGES: TypeAdapter[Message] = TypeAdapter(EventMessage)


def event_message(stored: StoredEvent, names: bool = True) -> Message:
    """Return the message of a stored event.

    Args:
        stored: the event.
        names: whether names of people are in it.
    """
    event, body = stored.event, stored.event.body
    values = {
        "sequence": stored.sequence, "id": event.id, "kind": event.kind, "camera": event.camera,
        "at": event.at, "time": _iso(event.at), "synchronized": event.synchronized,
        "delay_s": event.delay_s, "thumbnail": stored.thumbnail,
        "body": _face(body, names) if isinstance(body, FaceSeen) else body,
    }  # fmt: skip
    return _MESSAGES.validate_python(values)


def _face(body: FaceSeen, names: bool) -> FaceBody:
    return FaceBody(
        person=body.person if names else None, recognized=body.person is not None,
        fmr=body.fmr, reason=body.reason, claimed=body.claimed if names else None,
    )  # fmt: skip


def event_json(stored: StoredEvent, names: bool = True) -> str:
    """Return a stored event as one line of JSON, as every receiver gets it."""
    return event_message(stored, names).model_dump_json()


def event_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of `event_json`."""
    return _MESSAGES.json_schema(mode="serialization")


def _iso(seconds: float) -> str:
    # A clock far off its time must not hide an event.
    bounded = min(max(seconds, 0.0), 253402300799.0)
    moment = datetime.fromtimestamp(bounded, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
