from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.errors import InputError
from edgecnn_device.cameras.address import Address, is_camera, parse_address, with_password


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("usb:0", Address("usb", "/dev/video0")),
        ("usb:12", Address("usb", "/dev/video12")),
        ("/dev/video3", Address("usb", "/dev/video3")),
        ("/dev/v4l/by-id/x", Address("usb", "/dev/v4l/by-id/x")),
        ("csi:01", Address("csi", "1")),
        ("rtsp://cam/1", Address("rtsp", "rtsp://cam/1")),
        ("RTSPS://u:p%40@[::1]:322/1", Address("rtsp", "RTSPS://u:p%40@[::1]:322/1")),
        ("synthetic:notes", Address("notes")),
        ("synthetic:heads:7", Address("heads", seed=7)),
        ("a/film.MP4", Address("video", "a/film.MP4")),
        ("a/picture.jpg", Address("pictures", "a/picture.jpg")),
    ],
)
def test_an_address_says_what_it_is(source: str, address: Address) -> None:
    assert parse_address(source) == address
    assert is_camera(source) == (address.kind not in {"video", "pictures"})


def test_a_folder_is_a_source(tmp_path: Path) -> None:
    assert parse_address(str(tmp_path)) == Address("pictures", str(tmp_path))


@pytest.mark.parametrize(
    "source",
    ["", "usb:", "usb:-1", "usb:0x", "usb:9999", "csi:a", "synthetic:dogs", "synthetic:notes:x",
     "http://cam/1", "notes.txt", "no-such-folder", "rtsp:/cam", "rtsp://", "rtsp://:554/1",
     "rtsp://cam:port/1", "rtsp://cam:99999/1", "rtsp://cam/a b", 'rtsp://cam/"1', "rtsp://[::1/1",
     "rtsp://cam/\n1", "a\0b.mp4"],
)  # fmt: skip
def test_what_is_no_address_is_refused(source: str) -> None:
    with pytest.raises(InputError, match="expected"):
        parse_address(source)


@pytest.mark.parametrize(
    "source",
    ["rtsp://me:se cret@cam/1", "rtsp://me:se/cret@cam/1", "http://me:secret@cam/1",
     "rtsp://me:secret@cam:port/1", "rtsp:me:secret@cam"],
)  # fmt: skip
def test_a_refusal_shows_no_password(source: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_address(source)
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "whole"),
    [
        ("rtsp://me@cam:554/1?x=2", "rtsp://me:p%40%3A%2F%3F%23%20%25@cam:554/1?x=2"),
        ("rtsp://m%40e@[::1]/1", "rtsp://m%40e:p%40%3A%2F%3F%23%20%25@[::1]/1"),
    ],
)
def test_a_password_is_encoded_into_its_address(source: str, whole: str) -> None:
    assert with_password(source, "p@:/?# %") == whole
    assert with_password(source, None) == source


@pytest.mark.parametrize("source", ["rtsp://cam/1", "rtsp://me:own@cam/1", "usb:0"])
def test_a_password_needs_a_user_without_one(source: str) -> None:
    with pytest.raises(InputError, match="password_file") as refused:
        with_password(source, "hunter2")
    assert "hunter2" not in str(refused.value) and "own@" not in str(refused.value)
