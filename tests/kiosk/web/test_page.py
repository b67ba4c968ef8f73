"""The real page in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from fastapi import FastAPI
from playwright.sync_api import expect, sync_playwright

from edgecnn_device.kiosk.config import WebConfig
from edgecnn_device.kiosk.events import CameraChanged
from edgecnn_device.kiosk.web import Role, Server, create_app
from edgecnn_device.kiosk.web.assets import assets

SHOTS = Path(__file__).parents[3] / "build" / "kiosk-page"
WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium: apt install chromium")
    with sync_playwright() as started:
        made = started.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages; none may log an error of its own, or break its policy."""
    contexts = []

    def opened(server: Server, locale: str = "en-GB", **given: Any) -> Any:
        context = browser.new_context(locale=locale, **given)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on(
            "console",
            lambda m: page.faults.append(m.text) if "Content Security" in m.text else None,
        )
        page.goto(server.url)
        return page

    yield opened
    for context in contexts:
        faults = [fault for page in context.pages for fault in page.faults]
        context.close()
        assert faults == []


def log_in(page: Any, token: str) -> None:
    page.locator("#token").fill(token)
    page.locator("#token").press("Enter")
    expect(page.locator("#view-live")).to_be_visible()


PIXELS = """() => { const c = document.getElementById("picture");
  return [...c.getContext("2d").getImageData(0, 60, c.width, 1).data].join() }"""


def test_the_live_view_moves(server: Server, keys: Any, open_page: Any) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["view"])
    expect(page.locator("#stage-note")).to_be_hidden()
    assert page.evaluate("document.getElementById('picture').width") == 640
    seen = page.evaluate(PIXELS)
    page.wait_for_function(f"seen => ({PIXELS})() !== seen", arg=seen)


def test_a_serial_grows_surer_and_becomes_an_event(
    server: Server,
    keys: Any,
    kiosk: Any,
    open_page: Any,
    seen_note: Any,
    note_event: Any,
    jpeg: bytes,
) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["view"])
    kiosk.notes = (seen_note("AB123", 0.4),)
    expect(page.locator("#serial")).to_have_text("AB123")
    expect(page.locator("#percent")).to_have_text("40%")
    assert page.locator("#said").inner_text() == ""
    kiosk.notes = (seen_note("AB1234567C", 0.97, True),)
    kiosk.events.add(note_event(), jpeg)
    expect(page.locator("#confidence")).to_have_js_property("value", 0.97)
    expect(page.locator("#note")).to_have_class(re.compile("sure"))
    expect(page.locator("#said")).to_contain_text("A B 1 2 3")
    expect(page.locator("#events li .code")).to_have_text("AB1234567C")
    page.wait_for_function("document.querySelector('#events img').naturalWidth === 640")
    kiosk.notes = ()
    expect(page.locator("#note-state")).to_have_text("Read last")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "live.png", full_page=True)


def test_a_wrong_token_is_told_and_a_logout_logs_out(
    server: Server, keys: Any, open_page: Any
) -> None:
    page = open_page(server)
    page.locator("#token").fill("ek_00000000_wrong")
    page.locator("#token").press("Enter")
    expect(page.locator("#problem")).to_contain_text("not known")
    expect(page.locator("#view-live")).to_be_hidden()
    log_in(page, keys.tokens["operate"])
    page.reload()
    expect(page.locator("#view-live")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    page.locator("#logout").click()
    expect(page.locator("#login")).to_be_visible()
    page.reload()
    expect(page.locator("#login")).to_be_visible()


def test_a_revoked_token_ends_the_page(server: Server, keys: Any, open_page: Any) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["view"])
    keys.store.revoke(keys.tokens["view"].split("_")[1])
    expect(page.locator("#problem")).to_contain_text("log in again")


