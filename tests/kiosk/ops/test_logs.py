"""One record is one line, for programs and for people, and nothing escapes the handler."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys

import pytest

from edgecnn_device.kiosk.ops.logs import JsonFormatter, TextFormatter
from edgecnn_device.kiosk.ops.redact import RedactingFilter, Redactor
from edgecnn_device.kiosk.ops.repeats import Repeats

NASTY = "a\nb\x1b[31mc\u2028d\x85e\ud800"


def _line(formatter: logging.Formatter, message: str, **given: object) -> str:
    record = logging.makeLogRecord({"msg": message, "levelno": 30, "levelname": "WARNING", **given})
    RedactingFilter(Redactor()).filter(record)
    return formatter.format(record)


def test_json_holds_what_was_given() -> None:
    line = json.loads(_line(JsonFormatter(), "gone", camera="door", count=3, other=object()))
    assert line.pop("thread") == "MainThread"
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning", "logger": None, "message": "gone", "camera": "door",
        "count": 3,
    }  # fmt: skip


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_no_message_breaks_its_line_or_the_terminal(formatter: logging.Formatter) -> None:
    line = _line(formatter, NASTY)
    line.encode()
    assert line.splitlines() == [line]
    assert "\x1b" not in line


def test_json_keeps_what_it_escapes() -> None:
    assert json.loads(_line(JsonFormatter(), NASTY))["message"] == NASTY


def test_a_message_without_an_end_is_cut() -> None:
    assert len(_line(JsonFormatter(), "x" * 1_000_000)) < 20_000


@pytest.mark.parametrize(("level", "priority"), [(10, 7), (20, 6), (30, 4), (40, 3), (50, 2)])
def test_a_journal_gets_its_priority(level: int, priority: int) -> None:
    assert _line(JsonFormatter(True), "x", levelno=level).startswith(f"<{priority}>{{")


UNCAUGHT = """
import logging, sys, threading, warnings
from edgecnn_device.kiosk.ops.logs import set_up_logging
set_up_logging("json", "warning", secrets=("correct horse",))
logging.getLogger("x").info("not shown")
warnings.warn("correct horse")
thread = threading.Thread(target=lambda: 1 / 0 or "correct horse", name="reader")
thread.start(); thread.join()
def fail(): raise ValueError("rtsp://u:Hunter2@h, correct horse")
threading.Thread(target=fail).start()
raise ValueError("rtsp://u:Hunter2@h, correct horse")
"""


def test_uncaught_exceptions_of_every_thread_are_redacted_lines() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", UNCAUGHT], capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert [x["level"] for x in lines] == ["warning", "critical", "critical", "critical"]
    assert "reader ended: ZeroDivisionError" in lines[1]["message"]
    assert "Traceback" in lines[3]["exception"]
    # Python itself shows the source line of a traceback; it is redacted like everything else.
    assert "horse" not in done.stderr and "Hunter2" not in done.stderr


def _repeats() -> tuple[Repeats, io.StringIO]:
    stream = io.StringIO()
    logger = logging.Logger("own")
    logger.addHandler(logging.StreamHandler(stream))
    return Repeats(logger), stream


def test_what_fails_again_is_told_at_each_doubling() -> None:
    repeats, stream = _repeats()
    told = [n for n in range(1, 101) if repeats.failed("door", "door: no frame")]
    assert told == [1, 2, 4, 8, 16, 32, 64]
    assert stream.getvalue().splitlines()[-1] == "door: no frame (64 times in a row)"
    assert repeats.recovered("door", "door: live again")
    assert stream.getvalue().splitlines()[-1] == "door: live again (after 100 failures)"
    assert not repeats.recovered("door", "door: live again")
    assert repeats.failed("door", "door: no frame")


def test_each_key_counts_by_itself_and_few_are_remembered() -> None:
    repeats, _ = _repeats()
    assert all(repeats.failed(f"camera {n}", "gone") for n in range(1000))
    assert len(repeats._counts) == 256
