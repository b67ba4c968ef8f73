from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecnn.errors import InputError
from edgecnn_device.kiosk.web import TokenStore
from edgecnn_device.kiosk.web.tokens import FILE, MOST_TOKENS, USED_FILE


def test_a_token_is_known_and_its_secret_is_nowhere(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    row, token = store.add("operate")
    assert store.check(token) == row
    secret = token.split("_", 2)[2]
    assert all(secret not in path.read_text() for path in tmp_path.iterdir())
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-1] + ("A" if t[-1] != "A" else "B"),
        lambda t: t[:-1],
        lambda t: t + "A",
        lambda t: "x" + t[2:],
        lambda t: "",
        lambda t: "ek_\ud800_",
        lambda t: t.upper(),
    ],
)
def test_another_token_is_not(tmp_path: Path, change: Callable[[str], str]) -> None:
    store = TokenStore(tmp_path)
    _, token = store.add("admin")
    assert store.check(change(token)) is None


def test_a_running_daemon_learns_of_additions_and_revocations(tmp_path: Path) -> None:
    daemon, administrator = TokenStore(tmp_path), TokenStore(tmp_path)
    row, token = administrator.add("view")
    assert daemon.check(token) == row
    assert administrator.revoke(row.id) and not administrator.revoke(row.id)
    assert daemon.check(token) is None and daemon.role(row.id) is None


def test_use_is_told_after_a_flush_to_other_processes(tmp_path: Path) -> None:
    daemon = TokenStore(tmp_path)
    row, token = daemon.add("view")
    assert daemon.list()[0].last_used is None
    daemon.check(token)
    daemon.flush()
    (found,) = TokenStore(tmp_path).list()
    assert found.last_used is not None and found.last_used >= row.created
    assert stat.S_IMODE((tmp_path / USED_FILE).stat().st_mode) == 0o600


def test_a_flush_without_news_writes_nothing(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    store.add("view")
    store.flush()
    assert not (tmp_path / USED_FILE).exists()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"tokens": [{"id": 1}]}',
        "\0",
        '{"tokens": [{"id": "a", "role": "king", "created": 1, "sha256": ""}]}',
    ],
)
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, content: str) -> None:
    store = TokenStore(tmp_path)
    _, token = store.add("admin")
    (tmp_path / FILE).write_text(content)
    os.utime(tmp_path / FILE, ns=(1, 1))
    assert store.check(token) is None
    with pytest.raises(InputError, match="damaged"):
        TokenStore(tmp_path)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    TokenStore(tmp_path).add("admin")
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        TokenStore(tmp_path)


def test_there_are_not_endlessly_many(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    store.add("view")
    entry = json.loads((tmp_path / FILE).read_text())["tokens"][0]
    many = [{**entry, "id": f"{i:08x}"} for i in range(MOST_TOKENS)]
    (tmp_path / FILE).write_text(json.dumps({"version": 1, "tokens": many}))
    with pytest.raises(InputError, match="revoke"):
        store.add("view")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_an_administrator_writes_is_the_daemons(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    store = TokenStore(tmp_path)
    store.check(store.add("view")[1])
    store.flush()
    assert {path.stat().st_uid for path in tmp_path.iterdir()} == {12345}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
