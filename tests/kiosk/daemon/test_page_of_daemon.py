"""A browser on the page of the whole daemon: notes become events, and a drawn head is enrolled."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import expect, sync_playwright

SHOTS = Path(__file__).parents[3] / "build" / "kiosk-page"
WAIT_MS = 60_000


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Runs `edgecnn kiosk demo`; address and token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edgecnn", "kiosk", "demo", "--folder", str(tmp_path / "demo"),
         "--port", "0", "--seconds", "300"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    found: dict[str, str] = {}
    deadline = time.monotonic() + 120
    while len(found) < 2 and time.monotonic() < deadline:
        line = process.stdout.readline()
        if match := re.match(r"(page|token): (\S+)", line):
            found[match[1]] = match[2]
    yield found["page"], found["token"]
    process.terminate()
    assert process.wait(20) == 0
    process.stdout.close()


@pytest.fixture
def page() -> Iterator[Any]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium: apt install chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, locale="en-GB")
        page.set_default_timeout(WAIT_MS)
        yield page
        browser.close()


def test_notes_and_heads_on_the_page(demo: tuple[str, str], page: Any) -> None:
    expect.set_options(timeout=WAIT_MS)
    address, token = demo
    page.goto(address)
    page.locator("#token").fill("ek_wrong")
    page.locator("#token").press("Enter")
    expect(page.locator("#view-live")).to_be_hidden()
    page.locator("#token").fill(token)
    page.locator("#token").press("Enter")
    expect(page.locator("#view-live")).to_be_visible()
    page.locator("#camera").select_option("notes")
    expect(page.locator("#events li").filter(has_text=re.compile(r"\d{5}")).first).to_be_visible()
    expect(page.locator("#serial")).to_have_text(re.compile(r"\d{5}"))
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "daemon.png")
    page.locator("#camera").select_option("heads")
    page.locator("#nav-people").click()
    page.locator("#enrol-name").fill("drawn head")
    page.locator("#consent").check()
    page.locator("#enrol-live").click()
    expect(page.locator("#enrolled")).to_contain_text("drawn head")
    page.locator("#identify").click()
    expect(page.locator("#answer")).not_to_be_empty()
    page.screenshot(path=SHOTS / "daemon-people.png")
