"""Events to an MQTT broker.

MQTT 5 is spoken, because a broker of 3.1.1 cannot say no: it acknowledges an event that its access
rules throw away. Below TOPIC/NAME there are ``event/KIND`` (JSON, QoS 1), ``status`` (online or
offline, retained; offline is the last will) and ``camera/CAMERA`` (its state, retained).
"""

from __future__ import annotations

import random
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import MqttConfig
from edgecnn_device.kiosk.events import CameraChanged, Event, Kind
from edgecnn_device.kiosk.ports import StoredEvent
from edgecnn_device.kiosk.store.discovery import discovery_messages
from edgecnn_device.kiosk.store.message import event_json
from edgecnn_device.kiosk.store.target import DELIVERED, Outcome

_KEEPALIVE_S = 30
_ACKNOWLEDGED_S = 10.0
"""How long a PUBACK is waited for at a time."""
_CONNECT_S = 5.0
_SESSION_S = 86400
_MOST_WAIT_S = 60
_CLOSED = -1


@dataclass(frozen=True)
class _Flight:
    """A publication that is not acknowledged yet."""

    id: str
    mid: int


class Mqtt:
    """A broker; a `Target`.

    One event is under way at a time. Where the connection breaks before its PUBACK, paho sends the
    same packet again over the next one, and no other is published meanwhile: an interruption makes
    one duplicate at most.

    Args:
        config: of the broker.
        name: of this kiosk; of two with the same name and topic, the broker throws one out.
        cameras: names, for discovery.
        password: of the user.

    Raises:
        InputError: the file of authorities cannot be used.
    """

    def __init__(
        self, config: MqttConfig, name: str, cameras: Sequence[str], password: str | None
    ) -> None:
        self._config, self._base = config, f"{config.topic}/{name}"
        self._states: dict[str, str] = {}
        self._flight: _Flight | None = None
        self._acknowledged: SimpleQueue[tuple[int, str]] = SimpleQueue()
        """Number of a publication, and why it was refused, if it was."""
        self._connected, self._gone = threading.Event(), threading.Event()
        self._closed = False
        self._trouble = "not connected yet"
        self._discovery = discovery_messages(
            config.discovery, self._base, name, cameras, config.kinds
        ) if config.discovery else []  # fmt: skip
        self._client = self._made(password)
        self._connect()

    @property
    def key(self) -> str:
        """One for all brokers: what is owed goes to the new one where it moved."""
        return "mqtt"

    @property
    def name(self) -> str:
        """Its host."""
        return f"mqtt {self._config.host}:{self._config.port}"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which events it wants."""
        return tuple(self._config.kinds)

    def deliver(self, event: StoredEvent) -> Outcome:
        """Publish, and wait for the PUBACK; called again with the same event, wait on."""
        if self._flight is None or self._flight.id != event.event.id:
            if not self._connected.wait(1.0) or self._closed:
                if not self._closed:
                    self._client.loop_start()  # nothing, unless an error ended its thread
                return Outcome("later", self._trouble)
            topic = f"{self._base}/event/{event.event.kind}"
            published = self._client.publish(topic, event_json(event), qos=1)
            self._flight = _Flight(event.event.id, published.mid)
        refused = self._wait(self._flight.mid)
        if refused is None:
            up = self._connected.is_set()
            return Outcome("later", "no acknowledgement" if up else self._trouble)
        self._flight = None
        if refused:
            return Outcome("refused", refused)
        self._show_camera(event.event)
        return DELIVERED

    def close(self) -> None:
        """Say goodbye, and end within a second or so."""
        self._closed = True
        if self._connected.is_set():
            self._retain("status", "offline")
        else:
            self._gone.set()
        self._client.disconnect()
        self._gone.wait(1.0)
        self._connected.set()
        self._acknowledged.put((_CLOSED, ""))

    def _wait(self, mid: int) -> str | None:
        """Return why a publication was refused, "" where it was taken, None where nobody knows."""
        deadline = time.monotonic() + _ACKNOWLEDGED_S
        while not self._closed and (left := deadline - time.monotonic()) > 0:
            try:
                number, refused = self._acknowledged.get(timeout=left)
            except Empty:
                break
            if number == mid:
                return refused
        return None

    def _made(self, password: str | None) -> paho.Client:
        config = self._config
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._base.replace("/", "-"),
            protocol=paho.MQTTv5,
        )
        client.connect_timeout = _CONNECT_S
        # paho doubles its waits without jitter: this keeps kiosks apart.
        client.reconnect_delay_set(1, random.randint(_MOST_WAIT_S // 2, _MOST_WAIT_S))
        client.will_set(f"{self._base}/status", "offline", qos=1, retain=True)
        if config.username is not None:
            client.username_pw_set(config.username, password)
        if config.tls:
            try:
                client.tls_set_context(ssl.create_default_context(cafile=config.ca_file))
            except (OSError, ssl.SSLError) as error:
                raise InputError(f"{config.ca_file}: is no file of certificates in PEM") from error
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail, client.on_publish = self._on_connect_fail, self._on_publish
        return client

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = _SESSION_S
        self._client.connect_async(
            self._config.host, self._config.port, _KEEPALIVE_S, clean_start=False,
            properties=properties,
        )  # fmt: skip
        self._client.loop_start()

    def _show_camera(self, event: Event) -> None:
        if isinstance(event.body, CameraChanged):
            self._states[event.camera] = event.body.state
            self._retain(f"camera/{event.camera}", event.body.state)

    def _retain(self, topic: str, payload: str) -> None:
        # QoS 0: all of it is sent again with each connection.
        self._client.publish(f"{self._base}/{topic}", payload, qos=0, retain=True)

    def _on_connect(
        self, client: paho.Client, _: object, flags: object, reason: ReasonCode, __: object
    ) -> None:
        if self._closed:  # while it connected
            client.disconnect()
            return
        if reason.is_failure:
            self._trouble = f"refused the connection: {reason}"
            return
        self._retain("status", "online")
        for topic, payload in self._discovery:
            client.publish(topic, payload, qos=0, retain=True)
        for camera, state in tuple(self._states.items()):
            self._retain(f"camera/{camera}", state)
        self._connected.set()

    def _on_disconnect(
        self, client: paho.Client, _: object, flags: object, reason: ReasonCode, __: object
    ) -> None:
        if self._connected.is_set():
            self._trouble = f"connection lost: {reason}"
        self._connected.clear()
        if self._closed:
            self._gone.set()

    def _on_connect_fail(self, client: paho.Client, _: object) -> None:
        error = sys.exc_info()[1]  # paho calls this while it handles it
        said = getattr(error, "reason", None) or getattr(error, "strerror", None)
        self._trouble = f"cannot be reached: {said or type(error).__name__}"

    def _on_publish(
        self, client: paho.Client, _: object, mid: int, reason: ReasonCode, __: object
    ) -> None:
        self._acknowledged.put((mid, f"refused: {reason}" if reason.is_failure else ""))
