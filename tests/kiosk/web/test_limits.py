from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.errors import InputError
from edgecnn_device.kiosk.config import TlsConfig, WebConfig
from edgecnn_device.kiosk.web import Rate, check_exposure
from edgecnn_device.kiosk.web.hosts import Hosts
from edgecnn_device.kiosk.web.limits import _MOST_ADDRESSES, Buckets
from edgecnn_device.kiosk.web.sessions import MOST_SESSIONS, Sessions


def test_a_bucket_empties_and_fills_again() -> None:
    now = [0.0]
    buckets = Buckets(Rate(2, 0.5), lambda: now[0])
    assert [buckets.take("a"), buckets.take("a")] == [0, 0]
    assert buckets.take("a") == pytest.approx(2)
    assert buckets.take("b") == 0
    now[0] = 2.0
    assert buckets.take("a") == 0


def test_one_ipv6_network_is_one_client_and_memory_is_bounded() -> None:
    buckets = Buckets(Rate(1, 0.001), lambda: 0.0)
    assert buckets.take("2001:db8::1") == 0
    assert buckets.take("2001:db8::2") > 0
    for i in range(3 * _MOST_ADDRESSES):
        buckets.take(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}")
    assert len(buckets._levels) == _MOST_ADDRESSES


def test_sessions_end_by_time_and_are_bounded() -> None:
    now = [0.0]
    sessions = Sessions(1.0, lambda: now[0])
    first, begun = sessions.begin("t")
    assert sessions.find(first) == begun and sessions.find("x") is None
    now[0] = 3600.0
    assert sessions.find(first) is None
    cookies = [sessions.begin("t")[0] for _ in range(MOST_SESSIONS + 1)]
    assert sessions.find(cookies[0]) is None and sessions.find(cookies[1]) is not None


@pytest.mark.parametrize(
    ("host", "answers"),
    [
        ("127.0.0.1:8460", True),
        ("localhost", True),
        ("[::1]:80", True),
        ("192.168.1.9", True),
        ("kiosk.example:443", True),
        ("evil.example", False),
        ("", False),
        ("127.0.0.1.evil.example", False),
        ("[::1", False),
        ("evil.example@127.0.0.1", False),
        ("localhost.evil.example", False),
    ],
)
def test_names_of_strangers_are_not_answered(host: str, answers: bool) -> None:
    hosts = Hosts.of(WebConfig(origins=("https://kiosk.example",)))
    assert hosts.answers(host) is answers


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://127.0.0.1:8460", True),
        ("https://kiosk.example", True),
        ("https://127.0.0.1:8460", False),
        ("http://127.0.0.1", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_pages_of_strangers_may_not_ask(origin: str, allowed: bool) -> None:
    hosts = Hosts.of(WebConfig(origins=("https://kiosk.example",)))
    assert hosts.allows(origin, "http", "127.0.0.1:8460") is allowed


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_alone_needs_no_tls(host: str) -> None:
    check_exposure(WebConfig(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "kiosk.local", ""])
def test_other_machines_do(host: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--insecure-http"):
        check_exposure(WebConfig(host=host))
    check_exposure(WebConfig(host=host), insecure_http=True)
    check_exposure(WebConfig(host=host, tls=TlsConfig(certificate=tmp_path, key=tmp_path)))
