"""Secrets are read once, whole, and shown by nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecnn.errors import ConfigError, InputError
from edgecnn_device.kiosk.ops.load import Loaded
from edgecnn_device.kiosk.ops.secrets import read_password, read_secret, read_secrets


@pytest.mark.parametrize(
    ("written", "read"),
    [(b"horse\n", "horse"), (b"horse\r\n", "horse"), (b"horse", "horse"), (b" h \n", " h ")],
)
def test_the_line_end_of_an_editor_is_no_part_of_it(
    secret: Callable[..., Path], written: bytes, read: str
) -> None:
    assert read_password(secret("p", written), "a password") == read


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_may_read_is_refused(secret: Callable[..., Path], mode: int) -> None:
    with pytest.raises(InputError, match=f"mode is {mode:04o}: chmod 600"):
        read_secret(secret("p", b"horse", mode), "a password")


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(InputError, match="plain file"):
        read_secret(tmp_path / "pipe", "a password")


def test_all_are_read_and_none_is_shown(
    load: Callable[[str], Loaded], secret: Callable[..., Path]
) -> None:
    config = load(
        f"cameras: {{a: {{source: 'rtsp://u@h', password_file: {secret('a', b'horse')}}}}}\n"
        f"mqtt: {{host: h, username: u, password_file: {secret('m', b'staple')}}}\n"
        f"webhooks: [{{url: 'http://h', secret_file: {secret('w', bytes(range(32, 64)))}}}]\n"
    ).config
    secrets = read_secrets(config)
    assert (secrets.cameras, secrets.mqtt) == ({"a": "horse"}, "staple")
    assert secrets.webhooks == (bytes(range(32, 64)),)
    assert {"horse", "staple", bytes(range(32, 64)).hex()} <= set(secrets.words())
    assert repr(secrets) == "Secrets()"


def test_one_that_is_missing_is_named_by_its_key(load: Callable[[str], Loaded]) -> None:
    text = "cameras: {a: {source: 'rtsp://u@h', password_file: /a/b}}"
    with pytest.raises(ConfigError) as refused:
        read_secrets(load(text).config)
    assert [fault.key for fault in refused.value.faults] == ["cameras.a.password_file"]
