"""Counts failed attempts: a delay after five, a stop at fifty (NIST SP 800-63B-4, 3.2.3)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgecnn.errors import GalleryError, LockedError
from edgecnn_device.database import Database
from edgecnn_device.gallery.audit import Audit
from edgecnn_device.gallery.person import checked_name
from edgecnn_device.gallery.sealing import blind

FREE_FAILURES = 5
"""So many in a row are not delayed."""
DELAY_S = 30.0
"""Between two attempts after that."""
MOST_FAILURES = 50
"""Then an administrator has to reset the count; 100 would be allowed with presentation-attack
detection, which there is not."""


@dataclass(frozen=True)
class Clock:
    """Time that nobody can set, good within one boot of the machine."""

    boot: str
    """Changes with every boot."""
    seconds: Callable[[], float]
    """Since some moment of this boot; the same in every process."""


def system_clock() -> Clock:
    """Return the clock of this boot; where the system does not name it, of this process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = uuid.uuid4().hex
    return Clock(boot, time.monotonic)


@dataclass(frozen=True)
class _Failures:
    count: int = 0
    boot: str = ""
    at: float = 0.0

    def wait_s(self, clock: Clock) -> float:
        """Return how long to wait.

        A count from before a restart waits in full from now: the time of day might have been set.
        """
        if self.count < FREE_FAILURES:
            return 0.0
        passed = clock.seconds() - self.at if self.boot == clock.boot else 0.0
        return max(0.0, DELAY_S - max(0.0, passed))


class FailureCounter:
    """Failures in a row per person and per terminal, kept in the gallery by a keyed hash.

    An attempt counts as failed from the moment it begins: neither several at once nor a process
    killed before the result get more tries than they should.
    """

    def __init__(
        self, database: Database, audit: Audit, key: bytes, clock: Clock | None = None
    ) -> None:
        self._database, self._audit, self._key = database, audit, key
        self._clock = clock or system_clock()

    def attempt(self, person: str | None = None, terminal: str | None = None) -> None:
        """Begin an attempt, before anything is compared.

        Args:
            person: who one claims to be; None for identification.
            terminal: where it happens; None where there is only one.

        Raises:
            LockedError: not yet, or not before an administrator resets the count.
            GalleryError: the count cannot be written; nothing may be compared then.
        """
        subjects = self._subjects(person, terminal)
        with self._database.transaction():
            before = [self._read(subject) for subject in subjects]
            wait = max(failures.wait_s(self._clock) for failures in before)
            stopped = any(failures.count >= MOST_FAILURES for failures in before)
            refused = stopped or wait > 0
            for subject, failures in zip(subjects, before, strict=True):
                if not refused:
                    self._write(subject, failures.count + 1)
                elif failures.count and failures.boot != self._clock.boot:
                    self._write(subject, failures.count)  # the delay counts from now
            if not refused and any(f.count + 1 == MOST_FAILURES for f in before):
                self._audit.write("lock")
        if stopped:
            raise LockedError(
                f"{MOST_FAILURES} attempts failed in a row: an administrator must reset the count"
            )
        if refused:
            raise LockedError(f"too many attempts failed: wait {wait:.0f} s", wait)

    def succeeded(self, person: str | None = None, terminal: str | None = None) -> None:
        """End an attempt that did not fail: the count begins anew."""
        with self._database.transaction():
            self._forget(person, terminal)

    def reset(self, person: str | None = None, terminal: str | None = None) -> None:
        """Let a person or a terminal try again, by an administrator's order."""
        with self._database.transaction():
            self._forget(person, terminal)
            self._audit.write("reset")

    def count(self, person: str | None = None, terminal: str | None = None) -> int:
        """Return the failures in a row; of the worse where both are given."""
        return max(self._read(s).count for s in self._subjects(person, terminal))

    def _forget(self, person: str | None, terminal: str | None) -> None:
        for subject in self._subjects(person, terminal):
            self._database.rows("DELETE FROM failures WHERE subject = ?", subject)

    def _subjects(self, person: str | None, terminal: str | None) -> list[bytes]:
        named = (("person", person), ("terminal", terminal))
        found = [
            blind(self._key, f"failed {k}", checked_name(n)) for k, n in named if n is not None
        ]
        if not found:
            raise GalleryError("failures are counted per person or terminal: name at least one")
        return found

    def _read(self, subject: bytes) -> _Failures:
        sql = "SELECT count, boot, at FROM failures WHERE subject = ?"
        found = self._database.first(sql, subject)
        return _Failures(*found) if found else _Failures()

    def _write(self, subject: bytes, count: int) -> None:
        self._database.rows(
            "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)",
            subject, count, self._clock.boot, self._clock.seconds(),
        )  # fmt: skip
