"""One JSON shape for everybody, and a schema that says it."""

from __future__ import annotations

import json

import pytest

from edgecnn_device.kiosk.events import (
    Body,
    CameraChanged,
    Event,
    FaceSeen,
    NoteSeen,
    SystemChanged,
)
from edgecnn_device.kiosk.ports import StoredEvent
from edgecnn_device.kiosk.store import event_json, event_schema

jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="comes with schemathesis")

QUAD = ((1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 4.0))
BODIES: list[Body] = [
    NoteSeen("KRW", "AB1234567C", 0.98, "", 5, QUAD),
    NoteSeen(None, None, 0.0, "blurred", 1, QUAD),
    FaceSeen("ann", 1e-4, ""),
    FaceSeen(None, 1e-4, "nobody", claimed="bob"),
    CameraChanged("live", ""),
    SystemChanged("bundle", "note-detector"),
]


def stored(body: Body, at: float = 1700000000.25) -> StoredEvent:
    return StoredEvent(7, Event(body, "front", at, True, 0.2, id="ab" * 16), False)


@pytest.mark.parametrize("body", BODIES)
def test_every_event_keeps_to_the_schema(body: Body) -> None:
    validator = jsonschema_rs.validator_for(event_schema())
    validator.validate(json.loads(event_json(stored(body))))


@pytest.mark.parametrize(
    "harm",
    [{"kind": "camera"}, {"sequence": 0}, {"more": 1}, {"body": {}}, {"at": None}, {"time": 3}],
)
def test_the_schema_refuses_what_is_none(harm: dict[str, object]) -> None:
    message = json.loads(event_json(stored(BODIES[0]))) | harm
    assert not jsonschema_rs.is_valid(event_schema(), message)


def test_an_event_is_one_line_and_says_when() -> None:
    text = event_json(stored(BODIES[0]))
    message = json.loads(text)
    assert "\n" not in text
    assert (message["time"], message["at"]) == ("2023-11-14T22:13:20.250Z", 1700000000.25)
    assert message["body"] == {
        "currency": "KRW", "serial": "AB1234567C", "confidence": 0.98, "reason": "", "frames": 5,
        "quad": [list(corner) for corner in QUAD],
    }  # fmt: skip


@pytest.mark.parametrize("at", [-1e18, 0.0, 1e18])
def test_a_clock_far_off_hides_no_event(at: float) -> None:
    assert json.loads(event_json(stored(BODIES[0], at)))["at"] == at