@pytest.mark.parametrize("role", ["view", "operate", "admin"])
def test_each_role_sees_its_part(server: Server, keys: Any, open_page: Any, role: Role) -> None:
    page = open_page(server)
    log_in(page, keys.tokens[role])
    assert page.locator("#nav-people").is_visible() is (role != "view")
    if role != "view":
        page.locator("#nav-people").click()
        expect(page.locator("#photo-warning")).to_contain_text("another way")
        assert page.locator("#enrol").is_visible() is (role == "admin")


def test_enrolling_asks_for_consent_and_verifies(
    server: Server, keys: Any, kiosk: Any, open_page: Any, jpeg: bytes
) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["admin"])
    page.locator("#nav-people").click()
    expect(page.locator("#consent-text")).to_contain_text("I agree")
    page.locator("#enrol-name").fill("Ann <b>")
    page.locator("#pictures").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": jpeg}
    )
    page.locator("#enrol-form button[type=submit]").click()
    assert kiosk.people.rows == {}  # no tick, no enrolment
    page.locator("#consent").check()
    page.locator("#enrol-form button[type=submit]").click()
    expect(page.locator("#enrolled")).to_contain_text("Ann <b> is enrolled with 1")
    assert kiosk.people.pictures[0][0] == "a.jpg"
    expect(page.locator("#people li")).to_have_count(1)
    page.locator("#verify-name").fill("Ann <b>")
    page.locator("#verify-form button[type=submit]").click()
    expect(page.locator("#answer")).to_contain_text("This is Ann <b>")
    page.screenshot(path=SHOTS / "people.png", full_page=True)
    page.locator("#people .danger").click()
    page.locator("#ask .danger").click()
    expect(page.locator("#people li")).to_have_count(0)
    page.locator("#identify").click()
    expect(page.locator("#answer")).to_contain_text("another way")


def test_enrolling_by_the_camera(server: Server, keys: Any, kiosk: Any, open_page: Any) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["admin"])
    page.locator("#nav-people").click()
    page.locator("#enrol-name").fill("Bo")
    page.locator("#consent").check()
    page.locator("#enrol-live").click()
    expect(page.locator("#enrolled")).to_contain_text("Bo is enrolled")
    assert kiosk.people.rows["Bo"].pictures == 1


def test_a_large_picture_is_made_smaller_before_it_is_sent(
    server: Server, keys: Any, kiosk: Any, open_page: Any
) -> None:
    import cv2
    import numpy as np

    data = cv2.imencode(".png", np.zeros((3000, 4000, 3), np.uint8))[1].tobytes()
    page = open_page(server)
    log_in(page, keys.tokens["admin"])
    page.locator("#nav-people").click()
    page.locator("#enrol-name").fill("Cy")
    page.locator("#consent").check()
    page.locator("#pictures").set_input_files(
        {"name": "c.png", "mimeType": "image/png", "buffer": data}
    )
    page.locator("#enrol-form button[type=submit]").click()
    expect(page.locator("#enrolled")).to_contain_text("Cy is enrolled")
    sent = cv2.imdecode(np.frombuffer(kiosk.people.pictures[0][1], np.uint8), cv2.IMREAD_COLOR)
    assert sent is not None and sent.shape == (1200, 1600, 3)


def test_korean_comes_by_preference_and_by_the_switch(
    server: Server, keys: Any, open_page: Any, kiosk: Any, note_event: Any
) -> None:
    page = open_page(server, "ko-KR")
    expect(page.locator("#login-title")).to_have_text("로그인")
    assert page.evaluate("document.documentElement.lang") == "ko"
    log_in(page, keys.tokens["admin"])
    kiosk.events.add(CameraChanged("backoff", ""))
    expect(page.locator("#events li").first).to_contain_text("카메라 연결 끊김")
    page.screenshot(path=SHOTS / "korean.png", full_page=True)
    page.locator("#language").select_option("en")
    expect(page.locator("#live-title")).to_have_text("Camera")
    expect(page.locator("#events li").first).to_contain_text("Camera is away")
    page.reload()
    expect(page.locator("#live-title")).to_have_text("Camera")


