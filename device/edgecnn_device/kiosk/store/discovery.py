"""What Home Assistant is told, so that a kiosk shows up there by itself.

Retained messages on PREFIX/COMPONENT/OBJECT/config, as its MQTT integration documents discovery
(home-assistant.io/integrations/mqtt): the last serial, whether the kiosk is connected, and whether
each camera is live.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import edgecnn
from edgecnn_device.kiosk.events import Kind


def discovery_messages(
    prefix: str, base: str, name: str, cameras: Sequence[str], kinds: Sequence[Kind]
) -> list[tuple[str, str]]:
    """Return topics and payloads.

    Args:
        prefix: of discovery, as Home Assistant is set up; homeassistant by default.
        base: topic of this kiosk, TOPIC/NAME.
        name: of this kiosk.
        cameras: their names.
        kinds: of events that are sent; there is no entity of what is never sent.
    """
    # The topic's prefix keeps two kiosks of one name apart.
    unique = base.replace("/", "_")
    connected: dict[str, Any] = {
        "name": "Connection", "state_topic": f"{base}/status", "payload_on": "online",
        "payload_off": "offline", "device_class": "connectivity",
        "entity_category": "diagnostic",
    }  # fmt: skip
    entities = [("binary_sensor", "connection", connected)]
    available = {"availability_topic": f"{base}/status"}
    if "note" in kinds:
        serial = {
            "name": "Last serial", "state_topic": f"{base}/event/note",
            # Where none could be read, the last one stays.
            "value_template": "{{ value_json.body.serial or this.state }}",
            "json_attributes_topic": f"{base}/event/note",
            "json_attributes_template": "{{ value_json.body | tojson }}",
            "icon": "mdi:cash", "force_update": True,
        }  # fmt: skip
        entities.append(("sensor", "last_serial", serial | available))
    if "camera" in kinds:
        for camera in cameras:
            live = {
                "name": f"Camera {camera}", "state_topic": f"{base}/camera/{camera}",
                "value_template": "{{ 'ON' if value == 'live' else 'OFF' }}",
                "device_class": "connectivity", "entity_category": "diagnostic",
            }  # fmt: skip
            entities.append(("binary_sensor", f"camera_{camera}", live | available))
    device = {
        "identifiers": [unique], "name": name, "manufacturer": "edgecnn", "model": "kiosk",
        "sw_version": edgecnn.__version__,
    }  # fmt: skip
    common = {"device": device, "origin": {"name": "edgecnn", "sw_version": edgecnn.__version__}}
    return [
        (
            f"{prefix}/{component}/{unique}/{thing}/config",
            json.dumps(entity | common | {"unique_id": f"{unique}_{thing}"}),
        )
        for component, thing, entity in entities
    ]
