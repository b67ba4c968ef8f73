"""A real broker, that is stopped, restarted and stalled: every event comes, in order."""

from __future__ import annotations

import ipaddress
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.enums import CallbackAPIVersion

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import MqttConfig
from edgecnn_device.kiosk.events import CameraChanged, Event
from edgecnn_device.kiosk.ports import StoredEvent
from edgecnn_device.kiosk.store import Store, event_json
from edgecnn_device.kiosk.store.mqtt import Mqtt
from edgecnn_device.kiosk.store.outbox import Outbox, Patience

Make = Callable[..., Event]
Until = Callable[..., None]
QUICK = Patience(0.05, 0.2, 3)


@dataclass
class Broker:
    """mosquitto of Debian, on a port of its own."""

    folder: Path
    program: str
    more: str = ""
    process: subprocess.Popen[bytes] | None = None
    port: int = 0

    def start(self) -> None:
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\npersistence true\nautosave_interval 1\n"
            f"persistence_location {self.folder}/\n{self.more or 'allow_anonymous true'}\n"
        )
        if self.folder.owner() == "root":
            config.write_text(config.read_text() + "user root\n")
        self.process = subprocess.Popen(
            [self.program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return
            except OSError:
                time.sleep(0.02)
        pytest.fail("mosquitto did not start")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            self.process.wait(20.0)
            self.process = None

    def stall(self, stalled: bool) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP if stalled else signal.SIGCONT)


@dataclass
class Listener:
    """Subscribes to everything; keeps its session, so that nothing is lost on its own side."""

    port: int
    got: list[tuple[str, str, bool]] = field(default_factory=list)
    again: int = 0
    """Messages that the broker itself sent once more: it did not hear that they had come."""

    def __post_init__(self) -> None:
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False
        )
        self.client.on_connect = lambda c, *_: c.subscribe("#", qos=1)
        self.client.on_message = self._take
        self.subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", self.port)
        self.client.loop_start()
        assert self.subscribed.wait(20.0)

    def _take(self, _: object, __: object, message: paho.MQTTMessage) -> None:
        self.again += message.dup
        self.got.append((message.topic, message.payload.decode(), message.retain))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def on(self, topic: str) -> list[str]:
        return [payload for where, payload, _ in self.got if where == topic]

    def ids(self) -> list[str]:
        return [json.loads(payload)["id"] for where, payload, _ in self.got if "/event/" in where]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("no broker: apt-get install mosquitto")
    folder = tmp_path / "broker"
    folder.mkdir()
    found = Broker(folder, program)
    yield found
    found.stop()


@pytest.fixture
def listen(broker: Broker) -> Iterator[Callable[[], Listener]]:
    made: list[Listener] = []

    def begin() -> Listener:
        made.append(Listener(broker.port))
        return made[-1]

    yield begin
    for listener in made:
        listener.close()


@pytest.fixture
def connect(broker: Broker) -> Iterator[Callable[..., Mqtt]]:
    """Connects a kiosk with the broker; all end with the test."""
    made: list[Mqtt] = []

    def begin(password: str | None = None, **more: Any) -> Mqtt:
        config = MqttConfig(host="127.0.0.1", port=broker.port, **more)
        made.append(Mqtt(config, "till", ("front", "back"), password))
        return made[-1]

    yield begin
    for target in made:
        target.close()


def _camera(state: str) -> Event:
    return Event(CameraChanged(state, ""), "front", 0.0, True)


def test_it_tells_what_there_is_and_each_event(
    broker: Broker, listen: Any, connect: Any, store: Store, note: Make, until: Until
) -> None:
    broker.start()
    listener = listen()
    outbox = Outbox(store, (connect(),), QUICK)
    stored = [store.add(event) for event in (note(), _camera("live"), _camera("backoff"))]
    until(lambda: outbox.undelivered() == 0)
    until(lambda: len(listener.on("edgecnn/till/camera/front")) == 2)
    assert listener.on("edgecnn/till/event/note") == [event_json(stored[0])]  # type: ignore[arg-type]
    assert listener.on("edgecnn/till/event/camera") == [event_json(s) for s in stored[1:] if s]
    assert listener.on("edgecnn/till/camera/front") == ["live", "backoff"]
    assert listener.on("edgecnn/till/status") == ["online"]
    outbox.close()
    until(lambda: listener.on("edgecnn/till/status") == ["online", "offline"])
    late = Listener(broker.port)
    until(lambda: late.on("edgecnn/till/status"))
    retained = {topic for topic, _, retain in late.got if retain}
    assert "edgecnn/till/camera/front" in retained and "edgecnn/till/event/note" not in retained
    late.close()


