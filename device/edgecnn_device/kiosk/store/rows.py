"""Events as rows of the database."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from edgecnn.errors import InputError
from edgecnn_device.kiosk.events import (
    Body,
    CameraChanged,
    Event,
    FaceSeen,
    Kind,
    NoteSeen,
    SystemChanged,
)

COLUMNS = "sequence, id, kind, camera, at, synchronized, delay_s, body, crc"

_BODIES: dict[Kind, TypeAdapter[Any]] = {
    "note": TypeAdapter(NoteSeen),
    "face": TypeAdapter(FaceSeen),
    "camera": TypeAdapter(CameraChanged),
    "system": TypeAdapter(SystemChanged),
}


def to_row(event: Event) -> tuple[Any, ...]:
    """Return the columns of an event, without its sequence number.

    Raises:
        InputError: a number is not finite; neither JSON nor SQLite can hold it.
    """
    try:
        body = json.dumps(asdict(event.body), ensure_ascii=False, allow_nan=False)
        body.encode()
    except ValueError as error:
        raise InputError(
            f"event of kind {event.kind}: expected finite numbers and Unicode: {error}"
        ) from error
    at, delay_s = float(event.at), float(event.delay_s)
    if not (math.isfinite(at) and math.isfinite(delay_s)):
        raise InputError(f"event of kind {event.kind}: expected a finite time, came {at}")
    values = (event.id, event.kind, event.camera, at, int(event.synchronized), delay_s, body)
    return (*values, _crc(values))


def to_event(row: tuple[Any, ...]) -> Event | None:
    """Return the event of a row as `COLUMNS`; None where a bit of it was flipped."""
    _, *values, crc = row
    if _crc(tuple(values)) != crc:
        return None
    id, kind, camera, at, synchronized, delay_s, body = values
    try:
        read: Body = _BODIES[kind].validate_json(body)
    except (KeyError, ValidationError):
        return None
    return Event(read, camera, at, bool(synchronized), delay_s, id)


def _crc(values: tuple[Any, ...]) -> int:
    """SQLite has no checksum of its own: a flipped digit of a serial would go unseen."""
    return zlib.crc32(json.dumps(values).encode())