def test_both_languages_say_everything_the_page_needs() -> None:
    english, korean = (json.loads(assets()[f"{name}.json"].content) for name in ("en", "ko"))
    assert english.keys() == korean.keys()
    holes = re.compile(r"\{\w+\}")
    for key, text in english.items():
        assert (
            text and korean[key] and set(holes.findall(text)) == set(holes.findall(korean[key]))
        ), key
    code = b"".join(a.content for n, a in assets().items() if n.endswith((".js", ".html"))).decode()
    used = set(re.findall(r'\b(?:t|say|has)\((?:\$\("[\w-]+"\), |\w+, )?"([\w.]+)"', code))
    used |= set(re.findall(r'data-t(?:-label)?="([\w.]+)"', code))
    assert len(used) > 80 and used <= english.keys()


@pytest.mark.parametrize("view", ["login", "live", "people", "health"])
@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_a_narrow_telephone_needs_no_sideways_scrolling(
    server: Server,
    keys: Any,
    kiosk: Any,
    open_page: Any,
    view: str,
    locale: str,
    seen_note: Any,
    note_event: Any,
) -> None:
    kiosk.notes = (seen_note("XYZ1234567890", 0.9, True),)
    kiosk.events.add(note_event("A" * 40))
    page = open_page(server, locale, viewport={"width": 360, "height": 640})
    if view != "login":
        log_in(page, keys.tokens["admin"])
        page.locator(f"nav [data-view={view}]").click()
        page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = page.evaluate("""() => [...document.querySelectorAll("body *")].filter((e) =>
      e.checkVisibility() && !e.matches(".hidden, .skip")
      && e.getBoundingClientRect().right > 360.5)
      .map((e) => e.id || e.tagName)""")
    assert wide == []
    small = page.evaluate("""() => [...document.querySelectorAll("button, select, input, .tick")]
      .filter((e) => e.checkVisibility() && e.type !== "checkbox"
        && e.getBoundingClientRect().height < 44)
      .map((e) => e.id || e.className)""")
    assert small == []
    page.screenshot(path=SHOTS / f"narrow-{view}-{locale[:2]}.png", full_page=True)


