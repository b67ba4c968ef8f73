"""People through the API: enrolling, recognizing, their rights, and pictures that are none."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra kiosk is not installed")

from fastapi.testclient import TestClient

API = "/api/v1"


def error(response: Any) -> str:
    body = response.json()
    assert body.keys() == {"error"} and body["error"].keys() == {"code", "message"}
    return str(body["error"]["code"])


def form(person: str, *pictures: bytes, consent: str | None = "true") -> dict[str, Any]:
    data = {"person": person} | ({} if consent is None else {"consent": consent})
    files = [("pictures", (f"{i}.jpg", p, "image/jpeg")) for i, p in enumerate(pictures)]
    return {"data": data, "files": files}


def test_enrolling_takes_pictures_and_consent(
    client: TestClient, kiosk: Any, keys: Any, jpeg: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    admin = keys.header("admin")
    answer = client.post(
        f"{API}/people", headers=admin, **form("Jörg /../ 한", jpeg, b"no", jpeg + b"EMPTY")
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["person"] == "Jörg /../ 한" and body["pictures"] == 1
    assert {r["picture"] for r in body["rejected"]} == {"1.jpg", "2.jpg"}
    assert kiosk.people.pictures[0] == ("0.jpg", jpeg)
    assert client.get(f"{API}/people", headers=admin).json()[0]["person"] == "Jörg /../ 한"
    assert "Jörg" not in caplog.text and "ek_" not in caplog.text


@pytest.mark.parametrize("consent", [None, "false", "", "True", "1"])
def test_nobody_is_enrolled_without_consent(
    client: TestClient, kiosk: Any, keys: Any, jpeg: bytes, consent: str | None
) -> None:
    admin = keys.header("admin")
    answer = client.post(f"{API}/people", headers=admin, **form("Ann", jpeg, consent=consent))
    assert answer.status_code == 422 and error(answer) == "consent"
    live = client.post(
        f"{API}/people/live",
        headers=admin,
        json={"person": "Ann", "camera": "front", "consent": consent == "1"},
    )
    assert live.status_code == (200 if consent == "1" else 422)


@pytest.mark.parametrize("person", ["", " ", "\n", "a" * 201, "a\0b", "\u202ex"])
def test_a_name_follows_the_gallerys_rule(
    client: TestClient, keys: Any, jpeg: bytes, person: str
) -> None:
    admin = keys.header("admin")
    assert client.post(f"{API}/people", headers=admin, **form(person, jpeg)).status_code == 422
    for path in ("delete", "export", "unlock"):
        answer = client.post(f"{API}/people/{path}", headers=admin, json={"person": person})
        assert answer.status_code == 422


def png(width: int, height: int) -> bytes:
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\x02\0\0\0"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"GIF89a",
        b"<svg/>",
        b"\xff\xd8\xff",
        png(30000, 30000),
        png(0, 5),
        b"\xff\xd8" + b"\xff\xda" * 99 + b"\xff\xc0\0\x11\x08\0\x10\0\x10",
    ],
)
def test_what_is_no_usable_picture_is_not_decoded(
    client: TestClient, kiosk: Any, keys: Any, bad: bytes
) -> None:
    answer = client.post(f"{API}/people", headers=keys.header("admin"), **form("Ann", bad))
    assert answer.status_code == 422 and error(answer) == "picture"
    assert kiosk.people.pictures == []


def test_too_many_scans_are_refused(jpeg: bytes) -> None:
    from edgecnn.errors import DataError
    from edgecnn_device.kiosk.web.pictures import check_picture

    check_picture("x", jpeg)
    with pytest.raises(DataError, match="scans"):
        check_picture("x", jpeg + b"\xff\xda" * 99)


def test_too_many_and_too_large_pictures_are_refused(
    client: TestClient, keys: Any, jpeg: bytes
) -> None:
    admin = keys.header("admin")
    assert error(client.post(f"{API}/people", headers=admin, **form("Ann", *[jpeg] * 11))) == "form"
    large = client.post(f"{API}/people", headers=admin, **form("Ann", jpeg + bytes(9 << 20)))
    assert large.status_code == 413 and error(large) == "too_long"
    whole = client.post(f"{API}/people", headers=admin, **form("Ann", *[bytes(7 << 20)] * 4))
    assert whole.status_code == 413


@pytest.mark.parametrize("chunked", [False, True])
def test_long_bodies_are_refused_announced_or_not(
    client: TestClient, keys: Any, chunked: bool
) -> None:
    data = b'{"token":"' + b"x" * 100_000 + b'"}'
    content = (data[i : i + 4096] for i in range(0, len(data), 4096)) if chunked else data
    answer = client.post(
        f"{API}/session", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413 and error(answer) == "too_long"
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"x"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nnonsense"),
    ],
)
def test_damaged_forms_are_refused(client: TestClient, keys: Any, kind: str, body: bytes) -> None:
    answer = client.post(
        f"{API}/people",
        content=io.BytesIO(body).read(),
        headers={**keys.header("admin"), "Content-Type": kind},
    )
    assert answer.status_code in {415, 422} and error(answer) == "form"


def test_recognizing_answers_without_scores(
    client: TestClient, kiosk: Any, keys: Any, jpeg: bytes
) -> None:
    operate = keys.header("operate")
    question = {"person": "Ann", "camera": "front"}
    assert (
        client.post(f"{API}/people/verify", json=question, headers=operate).json()["match"] is False
    )
    kiosk.people.enrol("Ann", [("a", jpeg)])
    answer = client.post(f"{API}/people/verify", json=question, headers=operate).json()
    assert answer == {"person": "Ann", "match": True, "fmr": 1e-4, "reason": ""}
    who = client.post(f"{API}/people/identify", json={"camera": "front"}, headers=operate).json()
    assert who.keys() == answer.keys() and who["person"] == "Ann"


@pytest.mark.parametrize(("wait", "header"), [(12.2, "13"), (None, None)])
def test_a_lock_is_told_with_its_wait(
    client: TestClient, kiosk: Any, keys: Any, wait: float | None, header: str | None
) -> None:
    kiosk.people.locked = wait
    if wait is None:
        kiosk.people.verify = _locked_for_good
    answer = client.post(
        f"{API}/people/verify",
        json={"person": "Ann", "camera": "front"},
        headers=keys.header("operate"),
    )
    assert answer.status_code == 423 and answer.headers.get("Retry-After") == header


def _locked_for_good(*_: object) -> None:
    from edgecnn.errors import LockedError

    raise LockedError("an administrator must reset the count")


def test_a_persons_rights(client: TestClient, kiosk: Any, keys: Any, jpeg: bytes) -> None:
    admin, ann = keys.header("admin"), {"person": "Ann"}
    kiosk.people.enrol("Ann", [("a", jpeg)])
    export = client.post(f"{API}/people/export", json=ann, headers=admin)
    assert export.json() == ann and "attachment" in export.headers["Content-Disposition"]
    assert client.post(f"{API}/people/unlock", json=ann, headers=admin).status_code == 204
    assert client.post(f"{API}/people/unlock", json={}, headers=admin).status_code == 204
    assert kiosk.people.unlocked == ["Ann", None]
    assert client.post(f"{API}/people/delete", json=ann, headers=admin).json() == {"deleted": True}
    assert client.post(f"{API}/people/delete", json=ann, headers=admin).json() == {"deleted": False}


def test_without_faces_there_are_no_people(client: TestClient, kiosk: Any, keys: Any) -> None:
    kiosk.people = None
    assert error(client.get(f"{API}/people", headers=keys.header("admin"))) == "faces_off"
    assert client.get(f"{API}/info", headers=keys.header("view")).json()["faces"] is False
