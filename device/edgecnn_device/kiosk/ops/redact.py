"""Keeps secrets out of every log record, exception texts included."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "***"
_LEAST = 4
"""Characters of a secret; a shorter one would hide half of every line."""
_MOST = 2048
"""Characters that a pattern looks ahead, so that a long line costs no more than its length."""
_KEYS = (
    "access_token|api_?key|auth|credentials?|csrf|key|passwd|password|pass|pwd|secret|session|"
    "sig|signature|token"
)
_PATTERNS = (
    # user:password@ in any address, up to the last @ of the word: passwords have @ and / in them.
    (re.compile(rf"://\S{{0,{_MOST}}}@"), f"://{HIDDEN}@"),
    (re.compile(rf"(?i)([?&;](?:{_KEYS})=)[^&\s#]+"), rf"\1{HIDDEN}"),
    # A token of edgecnn kiosk token, in a form or on a command line.
    (re.compile(r"\b(ek_[0-9a-f]{1,16}_)[\w-]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer\s+)\S+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:proxy-)?authorization\W{1,8}(?:\w{1,20}\s+)?)\S+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b((?:set-)?cookie['\"]?\s*[:=,]\s*).+"), rf"\1{HIDDEN}"),
)


class Redactor:
    """Hides credentials in addresses, tokens, cookies, and the secrets it was given."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Take other secrets, in place of the ones before; any thread may call it."""
        forms = {form for secret in secrets if len(secret) >= _LEAST for form in _forms(secret)}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """Return the text without what must not be in it."""
        secrets = self._secrets
        if secrets is not None:
            text = secrets.sub(HIDDEN, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text


class RedactingFilter(logging.Filter):
    """Redacts a record before any formatter sees it; for handlers, which see every logger's."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor
        self._formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact in place; every record passes."""
        redactor = self._redactor
        record.msg, record.args = redactor(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        record.exc_info = None  # a formatter that looked there would print it again, unredacted
        if record.exc_text:
            record.exc_text = redactor(record.exc_text)
        if record.stack_info:
            record.stack_info = redactor(record.stack_info)
        for name, value in extras(record).items():
            if isinstance(value, str):
                setattr(record, name, redactor(value))
        return True


def extras(record: logging.LogRecord) -> dict[str, object]:
    """Return the texts, numbers and truth values that a caller gave as `extra`."""
    return {
        name: value for name, value in vars(record).items()
        if name not in _OWN and isinstance(value, str | int | float | bool | None)
    }  # fmt: skip


_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "message", "taskName"}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # arguments that do not fit: a log line never stops the daemon
        return f"{record.msg!s} (its arguments do not fit: {type(error).__name__})"


def _forms(secret: str) -> set[str]:
    """Return how a secret is written in addresses, in Python's and in JSON's quotes."""
    return {
        secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1],
        json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1],
    }  # fmt: skip
