from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn_device.cameras.redact import redact, secrets_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:hunter2@10.0.0.5:554/ch1", "rtsp://***@10.0.0.5:554/ch1"),
        ("rtsp://admin@cam.local/ch1", "rtsp://***@cam.local/ch1"),
        ("rtsp://admin:@cam/1", "rtsp://***@cam/1"),
        ("rtsps://a:b%40c%2Fd@cam/1", "rtsps://***@cam/1"),
        ("rtsp://a:p@ss@cam/1", "rtsp://***@cam/1"),
        ("rtsp://a:p/w?d#x@cam/1", "rtsp://***@cam/1"),
        ("rtsp://a:b@[fe80::1%25eth0]:8554/1", "rtsp://***@[fe80::1%25eth0]:8554/1"),
        ("rtsp://[::1]:8554/1", "rtsp://[::1]:8554/1"),
        ("rtsp://cam:554/1", "rtsp://cam:554/1"),
        ("rtsp://cam/1", "rtsp://cam/1"),
        ("rtsp://cam: no route", "rtsp://cam: no route"),
        ("rtsp://admin:hunter2", "rtsp://***"),  # cut off before its @
        ("rtsp://admin:hunter2'", "rtsp://***"),
        ("'rtsp://cam:554'", "'rtsp://cam:554'"),
        ("http://cam/video?user=me&pwd=a%20b&size=1", "http://cam/video?user=***&pwd=***&size=1"),
        ("http://cam/x?access_token=abc;n=1#top", "http://cam/x?access_token=***;n=1#top"),
        ("rtsp://cam/user=me_password=abc_channel=1", "rtsp://cam/user=***"),
        ("two: rtsp://a:b@x/1 and rtsp://c:d@y/2.", "two: rtsp://***@x/1 and rtsp://***@y/2."),
        ('Digest username="me", response="0f"', 'Digest username=***, response="0f"'),
        ("Authorization: Basic bWU6cHc=", "Authorization: ***"),
        ("usb:0: something else uses it", "usb:0: something else uses it"),
        ("", ""),
    ],
)
def test_credentials_go_and_the_rest_stays(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_known_secret_goes_wherever_it_stands() -> None:
    known = secrets_of("rtsp://admin@cam/1", "p@ss wörd")
    for text in ("said p@ss wörd twice", "p%40ss%20w%C3%B6rd", "user admin", "p@ss wörd:p@ss wörd"):
        shown = redact(text, known)
        assert "wörd" not in shown and "w%C3" not in shown and "admin" not in shown


def test_secrets_of_an_address_have_all_their_shapes() -> None:
    assert {"a", "b@c", "b%40c", "a:b%40c"} <= set(secrets_of("rtsp://a:b%40c@cam/1"))
    assert secrets_of("usb:0") == ()
    assert secrets_of("/a/folder") == ()


_WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=3)


@given(user=_WORD, password=_WORD, before=st.text(), after=st.text())
def test_no_address_keeps_its_password(user: str, password: str, before: str, after: str) -> None:
    secret = f"Q{password}Q"
    shown = redact(f"{before} rtsp://{user}:{secret}@host/path {after}")
    assert secret in before + after or secret not in shown
