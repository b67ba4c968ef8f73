"""The quota: how much the events may take, and what must be left free on the disk."""

from __future__ import annotations

import os

from edgecnn.errors import StorageError
from edgecnn_device.database import Database
from edgecnn_device.kiosk.config import StorageConfig
from edgecnn_device.kiosk.store.connections import Connections
from edgecnn_device.kiosk.store.retention import BATCH, remove_delivered
from edgecnn_device.kiosk.store.thumbnails import Thumbnails

_MB = 1_000_000
_STEP_PAGES = 256  # 1 MB
_SPARE_PAGES = 256
"""Free pages are kept for the next events up to 1 MB, or a tenth of the file."""


class Room:
    """Keeps the files within their quota, step by step.

    Over it the oldest pictures go first, then the oldest events that no target owes. Where nothing
    may go any more, no event is accepted until a target took some: what is owed is not deleted.
    Where others fill the disk, the pictures go, and no event is accepted until there is room: who
    fills it must not be able to erase what was seen.
    """

    def __init__(
        self, connections: Connections, thumbnails: Thumbnails, config: StorageConfig
    ) -> None:
        self._connections, self._thumbnails = connections, thumbnails
        self.config = config
        self._exhausted = False
        self.removed = 0
        """Delivered events that went for room."""

    def demand(self) -> None:
        """Raise where an event must not be written.

        Raises:
            StorageError: too little is free on the disk, or the quota is used up by events that
                are owed.
        """
        if self._scarce():
            raise StorageError(
                f"{self._connections.folder}: less than {self.config.free_mb} MB are free on the "
                "disk: make room there", "full",
            )  # fmt: skip
        if self._exhausted:
            raise StorageError(
                f"{self._connections.folder}: the quota of {self.config.quota_mb} MB is full of "
                "events that are not delivered yet: mend the target, or raise the quota", "full",
            )  # fmt: skip

    def step(self) -> bool:
        """Do a bounded part of what is needed; returns whether there is more to do."""
        over = self.over() and self._over_without_journals()
        if self._shrink(always=over):
            return True
        if not over:
            self._exhausted = False
            return False
        if self._thumbnails.remove_oldest(BATCH):
            return True
        if self._connections.bytes() <= self._quota:
            # Others fill the disk: no acknowledged event goes for them, new ones wait.
            self._exhausted = False
            return False
        with self._connections.lazy() as database:
            removed = remove_delivered(database)
        self._thumbnails.remove(removed.ids)
        self.removed += len(removed.ids)
        self._exhausted = not removed.ids
        return bool(removed.ids)

    @property
    def _quota(self) -> int:
        return self.config.quota_mb * _MB

    def over(self) -> bool:
        """Return whether something must go."""
        return self._connections.bytes() > self._quota or self._scarce()

    def _over_without_journals(self) -> bool:
        """Return the same once the journals are moved into their files, before anything goes."""
        for borrowed in (self._connections.pictures(), self._connections.lazy()):
            with borrowed as database:
                checkpoint(database)
        return self.over()

    def _scarce(self) -> bool:
        try:
            found = os.statvfs(self._connections.folder)
        except OSError as error:
            raise StorageError(
                f"{self._connections.folder}: cannot be looked at: {error.strerror}"
            ) from error
        return found.f_bavail * found.f_frsize < self.config.free_mb * _MB

    def _shrink(self, always: bool) -> bool:
        """Give free pages back to the disk; returns whether any were."""
        with self._connections.pictures() as database:
            pictures = _shrink(database, always)
        with self._connections.lazy() as database:
            return _shrink(database, always) or pictures


def _shrink(database: Database, always: bool) -> bool:
    free, pages = (int(database.rows(f"PRAGMA {name}")[0][0])
                   for name in ("freelist_count", "page_count"))  # fmt: skip
    if free <= (0 if always else max(_SPARE_PAGES, pages // 10)):
        return False
    database.shrink(_STEP_PAGES)
    checkpoint(database)
    return True


def checkpoint(database: Database) -> None:
    """Move the journal into the file and empty it: what was deleted is still readable there."""
    database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
