"""Keeps who is enrolled: templates sealed at rest, compared in memory.

create_master_key(Path("master.key"))  # once
with Gallery.open(Path("gallery.db"), Path("keys.db"), Path("master.key"), identity, True) as faces:
    faces.enrol("ann", vectors)  # (N, D)
    best, second = faces.best(vector)[0]
"""

from edgecnn_device.gallery.failures import FailureCounter
from edgecnn_device.gallery.gallery import Gallery
from edgecnn_device.gallery.identity import ModelIdentity
from edgecnn_device.gallery.keystore import change_master_key
from edgecnn_device.gallery.master import create_master_key, read_master_key
from edgecnn_device.gallery.records import AuditEntry, Damaged, Match, Person, PersonExport

__all__ = [
    "AuditEntry",
    "Damaged",
    "FailureCounter",
    "Gallery",
    "Match",
    "ModelIdentity",
    "Person",
    "PersonExport",
    "change_master_key",
    "create_master_key",
    "read_master_key",
]
