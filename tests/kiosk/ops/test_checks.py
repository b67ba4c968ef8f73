"""What a schema cannot see is checked, and each fault says what to do."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgecnn.bundle.sign import generate_key_pair
from edgecnn.errors import ConfigError, Fault
from edgecnn_device.gallery.master import create_master_key
from edgecnn_device.kiosk.ops.checks import check, load_checked
from edgecnn_device.kiosk.ops.load import Loaded

DOOR = "cameras:\n  door:\n    source: usb:0\n"
RTSP = "cameras:\n  door:\n    source: rtsp://u@h/x\n"
BROKER = DOOR + "mqtt:\n  host: broker.example\n"


def _only(faults: tuple[Fault, ...], key: str) -> str:
    found = [fault.message for fault in faults if fault.key == key]
    assert len(found) == 1, faults
    return found[0]


def _certificate(folder: Path, days: int) -> tuple[Path, Path]:
    """Write a certificate that ends in so many days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kiosk")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=99))
        .not_valid_after(now + datetime.timedelta(days=days)).sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "c.pem", folder / "k.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    paths[1].chmod(0o600)
    return paths


def test_a_good_configuration_has_no_faults(load: Callable[[str], Loaded]) -> None:
    report = check(load(DOOR))
    assert report.errors == report.warnings == ()


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("cameras: {a: {source: 'rtsp://u:pw@h/x'}}", "cameras.a.source", "password_file"),
        ("cameras: {a: {source: 'rtps://h/x'}}", "cameras.a.source", "did you mean rtsp:?"),
        ("cameras: {a: {source: 'http://h/x'}}", "cameras.a.source", "expected usb:0"),
        ("cameras: {a: {source: 'rtsp:h'}}", "cameras.a.source", "expected usb:0"),
        ("cameras: {a: {source: 'rtsp://h:port/'}}", "cameras.a.source", "expected usb:0"),
        ("cameras: {a: {source: 'synthetic:note'}}", "cameras.a.source", "synthetic:notes?"),
        ("cameras: {a: {source: absent.mp4}}", "cameras.a.source", "no such video or folder"),
        (f"cameras: {{a: {{source: {'x' * 300}}}}}", "cameras.a.source", "no such video"),
        ("cameras: {a: {source: 'usb:1'}, b: {source: /dev/video1}}", "cameras.b.source",
         "camera a has this device already"),
        ("cameras: {a: {source: 'csi:0'}, b: {source: 'csi:00'}}", "cameras.b.source", "camera a"),
        (DOOR + "    password_file: /x\n", "cameras.door.password_file", "cannot read a password"),
        (DOOR + "    backoff_s: 90\n", "cameras.door.backoff_s", "at most most_backoff_s"),
        (RTSP + "    password_file: /absent/x\n", "cameras.door.password_file", "No such file"),
        (DOOR + "web: {host: 0.0.0.0}", "web.host", "--insecure-http"),
        (DOOR + "web: {host: '::'}", "web.host", "web.tls"),
        (DOOR + "web: {host: kiosk.lan}", "web.host", "web.tls"),
        (DOOR + "web: {origins: ['kiosk.example']}", "web.origins.0", "https://kiosk.example"),
        (DOOR + "web: {origins: ['https://a/b']}", "web.origins.0", "scheme, host and port"),
        (DOOR + "web: {tls: {certificate: /no, key: /no}}", "web.tls.key", "No such file"),
        (BROKER + "  password_file: /a/b\n", "mqtt.password_file", "username beside it"),
        (BROKER + "  ca_file: /a/b\n", "mqtt.ca_file", "tls: true beside it"),
        (DOOR + "webhooks: [{url: 'https://:80/', secret_file: /a/b}]", "webhooks.0.url", "a host"),
        (DOOR + "webhooks: [{url: 'https://h', secret_file: /a/b}]", "webhooks.0.secret_file",
         "No such file"),
        (DOOR + "notes: {reader: serial-raeder}", "notes.reader", "no bundle of the zoo"),
        (DOOR + f"notes: {{reader: {'x' * 300}}}", "notes.reader", "too long"),
        (DOOR + "notes: {reader: note-detector}", "notes.reader", "task read, got detect"),
        (DOOR + "bundles: {trusted_keys: [absent.pub]}", "bundles.trusted_keys.0", "public key"),
        (DOOR + "faces: {enabled: true, keystore: gallery.db}", "faces.keystore", "apart from"),
        (DOOR + "faces: {enabled: true, embedder: serial-reader}", "faces.embedder", "task embed"),
        (DOOR + "faces: {enabled: true, key_file: /a/b}", "faces.key_file", "master key"),
        (DOOR + "data: /etc/hostname", "data", "expected a folder"),
        (DOOR + f"data: /{'x' * 300}", "data", "cannot be used"),
    ],
)  # fmt: skip
def test_each_fault_is_an_error_with_its_key(
    load: Callable[[str], Loaded], text: str, key: str, says: str
) -> None:
    errors = check(load(text)).errors
    assert any(fault.key == key and says in fault.message for fault in errors), errors
    assert "pw" not in repr(errors)


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (DOOR + "    notes: false\n", "cameras.door", "neither notes nor faces"),
        (BROKER + "  username: u\n  password_file: pw\n", "mqtt.tls", "unencrypted"),
        (BROKER + "  username: u\n  password_file: pw\n", "mqtt.password_file", "credential"),
        (BROKER + "  kinds: [face]\n", "mqtt.kinds", "names of people"),
        (DOOR + "webhooks: [{url: 'http://h/x', secret_file: pw}]", "webhooks.0.url", "https://"),
        (DOOR + "web: {tls: {certificate: /no, key: pw}}", "web.tls.key", "credential"),
        (DOOR + "faces: {enabled: true}", "faces.key_file", "edgecnn-gallery-key"),
    ],
)
def test_what_somebody_should_know_is_a_warning(
    load: Callable[[str], Loaded], text: str, key: str, says: str
) -> None:
    assert says in _only(check(load(text)).warnings, key)