def test_its_last_will_tells_when_it_is_gone(
    broker: Broker, listen: Any, connect: Any, until: Until
) -> None:
    broker.start()
    listener, target = listen(), connect()
    until(lambda: listener.on("edgecnn/till/status") == ["online"])
    target._client.socket().shutdown(socket.SHUT_RDWR)  # as a cable that is pulled
    until(lambda: listener.on("edgecnn/till/status") == ["online", "offline", "online"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_broker_that_restarts_in_mid_delivery_misses_nothing(
    broker: Broker, listen: Any, connect: Any, store: Store, note: Make, until: Until,
    how: signal.Signals,
) -> None:  # fmt: skip
    broker.start()
    listener = listen()
    outbox = Outbox(store, (connect(),), QUICK)
    ids: list[str] = []

    def add() -> None:
        for i in range(120):
            event = note(str(i))
            ids.append(event.id)
            store.add(event)

    adding = threading.Thread(target=add)
    adding.start()
    for _ in range(2):
        before = len(listener.got)
        until(lambda before=before: len(listener.got) > before + 10)
        broker.stop(how)
        broker.start()
    adding.join()
    until(lambda: outbox.undelivered() == 0, 60.0)
    outbox.close()
    if how is signal.SIGTERM:  # a killed broker forgets what its own disk does not hold yet
        until(lambda: set(ids) <= set(listener.ids()), 30.0)
        assert list(dict.fromkeys(listener.ids())) == ids
    twice = len(listener.ids()) - len(set(listener.ids()))
    assert twice - listener.again <= 2  # one for each interruption


def test_a_broker_that_stalls_gets_no_second_copy(
    broker: Broker, listen: Any, connect: Any, store: Store, note: Make, until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("edgecnn_device.kiosk.store.mqtt._ACKNOWLEDGED_S", 0.1)
    broker.start()
    listener = listen()
    outbox = Outbox(store, (connect(),), QUICK)
    store.add(note("before"))
    until(lambda: outbox.undelivered() == 0)
    broker.stall(True)
    events = [note(str(i)) for i in range(5)]
    for event in events:
        store.add(event)
    until(lambda: outbox.status()[0].reason == "no acknowledgement")
    time.sleep(1.0)  # several attempts
    broker.stall(False)
    until(lambda: outbox.undelivered() == 0)
    until(lambda: len(listener.ids()) == 6)
    assert listener.ids()[1:] == [event.id for event in events]
    outbox.close()


def test_a_broker_that_is_not_there_holds_up_nobody(
    broker: Broker, store: Store, note: Make, until: Until, connect: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        broker.port = free.getsockname()[1]
    outbox = Outbox(store, (connect(),), QUICK)
    assert store.add(note())
    until(lambda: "Connection refused" in outbox.status()[0].reason)
    start = time.monotonic()
    outbox.close()
    assert time.monotonic() - start < 5.0 and store.ledger.undelivered() == 1


def test_what_access_rules_forbid_is_not_taken_for_delivered(
    broker: Broker, connect: Any, store: Store, note: Make, until: Until
) -> None:
    rules = broker.folder / "rules"
    rules.write_text("topic readwrite edgecnn/till/status\ntopic read #\n")
    rules.chmod(0o700)
    broker.more = f"allow_anonymous true\nacl_file {rules}"
    broker.start()
    outbox = Outbox(store, (connect(discovery=None),), QUICK)
    store.add(note())
    until(lambda: outbox.status()[0].refused == 1)
    assert "Not authorized" in outbox.status()[0].reason
    outbox.close()


@pytest.mark.parametrize(("password", "reason"), [("right", ""), ("wrong", "Not authorized")])
def test_a_password_is_asked_for(
    broker: Broker, connect: Any, store: Store, note: Make, until: Until,
    password: str, reason: str,
) -> None:  # fmt: skip
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("no mosquitto_passwd: apt-get install mosquitto")
    file = broker.folder / "passwords"
    command = ["mosquitto_passwd", "-b", "-c", str(file), "kiosk", "right"]
    subprocess.run(command, check=True, capture_output=True)
    broker.more = f"allow_anonymous false\npassword_file {file}"
    broker.start()
    outbox = Outbox(store, (connect(password, username="kiosk"),), QUICK)
    store.add(note())
    if reason:
        until(lambda: reason in outbox.status()[0].reason)
        assert password not in outbox.status()[0].reason
    else:
        until(lambda: outbox.undelivered() == 0)
    outbox.close()


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Make an authority and a server's certificate; returns authority, certificate and key."""
    now = datetime.now(timezone.utc)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))  # fmt: skip
    return certificate, certificate, private


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*SSLSocket.*:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("known", [True, False])
def test_it_talks_to_a_broker_whose_authority_it_knows_alone(
    broker: Broker, connect: Any, store: Store, note: Make, until: Until, known: bool
) -> None:
    authority, certificate, key = _certificates(broker.folder)
    broker.more = f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}"
    broker.start()
    outbox = Outbox(store, (connect(tls=True, ca_file=authority if known else None),), QUICK)
    store.add(note())
    if known:
        until(lambda: outbox.undelivered() == 0)
    else:
        until(lambda: "CERTIFICATE_VERIFY_FAILED" in outbox.status()[0].reason)
    outbox.close()


def test_an_unusable_file_of_authorities_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no")
    config = MqttConfig(host="127.0.0.1", tls=True, ca_file=tmp_path / "ca.pem")
    with pytest.raises(InputError, match="no file of certificates"):
        Mqtt(config, "till", (), None)


def test_discovery_is_sent_retained_with_each_connection(
    broker: Broker, listen: Any, connect: Any, until: Until
) -> None:
    broker.start()
    listener = listen()
    connect()
    until(lambda: sum("homeassistant/" in topic for topic, _, _ in listener.got) == 4)
    broker.stop()
    broker.start()
    until(lambda: sum("homeassistant/" in topic for topic, _, _ in listener.got) >= 8, 30.0)


def test_delivering_again_waits_for_the_same_publication(
    broker: Broker, connect: Any, note: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecnn_device.kiosk.store.mqtt._ACKNOWLEDGED_S", 0.2)
    broker.start()
    target, event = connect(), StoredEvent(1, note(), False)
    assert target.deliver(event).is_ == "delivered"
    broker.stall(True)
    other = StoredEvent(2, note(), False)
    mids = set()
    for _ in range(3):
        assert target.deliver(other).is_ == "later"
        mids.add(target._flight.mid)
    assert len(mids) == 1
    broker.stall(False)
    deadline = time.monotonic() + 20.0
    while target.deliver(other).is_ != "delivered":
        assert time.monotonic() < deadline
