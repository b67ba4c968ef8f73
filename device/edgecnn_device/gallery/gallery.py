"""The gallery: who is enrolled, sealed on the disk and as one matrix in memory.

Two files and a key. The gallery holds names and templates, sealed with a key per person. The
keystore holds those keys, wrapped by the master key. Enrolling writes the key first and deleting
removes it first: a process killed in between leaves a key of nobody, or rows that nobody can read
and that the next process clears away, but never a half of somebody.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import GalleryError
from edgecnn_device.database import Database, open_database
from edgecnn_device.gallery.audit import Audit
from edgecnn_device.gallery.export import export_person
from edgecnn_device.gallery.failures import FailureCounter
from edgecnn_device.gallery.identity import ModelIdentity
from edgecnn_device.gallery.keystore import Keystore
from edgecnn_device.gallery.master import read_master_key
from edgecnn_device.gallery.memory import Memory
from edgecnn_device.gallery.people import People, PersonRow
from edgecnn_device.gallery.person import checked_name, unit_vectors
from edgecnn_device.gallery.records import AuditEntry, Damaged, Match, Person, PersonExport
from edgecnn_device.gallery.schema import SCHEMA


class Gallery:
    """Enrols, compares and deletes; `Gallery.open`.

    Several processes may have it open: one at a time writes, the others go on reading, and take
    in what was written before their next comparison. An object serves one thread at a time.

    Args:
        database: of the gallery.
        keystore: its own.
        identity: of the embedder; None administers only, and compares nothing.
        actor: who acts, for the log; the account of the process by default.
    """

    def __init__(
        self,
        database: Database,
        keystore: Keystore,
        identity: ModelIdentity | None,
        actor: str | None = None,
    ) -> None:
        self._database, self._keystore = database, keystore
        self._audit = Audit(database, actor)
        self._people = People(database, keystore, self._audit)
        self._memory = Memory(database, keystore, identity) if identity else None
        self.failures = FailureCounter(database, self._audit, keystore.lookup_key)
        """Counts failed attempts per person and terminal."""
        if database.writable:
            self._people.finish_removals()
        self.refresh()

    @classmethod
    def open(
        cls,
        path: Path,
        keystore: Path,
        key_file: Path | None,
        identity: ModelIdentity | None,
        create: bool = False,
        actor: str | None = None,
    ) -> Gallery:
        """Open a gallery, or make one.

        Args:
            path: of the gallery.
            keystore: of its keys; keep it out of the backups that hold the gallery.
            key_file: with the master key; None takes the systemd credential. It is never made
                here: `create_master_key`.
            identity: of the embedder whose vectors come; None to list, export and delete only.
            create: make gallery and keystore where there is no gallery yet.
            actor: who acts, for the log; the account of the process by default.

        Raises:
            GalleryError: a file is missing, damaged, of a newer version or of another gallery,
                the master key is not its own, or the templates are of another model. All files
                are as they were.
        """
        master = read_master_key(key_file)
        new = create and not (path.exists() and path.stat().st_size)
        keys = Keystore.open(keystore, master, create=new)
        try:
            database = open_database(path, SCHEMA, create)
            try:
                _check_pair(database, keys, create, actor)
                return cls(database, keys, identity, actor)
            except BaseException:
                database.close()
                raise
        except BaseException:
            keys.close()
            raise

    def wait_for_others(self, seconds: float) -> None:
        """Wait so long at most for another process that writes; by default it is 10 s."""
        self._database.rows(f"PRAGMA busy_timeout = {round(1000 * seconds)}")
        self._keystore.wait_for_others(seconds)

    @property
    def damaged(self) -> tuple[Damaged, ...]:
        """The rows that were refused."""
        return tuple(self._memory.damaged) if self._memory else ()

    @property
    def templates(self) -> int:
        """How many are served."""
        return len(self._comparing().matrix)

    def enrol(self, person: str, vectors: NDArray[np.float32]) -> int:
        """Add templates of a person, new or not; they are on the disk when this returns.

        Args:
            person: a name or number; people are told apart by it.
            vectors: (N, D) or (D,), of any length but 0.

        Returns:
            How many templates the person has now.

        Raises:
            GalleryError: a wrong name or vector, a read-only file, a full disk. Nothing was
                enrolled.
        """
        memory, name = self._comparing(), checked_name(person)
        rows = unit_vectors(vectors, memory.identity.size)
        with self._database.transaction():
            model = memory.model_for_writing()
            number, cipher = self._people.for_enrolment(name)
            found = self._database.first("SELECT seq FROM sqlite_sequence WHERE name = 'templates'")
            enrolled = int(time.time())
            for row, vector in enumerate(rows, (found[0] if found else 0) + 1):
                sealed = cipher.seal_template(vector, row, enrolled, memory.identity)
                sql = "INSERT INTO templates VALUES (?, ?, ?, ?, ?)"
                self._database.rows(sql, row, number, model, enrolled, sealed)
            self._audit.write("enrol", number)
        memory.take_in()
        count = self._database.first("SELECT count(*) FROM templates WHERE person = ?", number)
        return int(count[0]) if count else 0

    def delete(self, person: str) -> None:
        """Delete a person: their key, their rows and their failures, from files and memory.

        Raises:
            GalleryError: nobody is enrolled by that name, or the files cannot be written.
        """
        name = checked_name(person)
        self._people.remove(self._find(name))
        self.failures.succeeded(name)  # nothing of them stays, and that is kept by their name
        if self._memory:
            self._memory.take_in()

    def people(self) -> tuple[Person, ...]:
        """Return who is enrolled and can be read, by name."""
        rows = self._database.rows(
            "SELECT p.id, count(*), m.sha256, m.preprocessing, m.size FROM templates t "
            "JOIN people p ON p.id = t.person JOIN models m ON m.id = t.model "
            "GROUP BY p.id, m.id"
        )
        with self._keystore.reading():
            named = [(self._people.name(row[0]), row[1], ModelIdentity(*row[2:])) for row in rows]
        found = (Person(name, count, model) for name, count, model in named if name is not None)
        return tuple(sorted(found, key=lambda person: person.name))

    def has(self, person: str) -> bool:
        """Tell whether anybody is enrolled by a name."""
        return self._people.find(checked_name(person)) is not None

    def export(self, person: str) -> PersonExport:
        """Return all that is kept about a person, for them; the log says that it was asked.

        Raises:
            GalleryError: nobody is enrolled by that name, or the log cannot be written.
        """
        name = checked_name(person)
        self.record("export", name)
        number = self._find(name).number
        return export_person(self._database, self._keystore, number, name, self.audit(name))

    def refresh(self) -> None:
        """Take in what other processes wrote, in time proportional to how much that is.

        Raises:
            GalleryError: they enrolled with another model, or changed the master key.
        """
        if self._memory:
            self._memory.follow()

    def best(self, vectors: NDArray[np.float32], k: int = 2) -> list[tuple[Match, ...]]:
        """Return per query the k best distinct people, best first; every template is compared.

        Args:
            vectors: (M, D) or (D,).
            k: at least 1; fewer come back where fewer people are enrolled.
        """
        memory = self._comparing()
        queries = unit_vectors(vectors, memory.identity.size)
        if k < 1:
            raise GalleryError(f"k must be at least 1, not {k}")
        while True:
            self.refresh()
            found = memory.matrix.best(queries, k)
            numbers = {number for scored in found for _, number in scored}
            names = {number: self._people.name(number) for number in numbers}
            gone = [number for number, name in names.items() if name is None]
            if not gone:
                return [
                    tuple(Match(str(names[n]), min(s, 1.0)) for s, n in scored) for scored in found
                ]
            for number in gone:  # being deleted in this very moment
                memory.matrix.remove(number)

    def person_scores(self, person: str, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine similarities (N,) of a person's templates to a vector (D,).

        Raises:
            GalleryError: nobody is enrolled by that name.
        """
        memory = self._comparing()
        query = unit_vectors(vector, memory.identity.size)
        self.refresh()
        row = self._find(checked_name(person))
        return np.asarray(np.clip(memory.matrix.of(row.number) @ query[0], -1, 1))

    def audit(self, person: str | None = None) -> tuple[AuditEntry, ...]:
        """Return the log, oldest first; of one person or of all."""
        number = self._find(checked_name(person)).number if person is not None else None
        lines = self._audit.lines(number)
        names = {line[3]: self._people.name(line[3]) for line in lines if line[3] is not None}
        return tuple(
            AuditEntry(at, actor, action, names.get(n) or f"person {n}" if n is not None else None)
            for at, actor, action, n in lines
        )

    def record(self, action: str, person: str | None = None) -> None:
        """Add a line to the log: what was done, and whom it concerned."""
        number = self._find(checked_name(person)).number if person is not None else None
        with self._database.transaction():
            self._audit.write(action, number)

    def close(self) -> None:
        """Close both files; the vectors in memory are let go."""
        self._memory = None
        self._database.close()
        self._keystore.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _comparing(self) -> Memory:
        if self._memory is None:
            raise GalleryError("this gallery is closed, or was opened without a model")
        return self._memory

    def _find(self, name: str) -> PersonRow:
        row = self._people.find(name)
        if row is None:
            raise GalleryError(f"nobody is enrolled as {name!r}: list the people to see the names")
        return row


def _check_pair(database: Database, keystore: Keystore, create: bool, actor: str | None) -> None:
    """Check that gallery and keystore are of one making; a new gallery takes the keystore's id."""
    found = database.first("SELECT id FROM gallery")
    if found is None and create:
        with database.transaction():
            database.rows("INSERT OR IGNORE INTO gallery VALUES (1, ?)", keystore.gallery)
            Audit(database, actor).write("create")
    elif found is None:
        raise GalleryError(f"{database.path}: the gallery was never finished: create it")
    elif found[0] != keystore.gallery:
        raise GalleryError(
            f"{database.path}: its keys are in another keystore: give the one made with it; "
            "nothing was changed"
        )