def test_an_open_address_is_a_warning_where_it_is_meant(load: Callable[[str], Loaded]) -> None:
    report = check(load(DOOR + "web: {host: 0.0.0.0}"), insecure_http=True)
    assert report.errors == () and "log in" in _only(report.warnings, "web.host")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.9", "::1"])
def test_loopback_needs_no_tls(load: Callable[[str], Loaded], host: str) -> None:
    assert check(load(DOOR + f"web: {{host: '{host}'}}")).errors == ()


@pytest.mark.parametrize(
    ("data", "mode", "says"),
    [(b"correct horse\n", 0o640, "mode is 0640: chmod 600"), (b"x" * 5000, 0o600, "at most 4096"),
     (b"\n", 0o600, "1 bytes or more"), (b"two\nlines\n", 0o600, "one line"),
     (b"\xff\xfe", 0o600, "UTF-8")],
)  # fmt: skip
def test_a_password_that_cannot_be_used_is_refused(
    load: Callable[[str], Loaded], secret: Callable[..., Path], data: bytes, mode: int, says: str
) -> None:
    path = secret("camera", data, mode)
    message = _only(check(load(RTSP + f"    password_file: {path}\n")).errors,
                    "cameras.door.password_file")  # fmt: skip
    assert says in message and "horse" not in message


def test_a_short_password_is_a_warning(
    load: Callable[[str], Loaded], secret: Callable[..., Path]
) -> None:
    report = check(load(RTSP + f"    password_file: {secret('camera', b'abc')}\n"))
    assert "fewer than 8" in _only(report.warnings, "cameras.door.password_file")


def test_a_webhook_secret_has_sixteen_bytes(
    load: Callable[[str], Loaded], secret: Callable[..., Path]
) -> None:
    text = DOOR + "webhooks: [{url: 'https://h/x', secret_file: %s}]"
    assert check(load(text % secret("good", b"x" * 16))).errors == ()
    assert "16 bytes or more, got 15" in _only(
        check(load(text % secret("bad", b"x" * 15 + b"\n"))).errors, "webhooks.0.secret_file"
    )


