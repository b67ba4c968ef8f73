"""The templates in memory, kept up with the file row by row."""

from __future__ import annotations

import numpy as np

from edgecnn.errors import GalleryError
from edgecnn_device.database import Database
from edgecnn_device.gallery.identity import ModelIdentity
from edgecnn_device.gallery.keystore import Keystore
from edgecnn_device.gallery.matrix import Matrix
from edgecnn_device.gallery.records import Damaged
from edgecnn_device.gallery.rows import Opened, read_templates

_BATCH = 64
"""Templates that move into the matrix at once."""


class Memory:
    """A matrix that follows the file; nothing is read twice."""

    def __init__(self, database: Database, keystore: Keystore, identity: ModelIdentity) -> None:
        self._database, self._keystore, self.identity = database, keystore, identity
        self.matrix = Matrix(identity.size)
        self.damaged: list[Damaged] = []
        self._last_template = self._last_line = 0
        self._version = -1

    def follow(self) -> None:
        """Take in what other processes wrote, if anything."""
        version = self._database.version()
        if version != self._version:
            self.take_in()
            self._version = version  # not where that failed: it must fail the next time, too

    def take_in(self) -> None:
        """Drop who was deleted since the last time, and add what was enrolled.

        Raises:
            GalleryError: the file holds templates of another model, or the master key was changed.
        """
        with self._database.transaction(write=False):
            self._drop_deleted()
            model = self._model()
            if model is not None:
                self._add((model, self.identity))

    def model_for_writing(self) -> int:
        """Return the number of the model in the file, put there if need be."""
        number = self._model()
        if number is None:
            sql = "INSERT INTO models (sha256, preprocessing, size) VALUES (?, ?, ?) RETURNING id"
            model = self.identity
            number = self._database.rows(sql, model.sha256, model.preprocessing, model.size)[0][0]
        return int(number)

    def _drop_deleted(self) -> None:
        newest = self._database.rows("SELECT coalesce(max(id), 0) FROM audit")[0][0]
        if self._last_template and newest > self._last_line:
            sql = "SELECT person FROM audit WHERE id > ? AND action = 'delete'"
            for (person,) in self._database.rows(sql, self._last_line):
                self.matrix.remove(person)
            sql = "SELECT 1 FROM templates WHERE id = ?"
            self.damaged = [d for d in self.damaged if self._database.first(sql, d.row)]
        self._last_line = newest

    def _add(self, model: tuple[int, ModelIdentity]) -> None:
        batch: list[Opened] = []
        for found in read_templates(self._database, self._keystore, model, self._last_template):
            if isinstance(found, Opened):
                batch.append(found)
            if isinstance(found, Damaged) or len(batch) == _BATCH:
                self._move(batch)
            if isinstance(found, Damaged):
                self.damaged.append(found)
                self._last_template = found.row
        self._move(batch)

    def _move(self, batch: list[Opened]) -> None:
        if not batch:
            return
        plain = b"".join(template.plain for template in batch)
        vectors = np.frombuffer(plain, "<f4").reshape(len(batch), self.identity.size)
        owners = np.array([template.person for template in batch], np.int64)
        self.matrix.append(vectors.astype(np.float32, copy=False), owners)
        self._last_template = batch[-1].row
        batch.clear()

    def _model(self) -> int | None:
        """Return the number of the model in the file; None where nothing is enrolled."""
        found = self._database.first("SELECT id, sha256, preprocessing, size FROM models")
        if found is None:
            return None
        theirs = ModelIdentity(*found[1:])
        if theirs != self.identity:
            raise GalleryError(
                f"{self._database.path}: its templates are of the model {theirs}, and this is "
                f"{self.identity}: the two cannot be compared; use that model, or enrol the "
                "people anew in another gallery"
            )
        return int(found[0])
