from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra kiosk is not installed")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from edgecnn_device.kiosk.config import WebConfig
from edgecnn_device.kiosk.events import CameraChanged, FaceSeen, NoteSeen, SystemChanged
from edgecnn_device.kiosk.web import Limits, Rate, create_app

API = "/api/v1"
GUARDED = [
    ("GET", "/metrics", "view"),
    ("GET", f"{API}/openapi.json", "view"),
    ("GET", f"{API}/session", "view"),
    ("DELETE", f"{API}/session", "view"),
    ("GET", f"{API}/health", "view"),
    ("GET", f"{API}/info", "view"),
    ("GET", f"{API}/cameras", "view"),
    ("GET", f"{API}/cameras/front/snapshot.jpg", "view"),
    ("GET", f"{API}/events", "view"),
    ("GET", f"{API}/events/1/thumbnail.jpg", "view"),
    ("POST", f"{API}/people/verify", "operate"),
    ("POST", f"{API}/people/identify", "operate"),
    ("GET", f"{API}/people", "admin"),
    ("POST", f"{API}/people", "admin"),
    ("POST", f"{API}/people/live", "admin"),
    ("POST", f"{API}/people/delete", "admin"),
    ("POST", f"{API}/people/export", "admin"),
    ("POST", f"{API}/people/unlock", "admin"),
    ("GET", f"{API}/bundles", "admin"),
    ("POST", f"{API}/bundles", "admin"),
    ("POST", f"{API}/diagnose", "admin"),
]
ROLES = ("view", "operate", "admin")


def error(response: Any) -> str:
    body = response.json()
    assert body.keys() == {"error"} and body["error"].keys() == {"code", "message"}
    return str(body["error"]["code"])


@pytest.mark.parametrize(("method", "path", "needed"), GUARDED)
def test_every_role_may_do_its_part_and_no_more(
    client: TestClient, keys: Any, method: str, path: str, needed: str
) -> None:
    assert client.request(method, path).status_code == 401
    wrong = {"Authorization": "Bearer ek_00000000_x"}
    assert error(client.request(method, path, headers=wrong)) == "unknown"
    for role in ROLES:
        status = client.request(method, path, headers=keys.header(role)).status_code
        assert (status == 403) is (ROLES.index(role) < ROLES.index(needed)), (role, status)


def test_the_list_of_guarded_paths_is_complete(app: FastAPI) -> None:
    described = {(m.upper(), p) for p, ms in app.openapi()["paths"].items() for m in ms}
    free = {("GET", "/healthz"), ("GET", "/readyz"), ("POST", f"{API}/session")}
    streams = {("GET", f"{API}/cameras/{{camera}}/stream.mjpg")}
    named = {
        (m, p.replace("/front/", "/{camera}/").replace("/1/", "/{sequence}/"))
        for m, p, _ in GUARDED
    }
    assert described - free - streams == named - {("GET", f"{API}/openapi.json")}


def test_supervisors_and_the_login_page_need_no_token(client: TestClient, kiosk: Any) -> None:
    assert client.get("/healthz").json() == {"ok": True}
    assert client.get("/").status_code == 200 and client.get("/static/app.js").status_code == 200
    kiosk.alive = False
    assert client.get("/healthz").status_code == 503 and client.get("/readyz").status_code == 503


