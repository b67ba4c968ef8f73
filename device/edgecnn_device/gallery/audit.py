"""The log of who did what when. It grows only; who is concerned stands there as a number."""

from __future__ import annotations

import getpass
import os
import time
from datetime import datetime, timezone

from edgecnn_device.database import Database


class Audit:
    """Writes and reads the log.

    Args:
        database: of the gallery; `write` belongs into a transaction of it.
        actor: who acts.
    """

    def __init__(self, database: Database, actor: str | None) -> None:
        self._database, self._actor = database, actor or _account()

    def write(self, action: str, person: int | None = None) -> None:
        """Add a line."""
        self._database.rows(
            "INSERT INTO audit (at, actor, action, person) VALUES (?, ?, ?, ?)",
            int(time.time()), self._actor, action, person,
        )  # fmt: skip

    def lines(self, person: int | None = None) -> list[tuple[str, str, str, int | None]]:
        """Return time, actor, action and person's number, oldest first; of one person or all."""
        rows = self._database.rows(
            "SELECT at, actor, action, person FROM audit WHERE ?1 IS NULL OR person = ?1 "
            "ORDER BY id", person,
        )  # fmt: skip
        return [(iso(at), actor, action, number) for at, actor, action, number in rows]


def iso(seconds: int) -> str:
    """Return Unix time as UTC, ISO 8601."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        return f"uid {os.getuid()}"
