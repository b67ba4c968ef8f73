"""One key per person, wrapped by the master key, in a file apart from the gallery.

Who deletes a key makes every copy of that person's templates unreadable, in backups too; so this
file must itself stay out of backups. It is SQLite with a rollback journal and not a WAL: once a
deletion is committed, the key stands in no file, and nothing has to be checkpointed first.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edgecnn.errors import GalleryError
from edgecnn_device.database import Database, Schema, open_database
from edgecnn_device.gallery.sealing import KEY_BYTES, seal, unseal

_SCHEMA = Schema(
    what="keystore",
    application_id=0x65646B73,  # "edks"
    migrations=(
        (
            "CREATE TABLE keystore (one INTEGER PRIMARY KEY CHECK (one = 1), "
            "gallery BLOB NOT NULL, lookup_key BLOB NOT NULL) STRICT",
            "CREATE TABLE keys (person BLOB PRIMARY KEY, wrapped BLOB NOT NULL) "
            "STRICT, WITHOUT ROWID",
        ),
    ),
    journal="delete",
    # "full" may lose the removal of the journal to a power cut, and bring a deleted key back.
    synchronous="extra",
    error=GalleryError,
)


class Keystore:
    """The keys of one gallery; `Keystore.open`."""

    def __init__(self, database: Database, master: AESGCM) -> None:
        self._database, self._master = database, master
        found = database.first("SELECT gallery, lookup_key FROM keystore")
        if found is None:
            raise GalleryError(f"{database.path}: the keystore was never finished: create it")
        self.gallery: bytes = found[0]
        """The random id that keystore and gallery share."""
        self._wrapped_lookup_key: bytes = found[1]
        try:
            self.lookup_key = unseal(master, found[1], _about_lookup(found[0]))
            """Blinds the names by which people are found."""
        except InvalidTag as error:
            raise GalleryError(
                f"{database.path}: the master key does not open this keystore: give the key it was "
                "made with; nothing was changed"
            ) from error

    @classmethod
    def open(cls, path: Path, master_key: bytes, create: bool = False) -> Keystore:
        """Open a keystore, or make one.

        Raises:
            GalleryError: it is missing, is something else, or ``master_key`` is not its own.
        """
        master = AESGCM(master_key)
        database = open_database(path, _SCHEMA, create)
        try:
            if create:
                _begin(database, master)
            return cls(database, master)
        except BaseException:
            database.close()
            raise

    def new(self, person: bytes) -> bytes:
        """Make a person's key and return it; it is on the disk when this returns."""
        key = os.urandom(KEY_BYTES)
        wrapped = seal(self._master, key, self._about(person))
        with self._database.transaction():
            self._check_master()
            self._database.rows("INSERT INTO keys VALUES (?, ?)", person, wrapped)
        return key

    def get(self, person: bytes) -> bytes | None:
        """Return a person's key; None where it was deleted.

        Raises:
            InvalidTag: the wrapped key is damaged.
            GalleryError: the master key was changed meanwhile.
        """
        found = self._database.first("SELECT wrapped FROM keys WHERE person = ?", person)
        if found is None:
            return None
        try:
            return unseal(self._master, found[0], self._about(person))
        except InvalidTag:
            self._check_master()
            raise

    def remove(self, person: bytes) -> None:
        """Delete a person's key; it is gone from the file when this returns."""
        with self._database.transaction():
            self._database.rows("DELETE FROM keys WHERE person = ?", person)

    def rewrap(self, master_key: bytes) -> int:
        """Wrap every key with another master key, all or none; returns how many there are.

        Raises:
            GalleryError: a key is damaged, which the old master key must stay for.
        """
        master = AESGCM(master_key)
        with self._database.transaction():
            self._check_master()
            keys = self._database.rows("SELECT person, wrapped FROM keys")
            for person, wrapped in keys:
                about = self._about(person)
                try:
                    again = seal(master, unseal(self._master, wrapped, about), about)
                except InvalidTag as error:
                    raise GalleryError(
                        f"{self._database.path}: the key of person {person.hex()} is damaged: "
                        "delete them first; nothing was changed"
                    ) from error
                sql = "UPDATE keys SET wrapped = ? WHERE person = ?"
                self._database.rows(sql, again, person)
            lookup = seal(master, self.lookup_key, _about_lookup(self.gallery))
            self._database.rows("UPDATE keystore SET lookup_key = ?", lookup)
        self._master, self._wrapped_lookup_key = master, lookup
        return len(keys)

    def reading(self) -> AbstractContextManager[None]:
        """Hold one read transaction over many `get`: each alone would lock the file anew."""
        return self._database.transaction(write=False)

    def wait_for_others(self, seconds: float) -> None:
        """Wait so long at most for another process that writes."""
        self._database.rows(f"PRAGMA busy_timeout = {round(1000 * seconds)}")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _about(self, person: bytes) -> bytes:
        return b"edgecnn key 1\0" + self.gallery + person

    def _check_master(self) -> None:
        found = self._database.first("SELECT lookup_key FROM keystore")
        if found is None or found[0] != self._wrapped_lookup_key:
            raise GalleryError(
                f"{self._database.path}: the master key was changed meanwhile: open it again"
            )


def change_master_key(path: Path, old: bytes, new: bytes) -> int:
    """Wrap all keys of a keystore with another master key; returns how many people have one.

    It is one transaction. Keep the old key until this has returned, and destroy it then: with it
    and an old copy of the keystore, people deleted since could be read.

    Raises:
        GalleryError: the keystore cannot be used, or ``old`` is not its master key.
    """
    keystore = Keystore.open(path, old)
    try:
        return keystore.rewrap(new)
    finally:
        keystore.close()


def _begin(database: Database, master: AESGCM) -> None:
    """Give a new keystore its id; one that has it stays as it is."""
    if database.first("SELECT 1 FROM keystore"):
        return
    gallery = os.urandom(16)
    lookup = seal(master, os.urandom(KEY_BYTES), _about_lookup(gallery))
    with database.transaction():
        database.rows("INSERT OR IGNORE INTO keystore VALUES (1, ?, ?)", gallery, lookup)


def _about_lookup(gallery: bytes) -> bytes:
    return b"edgecnn lookup key 1\0" + gallery