@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing", f"{API}/health", "/static/app.js"])
def test_every_answer_makes_browsers_careful(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == (
        "no-cache" if path in {"/", "/static/app.js"} else "no-store"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/static/..%2fapp.py",
        "/static/",
        "/..%2f..%2fetc/passwd",
    ],
)
def test_no_path_reaches_another_file(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a@127.0.0.1"])
def test_a_rebound_name_is_refused(client: TestClient, host: str) -> None:
    response = client.get("/healthz", headers={"Host": host})
    assert response.status_code == 421 and error(response) == "host"


def login(client: TestClient, token: str) -> str:
    response = client.post(f"{API}/session", json={"token": token})
    assert response.status_code == 200, response.text
    return str(response.json()["csrf"])


def test_a_login_needs_its_csrf_token_and_origin_and_ends(client: TestClient, keys: Any) -> None:
    csrf = login(client, keys.tokens["admin"])
    assert client.get(f"{API}/session").json()["csrf"] == csrf
    unlock = f"{API}/people/unlock"
    assert error(client.post(unlock, json={})) == "csrf"
    assert error(client.post(unlock, json={}, headers={"X-CSRF-Token": csrf[:-1]})) == "csrf"
    good = {"X-CSRF-Token": csrf}
    assert client.post(unlock, json={}, headers=good).status_code == 204
    foreign = {**good, "Origin": "http://evil.example"}
    assert error(client.post(unlock, json={}, headers=foreign)) == "origin"
    own = {**good, "Origin": "http://127.0.0.1:8460"}
    assert client.delete(f"{API}/session", headers=own).status_code == 204
    assert client.get(f"{API}/session").status_code == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(
    client: TestClient, keys: Any, app: FastAPI
) -> None:
    body = {"token": keys.tokens["view"]}
    plain = client.post(f"{API}/session", json=body).headers["Set-Cookie"]
    assert "HttpOnly" in plain and "SameSite=strict" in plain and "Secure" not in plain
    tls = TestClient(app, base_url="https://127.0.0.1")
    secure = tls.post(f"{API}/session", json=body).headers["Set-Cookie"]
    assert secure.startswith("__Host-") and "Secure" in secure and "Path=/" in secure


def test_a_login_from_a_foreign_page_is_refused(client: TestClient, keys: Any) -> None:
    response = client.post(
        f"{API}/session",
        json={"token": keys.tokens["view"]},
        headers={"Origin": "http://evil.example"},
    )
    assert response.status_code == 403 and "Set-Cookie" not in response.headers


def test_a_revoked_token_ends_its_sessions(client: TestClient, keys: Any) -> None:
    login(client, keys.tokens["admin"])
    keys.store.revoke(keys.tokens["admin"].split("_")[1])
    assert client.get(f"{API}/session").status_code == 401


def test_wrong_tokens_are_slowed_down_and_right_ones_are_not(
    kiosk: Any, config: WebConfig, keys: Any
) -> None:
    limits = Limits(Rate(1000, 1), Rate(3, 0.01), Rate(3, 0.01))
    client = TestClient(
        create_app(kiosk, config, keys.store, limits=limits), base_url="http://localhost"
    )
    wrong = {"Authorization": "Bearer nonsense"}
    statuses = [client.get(f"{API}/info", headers=wrong).status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    assert client.get(f"{API}/info", headers=keys.header("view")).status_code == 200
    logins = [client.post(f"{API}/session", json={"token": "x"}).status_code for _ in range(4)]
    assert logins == [401, 401, 401, 429]


def test_who_asks_too_often_has_to_wait(kiosk: Any, config: WebConfig, keys: Any) -> None:
    limits = Limits(requests=Rate(5, 0.01))
    client = TestClient(
        create_app(kiosk, config, keys.store, limits=limits), base_url="http://localhost"
    )
    answers = [client.get("/healthz") for _ in range(6)]
    assert [a.status_code for a in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_events_come_in_pages_and_by_kind(
    client: TestClient, kiosk: Any, keys: Any, note_event: Any
) -> None:
    for i in range(5):
        kiosk.events.add(note_event(f"N{i}"))
    kiosk.events.add(CameraChanged("backoff", "gone"))
    kiosk.events.add(SystemChanged("started", ""))
    view = keys.header("view")
    page = client.get(f"{API}/events?limit=3", headers=view).json()
    assert [e["sequence"] for e in page["events"]] == [7, 6, 5] and page["next"] == 5
    rest = client.get(f"{API}/events?limit=9&before={page['next']}", headers=view).json()
    assert [e["body"]["serial"] for e in rest["events"]] == ["N3", "N2", "N1", "N0"]
    assert rest["next"] is None
    kinds = client.get(f"{API}/events?kinds=camera&kinds=system", headers=view).json()["events"]
    assert [e["kind"] for e in kinds] == ["system", "camera"]
    assert client.get(f"{API}/events?camera=side", headers=view).json()["events"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "before=-1",
        f"before={2**63}",
        "kinds=other",
        "camera=../x",
        "camera=A",
        "kinds=note" + "&kinds=note" * 4,
    ],
)
def test_bad_questions_are_refused(client: TestClient, keys: Any, query: str) -> None:
    response = client.get(f"{API}/events?{query}", headers=keys.header("view"))
    assert response.status_code == 422 and error(response) == "invalid"


def test_names_of_people_are_for_operators(
    client: TestClient, kiosk: Any, keys: Any, face_event: FaceSeen
) -> None:
    kiosk.events.add(face_event)
    found = {role: client.get(f"{API}/events", headers=keys.header(role)) for role in ROLES}
    assert [r for r in ROLES if "Ann" in found[r].text] == ["operate", "admin"]
    assert found["view"].json()["events"][0]["body"]["recognized"] is True
    assert "score" not in found["admin"].text and "similarity" not in found["admin"].text


def test_a_thumbnail_is_given_where_one_is_kept(
    client: TestClient, kiosk: Any, keys: Any, note_event: Any, jpeg: bytes
) -> None:
    kiosk.events.add(note_event(), jpeg)
    kiosk.events.add(note_event())
    view = keys.header("view")
    found = client.get(f"{API}/events/1/thumbnail.jpg", headers=view)
    assert found.content == jpeg and found.headers["Content-Type"] == "image/jpeg"
    assert client.get(f"{API}/events/2/thumbnail.jpg", headers=view).status_code == 404


@pytest.mark.parametrize("camera", ["none", "..%2f..%2fetc", "%2e%2e", "FRONT", "a" * 40])
def test_other_cameras_are_refused(client: TestClient, keys: Any, camera: str) -> None:
    for path in ("snapshot.jpg", "stream.mjpg"):
        response = client.get(f"{API}/cameras/{camera}/{path}", headers=keys.header("view"))
        assert response.status_code in {404, 422}, path
        error(response)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "", ".hidden", "a\\b", "x" * 200])
