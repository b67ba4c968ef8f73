"""Who is deleted can be read from no copy of the gallery, and nothing of them stays in today's."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import GalleryError
from edgecnn_device.gallery import Gallery
from edgecnn_device.gallery.people import People

Draw = Callable[..., NDArray[np.float32]]


def _sealed(path: Path) -> dict[int, list[bytes]]:
    """Return what stands sealed of every person: their name, what finds it, and templates."""
    connection = sqlite3.connect(path)
    try:
        people = connection.execute("SELECT id, uid, lookup, name FROM people").fetchall()
        rows = connection.execute("SELECT person, sealed FROM templates").fetchall()
    finally:
        connection.close()
    return {n: [*parts, *(s for owner, s in rows if owner == n)] for n, *parts in people}


def _wrapped(path: Path) -> set[bytes]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT wrapped FROM keys")}
    finally:
        connection.close()


def _left(content: bytes, secrets: list[bytes]) -> list[bytes]:
    """Return every piece of eight bytes of the secrets that stands in the content."""
    pieces = [s[i : i + 8] for s in secrets for i in range(0, len(s) - 7, 8)]
    return [piece for piece in pieces if piece in content]


def test_yesterdays_gallery_cannot_be_opened_for_the_deleted(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1, 3))
        gallery.enrol("bob", vectors(2, 3))
    yesterday = place.gallery.read_bytes()
    with place.open() as gallery:
        gallery.delete("ann")
        gallery.enrol("ann", vectors(5))  # who comes back gets a new key
        gallery.delete("ann")
    place.gallery.write_bytes(yesterday)
    with place.open() as gallery:
        assert [p.name for p in gallery.people()] == ["bob"]
        assert [match.person for match in gallery.best(vectors(1, 3)[0], 9)[0]] == ["bob"]
        assert {(d.person, d.reason.split(":")[0]) for d in gallery.damaged} == {
            (None, "its person's key is gone")
        }
        with pytest.raises(GalleryError, match="key is gone"):
            gallery.enrol("ann", vectors(1))
        gallery.delete("ann")  # clears the restored rows, too
        assert gallery.damaged == ()
        assert gallery.enrol("ann", vectors(1)) == 1


def test_nothing_of_the_deleted_is_left_in_any_file(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as gallery:
        for number in range(40):
            gallery.enrol(f"person {number}", vectors(number, 5))
        keys = _wrapped(place.keystore)
        secrets = _sealed(place.gallery)
        assert _left(b"".join(place.files().values()), secrets[7]) != []
        for number in (6, 7, 30):
            gallery.delete(f"person {number}")
        gone = [*secrets[7], *secrets[8], *secrets[31], *keys - _wrapped(place.keystore)]
        during = place.files()
    for files in (during, place.files()):
        assert {name: _left(content, gone) for name, content in files.items()} == {
            name: [] for name in files
        }
    assert "gallery.db-wal" in during


def test_nothing_is_left_after_many_people_came_and_went(place: Any, vectors: Draw) -> None:
    random, gone, there = np.random.default_rng(0), list[bytes](), set[int]()
    with place.open(create=True) as gallery:
        for step in range(150):
            if there and random.random() < 0.45:
                leaver = int(random.choice(sorted(there)))
                sealed = _sealed(place.gallery)
                number = next(n for n in sealed if gallery._people.name(n) == str(leaver))
                gone += sealed[number]
                gallery.delete(str(leaver))
                there.remove(leaver)
            else:
                gallery.enrol(str(step), vectors(step, int(random.integers(1, 12))))
                there.add(step)
        assert _left(b"".join(place.files().values()), gone) == []
        assert {p.name for p in gallery.people()} == {str(number) for number in there}


@pytest.mark.parametrize("dies_in", ["before the key", "after the key"])
def test_a_deletion_cut_short_is_finished_by_the_next(
    place: Any, vectors: Draw, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
        gallery.enrol("bob", vectors(2))
        sealed = _sealed(place.gallery)[1]

        def die(self: People, row: Any) -> None:
            if dies_in == "after the key":
                self._keystore.remove(row.uid)
            raise RuntimeError("power cut")

        with monkeypatch.context() as patch, pytest.raises(RuntimeError):
            patch.setattr(People, "_finish", die)
            gallery.delete("ann")
    with place.open() as gallery:
        assert [p.name for p in gallery.people()] == ["bob"]
        assert gallery.damaged == ()
        assert _left(place.gallery.read_bytes(), sealed) == []
        assert gallery.enrol("ann", vectors(3)) == 1


def test_a_flipped_mark_deletes_nobody(place: Any, vectors: Draw, sql: Any) -> None:
    with place.open(create=True) as gallery:
        gallery.enrol("ann", vectors(1))
    sql(place.gallery, "UPDATE people SET leaving = x'00'")
    with place.open() as gallery:
        assert gallery.best(vectors(1))[0][0].person == "ann"


def test_an_older_keystore_brings_nobody_back_unasked(place: Any, vectors: Draw) -> None:
    """The keystore restored by mistake lacks the new: they are named, not wiped."""
    with place.open(create=True):
        pass
    older = place.folder / "older.db"
    shutil.copy(place.keystore, older)
    with place.open() as gallery:
        gallery.enrol("ann", vectors(1))
    with Gallery.open(place.gallery, older, place.key, place.identity) as gallery:
        assert [d.row for d in gallery.damaged] == [1]
    with place.open() as gallery:
        assert gallery.best(vectors(1))[0][0].person == "ann"
