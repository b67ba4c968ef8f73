"""The table of people: found by a blinded name, removed so that no half of them stays."""

from __future__ import annotations

import os
from dataclasses import dataclass

from edgecnn.errors import GalleryError
from edgecnn_device.database import Database
from edgecnn_device.gallery.audit import Audit
from edgecnn_device.gallery.keystore import Keystore
from edgecnn_device.gallery.person import PersonCipher
from edgecnn_device.gallery.rows import OpenedPerson, is_leaving, leaving_mark, open_person
from edgecnn_device.gallery.sealing import blind


@dataclass(frozen=True)
class PersonRow:
    """A row of people, as it stands in the file."""

    number: int
    uid: bytes
    lookup: bytes
    name: bytes
    """Sealed."""
    leaving: bytes | None
    """A mark of the keystore where the person is being deleted."""


_COLUMNS = "id, uid, lookup, name, leaving"


class People:
    """Enrols and removes people in gallery and keystore together."""

    def __init__(self, database: Database, keystore: Keystore, audit: Audit) -> None:
        self._database, self._keystore, self._audit = database, keystore, audit

    def find(self, name: str) -> PersonRow | None:
        """Return who has a name, if anybody."""
        lookup = self._blind(name)
        sql = f"SELECT {_COLUMNS} FROM people WHERE lookup = ?"
        found = self._database.first(sql, lookup)
        return PersonRow(*found) if found else None

    def row(self, number: int) -> PersonRow | None:
        """Return the person of a number, if there is one."""
        found = self._database.first(f"SELECT {_COLUMNS} FROM people WHERE id = ?", number)
        return PersonRow(*found) if found else None

    def opened(self, row: PersonRow) -> OpenedPerson:
        """Open a row with its key."""
        return open_person(self._keystore, row.uid, row.lookup, row.name)

    def name(self, number: int) -> str | None:
        """Return a name; None where the person is gone or cannot be read."""
        row = self.row(number)
        return self.opened(row).name if row else None

    def for_enrolment(self, name: str) -> tuple[int, PersonCipher]:
        """Return number and cipher of a person, new or not; within a write transaction.

        The key of somebody new is on the disk when this returns, before any row of theirs.

        Raises:
            GalleryError: they are enrolled, but their key does not open.
        """
        row = self.find(name)
        if row and self._is_leaving(row):
            self._keystore.remove(row.uid)
            self._purge(row)
            row = None
        if row is None:
            return self._add(name)
        person = self.opened(row)
        if person.cipher is None:
            raise GalleryError(f"{name} is enrolled, but {person.reason}: delete them first")
        return row.number, person.cipher

    def remove(self, row: PersonRow) -> None:
        """Delete a person: mark, remove the key, remove the rows, empty the WAL.

        Who is marked is deleted even if the process dies here: `finish_removals`.

        Raises:
            GalleryError: it could not be done, or another process held the WAL.
        """
        with self._database.transaction():
            mark = leaving_mark(self._keystore, row.uid)
            self._database.rows("UPDATE people SET leaving = ? WHERE id = ?", mark, row.number)
        self._finish(row)

    def finish_removals(self) -> None:
        """Delete whom a process that died was deleting."""
        sql = f"SELECT {_COLUMNS} FROM people WHERE leaving IS NOT NULL"
        for row in [PersonRow(*found) for found in self._database.rows(sql)]:
            if self._is_leaving(row):
                self._finish(row)

    def _finish(self, row: PersonRow) -> None:
        self._keystore.remove(row.uid)
        with self._database.transaction():
            self._purge(row)
        busy = self._database.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        if busy:
            raise GalleryError(
                f"{self._database.path}: the person is deleted and their key is gone, but a "
                "process that reads keeps old pages in the WAL: they go when it closes"
            )

    def _purge(self, row: PersonRow) -> None:
        if self.row(row.number) is None:  # another process was faster
            return
        self._database.rows("DELETE FROM templates WHERE person = ?", row.number)
        self._database.rows("DELETE FROM people WHERE id = ?", row.number)
        # Another model may follow only where no template is left.
        self._database.rows("DELETE FROM models WHERE NOT EXISTS (SELECT 1 FROM templates)")
        self._audit.write("delete", row.number)

    def _add(self, name: str) -> tuple[int, PersonCipher]:
        uid, lookup = os.urandom(16), self._blind(name)
        cipher = PersonCipher(uid, lookup, self._keystore.new(uid))
        found = self._database.rows(
            "INSERT INTO people (uid, lookup, name) VALUES (?, ?, ?) RETURNING id",
            uid, lookup, cipher.seal_name(name),
        )  # fmt: skip
        return int(found[0][0]), cipher

    def _is_leaving(self, row: PersonRow) -> bool:
        return is_leaving(self._keystore, row.uid, row.leaving)

    def _blind(self, name: str) -> bytes:
        return blind(self._keystore.lookup_key, "person", name)