CONTRASTS = """() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) {
    const c = rgba(getComputedStyle(e).backgroundColor);
    if (c[3] > 200) return c; } return [255, 255, 255, 255]; };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.disabled) continue;
    if (e.matches("option, .hidden, .skip, #stage-note")) continue;
    const two = [light(rgba(getComputedStyle(e).color)), light(ground(e))];
    const [a, b] = two.sort((x, y) => y - x);
    found.push([(a + .05) / (b + .05), e.id || e.className || e.tagName]);
  }
  return found.sort((x, y) => x[0] - y[0]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(
    server: Server,
    keys: Any,
    kiosk: Any,
    open_page: Any,
    scheme: str,
    seen_note: Any,
    note_event: Any,
) -> None:
    kiosk.notes = (seen_note(sure=True),)
    kiosk.events.add(note_event())
    kiosk.states["side"] = "backoff"
    page = open_page(server, color_scheme=scheme)
    log_in(page, keys.tokens["admin"])
    expect(page.locator("#cameras li")).to_have_count(2)
    for view in ("live", "people", "health"):
        page.locator(f"nav [data-view={view}]").click()
        found = page.evaluate(CONTRASTS)
        assert len(found) > 10 and found[0][0] >= 4.5, found[0]  # WCAG 2.2, 1.4.3


def test_everything_can_be_done_by_keyboard(
    server: Server, keys: Any, kiosk: Any, open_page: Any
) -> None:
    page = open_page(server)
    expect(page.locator("#token")).to_be_focused()
    page.keyboard.type(keys.tokens["operate"])
    page.keyboard.press("Enter")
    expect(page.locator("#view-live")).to_be_visible()
    reach(page, "nav-people")
    page.keyboard.press("Enter")
    reach(page, "verify-name")
    page.keyboard.type("Nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("Not confirmed")
    reach(page, "logout", "Shift+Tab")
    page.keyboard.press("Space")
    expect(page.locator("#token")).to_be_focused()


def reach(page: Any, name: str, key: str = "Tab") -> None:
    """Press a key until something has the focus, which must be visible all the way."""
    for _ in range(40):
        page.keyboard.press(key)
        at, width = page.evaluate("""() => { const e = document.activeElement;
          return [e.id, parseFloat(getComputedStyle(e).outlineWidth)] }""")
        if at not in {"", "main"}:
            assert width >= 2, at
        if at == name:
            return
    pytest.fail(f"{name} cannot be reached")


def test_every_field_has_a_label(server: Server, keys: Any, open_page: Any) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["admin"])
    nameless = page.evaluate("""() => [...document.querySelectorAll("input, select, button")]
      .filter((e) => !(e.labels?.length && e.labels[0].textContent.trim()) && !e.textContent.trim()
        && !e.getAttribute("aria-label")).map((e) => e.id)""")
    assert nameless == []


def test_the_page_comes_back_when_the_kiosk_does(
    server: Server,
    app: FastAPI,
    config: WebConfig,
    keys: Any,
    kiosk: Any,
    open_page: Any,
    note_event: Any,
) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["view"])
    expect(page.locator("#stage-note")).to_be_hidden()
    port = server.port
    server.stop()
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#stage-note")).to_contain_text("Trying again")
    kiosk.events.add(note_event("MEANWHILE1"))
    again = Server(app, config.model_copy(update={"port": port}))
    again.start()
    try:
        expect(page.locator("#offline")).to_be_hidden()
        expect(page.locator("#stage-note")).to_be_hidden()
        expect(page.locator("#events li").first).to_contain_text("MEANWHILE1")
    finally:
        again.stop()


def test_a_restarted_kiosk_asks_for_the_login_again(
    server: Server, kiosk: Any, config: WebConfig, keys: Any, open_page: Any
) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["view"])
    port = server.port
    server.stop()
    config = config.model_copy(update={"port": port})
    again = Server(create_app(kiosk, config, keys.store), config)
    again.start()
    try:
        expect(page.locator("#problem")).to_contain_text("log in again")
        log_in(page, keys.tokens["view"])
        expect(page.locator("#stage-note")).to_be_hidden()
    finally:
        again.stop()


def test_a_camera_that_is_away_is_told_in_words(
    server: Server, keys: Any, kiosk: Any, open_page: Any
) -> None:
    page = open_page(server)
    log_in(page, keys.tokens["view"])
    expect(page.locator("#stage-note")).to_be_hidden()
    kiosk.still.add("front")
    kiosk.states["front"] = "backoff"
    expect(page.locator("#stage-note")).to_contain_text("Camera is away")
    page.locator("nav [data-view=health]").click()
    expect(page.locator("#cameras li").first).to_contain_text("trying again")
    kiosk.still.clear()
    page.locator("nav [data-view=live]").click()
    expect(page.locator("#stage-note")).to_be_hidden()


def test_names_in_the_picture_are_for_operators(
    server: Server, keys: Any, kiosk: Any, open_page: Any
) -> None:
    from edgecnn_device.kiosk.ports import SeenFace

    kiosk.faces = (SeenFace((10, 10, 60, 60), "Ann", ""),)
    page = open_page(server)
    frames: list[str] = []
    page.on(
        "websocket",
        lambda s: s.on("framereceived", lambda d: frames.append(d) if isinstance(d, str) else None),
    )
    log_in(page, keys.tokens["view"])
    deadline = time.monotonic() + 20
    while not any('"frame"' in f for f in frames) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert any('"recognized":true' in f for f in frames) and not any("Ann" in f for f in frames)
