"""No credential leaves through a log, whatever stands around it."""

from __future__ import annotations

import io
import json
import logging
import string
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn_device.kiosk.ops.logs import JsonFormatter, TextFormatter
from edgecnn_device.kiosk.ops.redact import RedactingFilter, Redactor

MARK = "Hunter2"
AROUND = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), max_size=30)
WORD = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="*"), max_size=30
)
SECRET = st.text(string.printable.replace("*", ""), min_size=4, max_size=40)


@pytest.fixture(params=[JsonFormatter(), JsonFormatter(journal=True), TextFormatter()])
def logged(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """What a logger of its own wrote; secrets are "correct horse" and a quoted one."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param)
    handler.addFilter(RedactingFilter(Redactor(("correct horse", 'quo"te\\d', "abc"))))
    logger = logging.getLogger("edgecnn.test")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream.getvalue
    logger.removeHandler(handler)


@given(AROUND, WORD, WORD, AROUND)
def test_a_password_in_an_address_is_hidden(before: str, user: str, rest: str, after: str) -> None:
    text = f"{before} rtsp://{user}:{MARK}{rest}@host/stream {after}"
    assert MARK not in Redactor()(text)


@given(AROUND, st.sampled_from(["password", "token", "PWD", "api_key", "key", "sig"]), WORD)
def test_a_password_in_a_query_is_hidden(before: str, key: str, rest: str) -> None:
    assert MARK not in Redactor()(f"{before}http://h/x?a=1&{key}={MARK}{quote(rest)}&b=2")


@given(AROUND, WORD, st.sampled_from(["Bearer ", "bearer  ", "authorization: Bearer ",
       "'Authorization': 'Basic ", "Authorization=Digest ", "Cookie: session="]))  # fmt: skip
def test_tokens_and_cookies_are_hidden(before: str, rest: str, kind: str) -> None:
    assert MARK not in Redactor()(f"{before} {kind}{MARK}{rest}")


@given(AROUND, SECRET, AROUND)
def test_a_configured_secret_is_hidden_in_every_form(before: str, secret: str, after: str) -> None:
    redactor = Redactor([secret])
    for form in (secret, quote(secret, safe=""), repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        if any(c.isalnum() for c in form):
            assert form not in redactor(before + form + after)


def test_what_holds_no_secret_stays_as_it_is() -> None:
    text = "camera door: rtsp://10.0.0.7:554/stream1?profile=2 gave no frame for 5.0 s"
    assert Redactor(["correct horse"])(text) == text


def test_other_secrets_take_the_place_of_the_first() -> None:
    redactor = Redactor(["first one"])
    redactor.hide(["second one"])
    assert redactor("first one, second one") == "first one, ***"


@pytest.mark.parametrize(
    "text", ["a://" * 20_000, "x" * 200_000, "?key" * 50_000, "bearer " * 30_000]
)
def test_a_long_line_costs_no_more_than_its_length(text: str) -> None:
    started = time.monotonic()
    Redactor(["correct horse"])(text)
    assert time.monotonic() - started < 60


def test_messages_arguments_and_extras_are_redacted(logged: Callable[[], str]) -> None:
    log = logging.getLogger("edgecnn.test")
    log.info("opens %s", "rtsp://u:Hunter2@h/x", extra={"source": "rtsp://u:Hunter2@h"})
    log.warning("the password is correct horse, or %r", 'quo"te\\d')
    log.info({"password": "correct horse"})
    assert not [w for w in (MARK, "horse", "te\\d", "te\\\\d") if w in logged()]
    assert logged().count("\n") == 3


def test_exceptions_their_causes_and_stacks_are_redacted(logged: Callable[[], str]) -> None:
    log = logging.getLogger("edgecnn.test")
    try:
        try:
            raise OSError("cannot open rtsp://u:Hunter2@h/x")
        except OSError as error:
            raise RuntimeError("correct horse") from error
    except RuntimeError:
        log.exception("failed", stack_info=True)
    assert "RuntimeError: ***" in logged() and "OSError: cannot open rtsp://***@h/x" in logged()
    assert MARK not in logged() and "horse" not in logged()


def test_arguments_that_do_not_fit_lose_no_line(logged: Callable[[], str]) -> None:
    wrong = "%d of %d"
    logging.getLogger("edgecnn.test").info(wrong, "correct horse")
    assert "do not fit" in logged() and "horse" not in logged()


def test_threads_may_log_while_secrets_change() -> None:
    redactor = Redactor(["correct horse"])
    ended = threading.Event()
    found: list[str] = []

    def change() -> None:
        while not ended.is_set():
            redactor.hide(["correct horse", "other one"])

    thread = threading.Thread(target=change)
    thread.start()
    found = [redactor("correct horse") for _ in range(2000)]
    ended.set()
    thread.join(30)
    assert set(found) == {"***"}
