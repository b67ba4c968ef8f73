"""Each fault is named by key and line, with the key that was probably meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecnn.errors import ConfigError, Fault
from edgecnn_device.kiosk.ops.load import Loaded, load_config

DOOR = "cameras:\n  door:\n    source: usb:0\n"


@pytest.mark.parametrize(
    ("text", "key", "line", "says"),
    [
        ("cameras:\n  door:\n    sorce: usb:0\n", "cameras.door.sorce", 3, "did you mean source?"),
        (DOOR + "    ratte: 3\n", "cameras.door.ratte", 4, "did you mean rate?"),
        (DOOR + "    zzz: 3\n", "cameras.door.zzz", 4, "expected one of source, password_file"),
        (DOOR + "web:\n  prot: 80\n", "web.prot", 5, "did you mean port?"),
        (DOOR + "web:\n  tls: {cert: /x}\n", "web.tls.cert", 5, "certificate"),
        (DOOR + "storage:\n  retention:\n    notes: 3\n", "storage.retention.notes", 6, "note?"),
        (DOOR + "webhooks:\n  - uri: http://x\n", "webhooks.0.uri", 5, "did you mean url?"),
        (DOOR + "Web: {}\n", "Web", 4, "did you mean web?"),
        (DOOR + "notes:\n", "notes", 4, "got nothing"),
        (DOOR + "name: 12\n", "name", 4, "got 12: put it in quotes"),
        (DOOR + "    rotate: 45\n", "cameras.door.rotate", 4, "0, 90, 180 or 270, got 45"),
        (DOOR + "    rate: 1\n    width: x\n", "cameras.door.width", 5, "a text of 1 char"),
        ("cameras: {Front Door: {source: 'usb:0'}}", "cameras.Front Door", 1, "lower-case"),
        ("cameras: [usb]\n", "cameras", 1, "got a list"),
        ("name: x\n", "cameras", None, "is missing"),
        (DOOR + "notes: {enabled: no}\n", "", None, "expected notes or faces to be enabled"),
        (DOOR + "faces: {frames: 2, agree: 3}\n", "faces.agree", 4, "at most faces.frames"),
        ("just text", "", None, "expected keys"),
    ],
)
def test_a_fault_names_key_line_and_remedy(
    write: Callable[[str], Path], text: str, key: str, line: int | None, says: str
) -> None:
    path = write(text) if ":" in text else write(f"# {text} data:")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    found = {fault.key: fault for fault in refused.value.faults}
    assert key in found
    assert found[key].line == line
    assert says in found[key].message


def test_a_misspelt_key_is_not_missing_too(load: Callable[[str], Loaded]) -> None:
    with pytest.raises(ConfigError) as refused:
        load("cameras:\n  door:\n    sorce: usb:0\n")
    assert [fault.key for fault in refused.value.faults] == ["cameras.door.sorce"]


@pytest.mark.parametrize(
    "text",
    [
        "cameras: {door: {source: ['rtsp://u:hunter2@h']}}",
        DOOR + "webhooks: [{url: 'https://u:hunter2@h', secret_file: x}]",
        DOOR + "web: {port: hunter2}",
        DOOR + "name: [hunter2]",
        DOOR + "'x: hunter2",
        DOOR + "mqtt: {host: h, topic: 'hunter2 #'}",
    ],
)
def test_a_message_never_holds_a_value(load: Callable[[str], Loaded], text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(text)
    assert "hunter2" not in str(refused.value) + repr(refused.value.faults)
    assert refused.value.__cause__ is None  # nor does the traceback of what pydantic raised


def test_many_faults_are_one_line() -> None:
    error = ConfigError("f.yaml", tuple(Fault(f"k{i}", "wrong", i) for i in range(1, 9)))
    assert str(error).startswith("f.yaml: k1 (line 1): wrong; k2")
    assert str(error).endswith("and 3 more: edgecnn kiosk check-config lists them")


def test_relative_paths_start_at_the_file(load: Callable[[str], Loaded], tmp_path: Path) -> None:
    config = load(
        "cameras: {a: {source: clips/x.mp4, password_file: secrets/a}, b: {source: 'usb:0'}}\n"
        "data: state\nfaces: {enabled: yes, embedder: own/e.edge, keystore: ../k.db}\n"
        "mqtt: {host: h, password_file: mqtt}\n"
        "bundles: {trusted_keys: [keys/a.pub]}\n"
    ).config
    assert config.cameras["a"].source == f"{tmp_path}/clips/x.mp4"
    assert config.cameras["a"].password_file == tmp_path / "secrets" / "a"
    assert config.cameras["b"].source == "usb:0"
    assert config.data == tmp_path / "state" == config.faces.gallery.parent
    assert config.faces.embedder == f"{tmp_path}/own/e.edge"
    assert config.faces.detector == "face-detector"
    assert config.bundles.trusted_keys == (tmp_path / "keys" / "a.pub",)
    assert config.mqtt and config.mqtt.password_file
    assert config.mqtt.password_file.parent == Path("/run/credentials/edgecnn-kiosk.service")