def test_a_bundle_is_named_and_never_a_path(
    client: TestClient, kiosk: Any, keys: Any, name: str
) -> None:
    body = {"role": "serial-reader", "name": name}
    assert client.post(f"{API}/bundles", json=body, headers=keys.header("admin")).status_code == 422
    assert kiosk.asked == []


def test_a_bundle_is_taken_from_its_folder_or_the_shipped_ones(
    client: TestClient, kiosk: Any, keys: Any, tmp_path: Path
) -> None:
    (tmp_path / "good.edge").write_bytes(b"x")
    admin = keys.header("admin")
    for name in ("good.edge", "good-shipped"):
        body = {"role": "serial-reader", "name": name}
        assert client.post(f"{API}/bundles", json=body, headers=admin).json()["name"] == "good"
    assert [path for _, path in kiosk.asked] == [str(tmp_path / "good.edge"), "good-shipped"]
    bad = client.post(f"{API}/bundles", json={"role": "serial-reader", "name": "x"}, headers=admin)
    assert bad.status_code == 409 and error(bad) == "bundle"


def test_a_bug_is_told_in_the_same_shape(
    client: TestClient, kiosk: Any, keys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise ZeroDivisionError("Ann Example")

    monkeypatch.setattr(kiosk, "health", fails)
    answer = client.get(f"{API}/health", headers=keys.header("view"))
    assert answer.status_code == 500 and error(answer) == "internal" and "Ann" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_names_only_its_own_files(client: TestClient) -> None:
    page = client.get("/").text
    assert not re.search(r"https?://|\sstyle=|\son\w+=|<style|<script>(?!$)", page)
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert client.get(path).status_code == 200, path


def test_an_unchanged_file_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/static/style.css").headers["ETag"]
    assert client.get("/static/style.css", headers={"If-None-Match": tag}).status_code == 304


def test_abstained_notes_are_events_too(client: TestClient, kiosk: Any, keys: Any) -> None:
    kiosk.events.add(NoteSeen(None, None, 0.3, "blurred", 3, ()))
    found: Callable[[], Any] = client.get(f"{API}/events", headers=keys.header("view")).json
    assert found()["events"][0]["body"]["reason"] == "blurred"
