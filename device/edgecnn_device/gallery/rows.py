"""Reads sealed templates, and says of each that does not open why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag

from edgecnn_device.database import Database
from edgecnn_device.gallery.identity import ModelIdentity
from edgecnn_device.gallery.keystore import Keystore
from edgecnn_device.gallery.person import PersonCipher
from edgecnn_device.gallery.records import Damaged
from edgecnn_device.gallery.sealing import blind


@dataclass(frozen=True)
class Opened:
    """A template that opened."""

    row: int
    person: int
    plain: bytes
    """Little-endian float32."""
    enrolled: int
    """Unix time."""


@dataclass(frozen=True)
class OpenedPerson:
    """A person whose key was asked for."""

    name: str | None = None
    cipher: PersonCipher | None = None
    reason: str = ""
    """Why there is no cipher."""


def leaving_mark(keystore: Keystore, uid: bytes) -> bytes:
    """Return what marks a person as being deleted: no flipped bit can."""
    return blind(keystore.lookup_key, "leaving", uid.hex())


def is_leaving(keystore: Keystore, uid: Any, leaving: Any) -> bool:
    """Tell whether a person is being deleted."""
    return leaving is not None and uid is not None and leaving == leaving_mark(keystore, uid)


def open_person(keystore: Keystore, uid: Any, lookup: Any, name: Any) -> OpenedPerson:
    """Open a row of people with the key in the keystore."""
    if uid is None:
        return OpenedPerson(reason="it belongs to nobody")
    try:
        key = keystore.get(uid)
        if key is None:
            return OpenedPerson(
                reason="its person's key is gone: deleted, or the keystore is of another day"
            )
        cipher = PersonCipher(uid, lookup, key)
        return OpenedPerson(cipher.open_name(name), cipher)
    except (InvalidTag, TypeError):
        return OpenedPerson(reason="its person's name or key is damaged")


_TEMPLATES = (
    "SELECT t.id, t.person, t.model, t.enrolled, t.sealed, p.uid, p.lookup, p.name, p.leaving "
    "FROM templates t LEFT JOIN people p ON p.id = t.person"
)


def read_templates(
    database: Database,
    keystore: Keystore,
    model: tuple[int, ModelIdentity],
    after: int = 0,
    person: int | None = None,
) -> Iterator[Opened | Damaged]:
    """Yield templates in the order of their rows, without those of people being deleted.

    Args:
        database: of the gallery.
        keystore: with the keys.
        model: the only one there may be, and its number.
        after: the last row already known.
        person: only theirs; ``after`` counts for nothing then.
    """
    where, value = ("t.id > ?", after) if person is None else ("t.person = ?", person)
    sql = f"{_TEMPLATES} WHERE {where} ORDER BY t.id"
    last: tuple[Any, OpenedPerson] = (object(), OpenedPerson())
    with keystore.reading():
        for *template, uid, lookup, name, leaving in database.each(sql, value):
            if is_leaving(keystore, uid, leaving):
                continue
            if template[1] != last[0]:
                last = template[1], open_person(keystore, uid, lookup, name)
            yield _open_template(template, last[1], model)


def _open_template(
    template: list[Any], person: OpenedPerson, model: tuple[int, ModelIdentity]
) -> Opened | Damaged:
    row, owner, of, enrolled, sealed = template
    if person.cipher is None:
        return Damaged(row, None, person.reason)
    try:
        plain = person.cipher.open_template(sealed, row, enrolled, model[1])
    except InvalidTag:
        return Damaged(row, person.name, "its template is damaged, or of another row")
    if of != model[0]:
        return Damaged(row, person.name, "its model is not that of the gallery")
    return Opened(row, owner, plain, enrolled)
