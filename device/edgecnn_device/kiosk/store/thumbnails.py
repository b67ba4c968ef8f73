"""Pictures of notes, kept beside the events; losing one never costs an event."""

from __future__ import annotations

import logging
from collections.abc import Collection

from edgecnn.errors import StorageError
from edgecnn_device.kiosk.events import Event
from edgecnn_device.kiosk.store.connections import Connections

_log = logging.getLogger(__name__)


class Thumbnails:
    """Writes, reads and deletes pictures by the id of their event."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.lost = 0
        """Pictures that could not be written."""

    def put(self, event: Event, jpeg: bytes) -> bool:
        """Keep a picture; returns whether it is."""
        try:
            with self._connections.pictures() as database:
                database.rows(
                    "INSERT OR REPLACE INTO thumbnails (id, kind, at, synchronized, jpeg) "
                    "VALUES (?, ?, ?, ?, ?)",
                    event.id, event.kind, float(event.at), int(event.synchronized), jpeg,
                )  # fmt: skip
        except StorageError as error:
            if not self.lost:
                _log.warning("a picture was not kept, and more may follow: %s", error)
            self.lost += 1
            return False
        return True

    def get(self, id: str) -> bytes | None:
        """Return the JPEG of an event."""
        with self._connections.pictures() as database:
            found = database.first("SELECT jpeg FROM thumbnails WHERE id = ?", id)
        return bytes(found[0]) if found else None

    def among(self, ids: Collection[str]) -> frozenset[str]:
        """Return which of these events have a picture."""
        if not ids:
            return frozenset()
        marks = ", ".join("?" * len(ids))
        with self._connections.pictures() as database:
            rows = database.rows(f"SELECT id FROM thumbnails WHERE id IN ({marks})", *ids)
        return frozenset(row[0] for row in rows)

    def remove(self, ids: Collection[str]) -> None:
        """Delete the pictures of events that go."""
        if ids:
            marks = ", ".join("?" * len(ids))
            with self._connections.pictures() as database:
                database.rows(f"DELETE FROM thumbnails WHERE id IN ({marks})", *ids)

    def remove_oldest(self, most: int) -> int:
        """Delete the oldest pictures; returns how many went."""
        with self._connections.pictures() as database:
            return len(database.rows(
                "DELETE FROM thumbnails WHERE sequence IN "
                "(SELECT sequence FROM thumbnails ORDER BY sequence LIMIT ?) RETURNING 1", most,
            ))  # fmt: skip
