"""Gathers what is kept about a person, for them to have."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np

from edgecnn.errors import GalleryError
from edgecnn_device.database import Database
from edgecnn_device.gallery.audit import iso
from edgecnn_device.gallery.identity import ModelIdentity
from edgecnn_device.gallery.keystore import Keystore
from edgecnn_device.gallery.records import AuditEntry, PersonExport
from edgecnn_device.gallery.rows import Opened, read_templates


def export_person(
    database: Database, keystore: Keystore, number: int, name: str, audit: tuple[AuditEntry, ...]
) -> PersonExport:
    """Open a person's templates; those that are damaged are left out.

    Raises:
        GalleryError: there is no template, so that nothing is known of their model either.
    """
    found = database.first("SELECT id, sha256, preprocessing, size FROM models")
    if found is None:
        raise GalleryError(f"{database.path}: no template is kept of {name}")
    model = ModelIdentity(*found[1:])
    rows = read_templates(database, keystore, (int(found[0]), model), person=number)
    opened = [row for row in rows if isinstance(row, Opened)]
    vectors = np.frombuffer(b"".join(row.plain for row in opened), "<f4")
    enrolled = tuple(iso(row.enrolled) for row in opened)
    rows_of = vectors.reshape(len(opened), model.size).astype(np.float32)
    return PersonExport(name, model, enrolled, rows_of, audit)


def export_json(found: PersonExport) -> bytes:
    """Return an export as the JSON that a person is given."""
    content = {
        "person": found.name, "model": asdict(found.model), "enrolled": found.enrolled,
        "vectors": found.vectors.tolist(), "audit": [asdict(entry) for entry in found.audit],
    }  # fmt: skip
    return json.dumps(content, ensure_ascii=False, indent=1).encode()
