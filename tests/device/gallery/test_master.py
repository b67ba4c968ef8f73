"""The master key is made once, by an explicit call, and refused where others could read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgecnn.errors import GalleryError, InputError
from edgecnn_device.gallery import create_master_key, read_master_key


def test_a_new_key_is_random_and_private(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    create_master_key(one)
    create_master_key(two)
    assert one.stat().st_mode & 0o777 == 0o600
    assert read_master_key(one) == one.read_bytes() != two.read_bytes()
    assert len(one.read_bytes()) == 32


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    create_master_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(InputError, match="exists"):
        create_master_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    create_master_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(GalleryError, match=f"mode is {mode:04o}: chmod 600"):
        read_master_key(tmp_path / "key")


@pytest.mark.parametrize(("size", "came"), [(0, "0 bytes"), (31, "31 bytes"), (33, "more")])
def test_a_key_of_another_length_is_refused(tmp_path: Path, size: int, came: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(bytes(size))
    path.chmod(0o600)
    with pytest.raises(GalleryError, match=f"32 bytes, but there are {came}"):
        read_master_key(path)


def test_a_missing_key_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(GalleryError, match="cannot read a master key"):
        read_master_key(tmp_path / "missing")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(GalleryError, match=r"plain file|cannot read"):
            read_master_key(path)


def test_a_systemd_credential_serves_as_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = tmp_path / "edgecnn-gallery-key"
    credential.write_bytes(bytes(range(32)))
    credential.chmod(0o440)  # as systemd's access list shows it
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_master_key(None) == bytes(range(32))


def test_without_file_and_credential_both_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(GalleryError, match=r"key file.*credential edgecnn-gallery-key"):
        read_master_key(None)
