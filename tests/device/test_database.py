"""Files are made and brought to a new version whole, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgecnn.errors import StorageError
from edgecnn_device.database import Schema, open_database

FIRST = ("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",)
SECOND = ("ALTER TABLE things ADD COLUMN size INTEGER", "UPDATE things SET size = length(name)")
SCHEMA = Schema("shelf", 0x1234, (FIRST,), "wal", "full")
NEWER = replace(SCHEMA, migrations=(FIRST, SECOND))


def _fill(path: Path) -> None:
    database = open_database(path, SCHEMA, create=True)
    database.rows("INSERT INTO things VALUES (1, 'spoon')")
    database.close()


def test_an_older_file_is_brought_to_this_version(tmp_path: Path) -> None:
    _fill(tmp_path / "shelf.db")
    for _ in range(2):
        database = open_database(tmp_path / "shelf.db", NEWER, create=False)
        assert database.rows("SELECT * FROM things") == [(1, "spoon", 5)]
        assert database.rows("PRAGMA user_version") == [(2,)]
        database.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    _fill(tmp_path / "shelf.db")
    before = (tmp_path / "shelf.db").read_bytes()
    broken = replace(SCHEMA, migrations=(FIRST, (*SECOND, "UPDATE nowhere SET size = 1")))
    with pytest.raises(StorageError, match="no such table: nowhere"):
        open_database(tmp_path / "shelf.db", broken, create=False)
    assert (tmp_path / "shelf.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["shelf.db"]


def test_a_new_file_is_private_strict_and_overwrites_what_is_deleted(tmp_path: Path) -> None:
    database = open_database(tmp_path / "new" / "shelf.db", SCHEMA, create=True)
    assert (tmp_path / "new" / "shelf.db").stat().st_mode & 0o777 == 0o600
    for pragma, value in (("journal_mode", "wal"), ("secure_delete", 1), ("synchronous", 2)):
        assert database.rows(f"PRAGMA {pragma}") == [(value,)]
    with pytest.raises(StorageError, match="cannot store BLOB value in TEXT column"):
        database.rows("INSERT INTO things VALUES (1, x'00')")
    database.close()


def test_what_was_begun_and_not_finished_is_finished_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "shelf.db"
    path.touch()
    with pytest.raises(StorageError, match="shelf was never finished"):
        open_database(path, SCHEMA, create=False)
    open_database(path, SCHEMA, create=True).close()
    open_database(path, SCHEMA, create=False).close()


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda path: path.write_bytes(b"text" * 999), "damaged"),
        (lambda path: path.unlink(), "other"),
    ],
)
def test_an_error_says_what_it_comes_of(tmp_path: Path, harm: Any, fault: str) -> None:
    _fill(tmp_path / "shelf.db")
    harm(tmp_path / "shelf.db")
    with pytest.raises(StorageError) as caught:
        open_database(tmp_path / "shelf.db", SCHEMA, create=False)
    assert caught.value.fault == fault


def test_who_waits_too_long_is_told_that_it_is_locked(tmp_path: Path) -> None:
    path = tmp_path / "shelf.db"
    _fill(path)
    impatient = replace(SCHEMA, busy_s=0.05)
    holder, waiter = (open_database(path, impatient, create=False) for _ in range(2))
    with holder.transaction(), pytest.raises(StorageError, match="locked") as caught:
        waiter.rows("BEGIN IMMEDIATE")
    assert caught.value.fault == "locked"
    for database in (holder, waiter):
        database.close()


def test_a_file_that_shrinks_gives_pages_back(tmp_path: Path) -> None:
    database = open_database(tmp_path / "shelf.db", replace(SCHEMA, shrinks=True), create=True)
    database.rows("INSERT INTO things VALUES (1, printf('%.*c', 99999, 'x'))")
    pages = database.rows("PRAGMA page_count")[0][0]
    database.rows("DELETE FROM things")
    database.shrink(10)
    assert database.rows("PRAGMA page_count")[0][0] == pages - 10
    database.close()


def test_an_error_within_a_transaction_undoes_it(tmp_path: Path) -> None:
    database = open_database(tmp_path / "shelf.db", SCHEMA, create=True)
    with pytest.raises(KeyboardInterrupt), database.transaction():
        database.rows("INSERT INTO things VALUES (1, 'spoon')")
        raise KeyboardInterrupt
    assert database.rows("SELECT * FROM things") == []
    database.close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be made"):
        open_database(tmp_path / "file" / "shelf.db", SCHEMA, create=True)