def test_inside_the_service_a_credential_must_be_there(
    load: Callable[[str], Loaded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    text = RTSP + "    password_file: door\n"
    assert "No such file" in _only(check(load(text)).errors, "cameras.door.password_file")
    (tmp_path / "door").write_text("correct horse")
    (tmp_path / "door").chmod(0o440)  # as systemd's access list shows it
    assert check(load(text)).errors == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [(RTSP + "    password_file: door\n", "cameras.door.password_file"),
     (DOOR + "faces: {enabled: true}", "faces.key_file")],
)  # fmt: skip
def test_a_daemon_without_its_credentials_does_not_start(
    load: Callable[[str], Loaded], text: str, key: str
) -> None:
    assert "credential" in _only(check(load(text), starting=True).errors, key)


def test_the_master_key_is_checked(load: Callable[[str], Loaded], tmp_path: Path) -> None:
    create_master_key(tmp_path / "master.key")
    text = DOOR + f"faces: {{enabled: true, key_file: {tmp_path}/master.key}}"
    keys = {fault.key for fault in check(load(text)).errors}
    assert "faces.key_file" not in keys


@pytest.mark.parametrize(("days", "warns"), [(300, False), (3, True), (-3, True)])
def test_a_certificate_near_its_end_is_a_warning(
    load: Callable[[str], Loaded], tmp_path: Path, days: int, warns: bool
) -> None:
    certificate, key = _certificate(tmp_path, days)
    tls = f"web: {{host: 0.0.0.0, tls: {{certificate: {certificate}, key: {key}}}}}"
    report = check(load(DOOR + tls))
    assert report.errors == ()
    assert bool(report.warnings) == warns


def test_a_certificate_needs_its_own_private_key(
    load: Callable[[str], Loaded], tmp_path: Path
) -> None:
    certificate, key = _certificate(tmp_path, 300)
    tls = f"web: {{tls: {{certificate: {certificate}, key: {key}}}}}"
    key.chmod(0o644)
    assert "chmod 600" in _only(check(load(DOOR + tls)).errors, "web.tls.key")
    key.chmod(0o600)
    other = tmp_path / "other"
    other.mkdir()
    _certificate(other, 300)[1].replace(key)
    assert "its key" in _only(check(load(DOOR + tls)).errors, "web.tls.certificate")


def test_an_unsigned_bundle_is_refused_where_a_key_is_trusted(
    load: Callable[[str], Loaded], tmp_path: Path
) -> None:
    public = generate_key_pair(tmp_path / "k.pem")
    errors = check(load(DOOR + f"bundles: {{trusted_keys: [{public}]}}")).errors
    assert {fault.key for fault in errors} == {"notes.detector", "notes.reader"}
    assert all("signature is required" in fault.message for fault in errors)


def test_a_data_folder_that_others_may_enter_is_a_warning(
    load: Callable[[str], Loaded], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    assert "chmod 700" in _only(check(load(DOOR)).warnings, "data")


def test_a_folder_that_cannot_be_made_is_an_error(load: Callable[[str], Loaded]) -> None:
    loaded = load(DOOR + "data: /etc/nowhere")
    user = os.geteuid()
    os.seteuid(user or 65534)  # root may write everywhere
    try:
        errors = check(loaded).errors
    finally:
        os.seteuid(user)
    assert "cannot be made, because /etc cannot be written" in _only(errors, "data")


def test_errors_come_with_warnings_in_the_order_of_lines(
    write: Callable[[str], Path],
) -> None:
    path = write(DOOR + "    notes: false\nweb: {host: 0.0.0.0}\nnotes: {reader: absent}\n")
    with pytest.raises(ConfigError) as refused:
        load_checked(path)
    assert [fault.line for fault in refused.value.faults] == [5, 6]
    assert [fault.key for fault in refused.value.warnings] == ["cameras.door"]
