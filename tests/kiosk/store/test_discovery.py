"""What Home Assistant is told there is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from edgecnn_device.kiosk.store.discovery import discovery_messages

TOPIC = re.compile(r"homeassistant/(binary_sensor|sensor)/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/config")
KEYS = {  # of the MQTT sensor's and binary sensor's documentation
    "name", "state_topic", "unique_id", "device", "origin", "availability_topic", "device_class",
    "entity_category", "value_template", "payload_on", "payload_off", "json_attributes_topic",
    "json_attributes_template", "icon", "force_update",
}  # fmt: skip


@pytest.mark.parametrize(
    ("kinds", "things"),
    [
        (("note", "camera"), ["connection", "last_serial", "camera_front", "camera_back"]),
        (("note",), ["connection", "last_serial"]),
        (("system",), ["connection"]),
    ],
)
def test_discovery_names_what_is_sent(kinds: Any, things: list[str]) -> None:
    messages = discovery_messages("homeassistant", "a/b/till", "till", ("front", "back"), kinds)
    assert [topic.split("/")[3] for topic, _ in messages] == things
    unique = set()
    for topic, payload in messages:
        entity = json.loads(payload)
        assert TOPIC.fullmatch(topic) and set(entity) <= KEYS
        assert entity["state_topic"].startswith("a/b/till/")
        assert entity["device"]["identifiers"] == ["a_b_till"]
        unique.add(entity["unique_id"])
    assert len(unique) == len(things)
