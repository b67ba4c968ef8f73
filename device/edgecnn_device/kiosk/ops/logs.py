"""Logs: JSON lines for a journal or a container, a line for people on a terminal."""

from __future__ import annotations

import datetime
import faulthandler
import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, TextIO, TypeAlias

from edgecnn_device.kiosk.ops.redact import RedactingFilter, Redactor, extras

LogFormat: TypeAlias = Literal["auto", "json", "text"]
_MOST = 16_384
"""Characters of a message; longer ones are cut."""
_PRIORITY = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""Syslog's, for the journal: sd-daemon(3)."""
_LOG = logging.getLogger(__name__)


def set_up_logging(
    form: LogFormat = "auto", level: str = "info", stream: TextIO = sys.stderr,
    secrets: tuple[str, ...] = (),
) -> Redactor:  # fmt: skip
    """Send all logs of the process to a stream, redacted; uncaught exceptions too.

    Args:
        form: auto is text on a terminal, else JSON.
        level: debug, info, warning or error.
        stream: where to.
        secrets: to hide wherever they stand.

    Returns:
        What hides; `Redactor.hide` gives it the secrets of another configuration.
    """
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter(redactor))
    text = form == "text" or (form == "auto" and stream.isatty())
    handler.setFormatter(TextFormatter() if text else JsonFormatter(journal=_is_journal(stream)))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk behind stderr must not add its own tracebacks
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    if not faulthandler.is_enabled() and stream is sys.stderr:
        # Where the threads stood when the watchdog's SIGABRT or a crash in a runtime came.
        faulthandler.enable(stream)
    return redactor


class JsonFormatter(logging.Formatter):
    """One object on one line: time, level, logger, thread, message, and what the caller gave."""

    def __init__(self, journal: bool = False) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; for a journal its priority stands before."""
        line: dict[str, object] = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": _cut(record.getMessage()),
        }
        line |= extras(record)
        if record.exc_text:
            line["exception"] = _cut(record.exc_text)
        text = json.dumps(line, ensure_ascii=False).translate(_UNSEEN)
        return f"<{_priority(record)}>{text}" if self._journal else text


class TextFormatter(logging.Formatter):
    """A line for people; control characters of what a camera or client sent are made visible."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it, indented."""
        given = "".join(f" {name}={value}" for name, value in extras(record).items())
        head = f"{_time(record).astimezone():%H:%M:%S} {record.levelname.lower():7} "
        text = head + _cut(record.getMessage() + given).translate(_CONTROL)
        if record.exc_text:
            text += "\n    " + _cut(record.exc_text).replace("\n", "\n    ").translate(_UNSEEN)
        return text


_UNSEEN: Mapping[int, str] = {
    code: rf"\u{code:04x}"
    for code in (*range(10), *range(11, 32), *range(127, 160), 0x2028, 0x2029,
                 *range(0xD800, 0xE000))
}  # fmt: skip
"""Everything but the line end that moves a terminal, ends a line, or is half a character."""
_CONTROL: Mapping[int, str] = {**_UNSEEN, 10: r"\n"}


def _time(record: logging.LogRecord) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)


def _priority(record: logging.LogRecord) -> int:
    return next((number for level, number in _PRIORITY if record.levelno >= level), 7)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[:_MOST]}... ({len(text)} characters)"


def _is_journal(stream: TextIO) -> bool:
    """Tell whether a stream goes to the journal: systemd.exec(5), $JOURNAL_STREAM."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _LOG.critical("this should not happen: %s", kind.__name__, exc_info=(kind, error, trace))


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is None or issubclass(given.exc_type, SystemExit):
        return
    name = given.thread.name if given.thread else "a thread"
    about = (given.exc_type, given.exc_value, given.exc_traceback)
    _LOG.critical("%s ended: %s", name, given.exc_type.__name__, exc_info=about)
