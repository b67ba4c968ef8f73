"""What is wrong is refused and named, the rest is served, and no file is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import GalleryError
from edgecnn_device.gallery import Gallery, create_master_key

Draw = Callable[..., NDArray[np.float32]]
NOBODY = 65534


@pytest.fixture
def filled(place: Any, vectors: Draw) -> Any:
    """A closed gallery of ann, bob (three templates each) and carl (one)."""
    with place.open(create=True) as gallery:
        for seed, (name, n) in enumerate((("ann", 3), ("bob", 3), ("carl", 1))):
            gallery.enrol(name, vectors(seed, n))
    return place


@pytest.fixture
def hand_over(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Gives a folder to an account that may not write everywhere, as root may, and becomes it."""
    above = [tmp_path, *tmp_path.parents[:2]]
    modes = [folder.stat().st_mode for folder in above]

    def give(folder: Path) -> None:
        if os.getuid() == 0:
            for path in above:
                path.chmod(0o755)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            os.seteuid(NOBODY)

    yield give
    os.seteuid(os.getuid())
    for path, mode in zip(above, modes, strict=True):
        path.chmod(mode)


def _wrong_key(place: Any) -> None:
    place.key.unlink()
    create_master_key(place.key)


def _other_keystore(place: Any) -> None:
    place.keystore.unlink()
    Gallery.open(place.folder / "other.db", place.keystore, place.key, None, True).close()
    (place.folder / "other.db").unlink()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_wrong_key, "master key does not open this keystore"),
        (_other_keystore, "keys are in another keystore"),
        (lambda place: place.key.unlink(), "cannot read a master key"),
        (lambda place: place.keystore.unlink(), "no keystore is there"),
        (lambda place: place.gallery.unlink(), "no gallery is there"),
        (lambda place: place.gallery.write_bytes(b""), "never finished"),
        (lambda place: place.gallery.write_bytes(b"text" * 999), "not an SQLite file"),
        (lambda place: shutil.copy(place.keystore, place.gallery), "is not a gallery"),
        (lambda place: shutil.copy(place.gallery, place.keystore), "is not a keystore"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    filled: Any, harm: Callable[[Any], object], said: str
) -> None:
    harm(filled)
    before = filled.files()
    with pytest.raises(GalleryError, match=said):
        filled.open()
    assert filled.files() == before


def test_no_keystore_is_made_for_a_gallery_that_has_one(filled: Any) -> None:
    filled.keystore.unlink()
    with pytest.raises(GalleryError, match="no keystore is there"):
        filled.open(create=True)
    assert not filled.keystore.exists()


def test_a_wrong_key_leaves_even_an_unfinished_wal_alone(filled: Any, vectors: Draw) -> None:
    with filled.open() as gallery:
        gallery.enrol("dora", vectors(9))
        crashed = filled.folder.with_name("crashed")
        shutil.copytree(filled.folder, crashed)
    place = type(filled)(crashed, filled.identity)
    right = place.key.read_bytes()
    _wrong_key(place)
    before = place.files()
    with pytest.raises(GalleryError, match="does not open this keystore"):
        place.open()
    assert place.files() == before and "gallery.db-wal" in before
    place.key.write_bytes(right)
    with place.open() as gallery:
        assert len(gallery.people()) == 4


@pytest.mark.parametrize("which", ["gallery", "keystore"])
def test_a_newer_version_is_refused(filled: Any, sql: Any, which: str) -> None:
    sql(getattr(filled, which), "PRAGMA user_version = 99")
    before = filled.files()
    with pytest.raises(GalleryError, match=f"{which} is of version 99, .* up to 1: install"):
        filled.open()
    assert filled.files() == before


FLIPS = {
    "template": "UPDATE templates SET sealed = {} WHERE id = 5",
    "row number": "UPDATE templates SET id = 50 WHERE id = 5",
    "owner": "UPDATE templates SET person = 1 WHERE id = 5",
    "nobody's": "UPDATE templates SET person = 99 WHERE id = 5",
    "model": "UPDATE templates SET model = 3 WHERE id = 5",
    "time": "UPDATE templates SET enrolled = enrolled + 1 WHERE id = 5",
    "text": "UPDATE templates SET sealed = x'00' WHERE id = 5",
}


@pytest.mark.parametrize("what", FLIPS)
def test_a_damaged_template_is_named_and_the_rest_served(
    filled: Any, vectors: Draw, sql: Any, what: str
) -> None:
    flipped = "substr(sealed, 1, 40) || x'ff' || substr(sealed, 42)"
    sql(filled.gallery, "PRAGMA foreign_keys = OFF", FLIPS[what].format(f"CAST({flipped} AS BLOB)"))
    with filled.open() as gallery:
        row = 50 if what == "row number" else 5
        assert [d.row for d in gallery.damaged] == [row]
        assert gallery.damaged[0].person in ("bob", "ann", None)
        assert gallery.templates == 6
        for seed, name in enumerate(("ann", "bob", "carl")):
            assert gallery.best(vectors(seed, 3)[0])[0][0].person == name


@pytest.mark.parametrize("column", ["uid", "lookup", "name"])
def test_a_damaged_person_is_refused_and_the_rest_served(
    filled: Any, vectors: Draw, sql: Any, column: str
) -> None:
    sql(filled.gallery, f"UPDATE people SET {column} = zeroblob(16) WHERE id = 2")
    with filled.open() as gallery:
        assert [d.row for d in gallery.damaged] == [4, 5, 6]
        assert [p.name for p in gallery.people()] == ["ann", "carl"]
        assert gallery.best(vectors(1, 3)[0])[0][0].person != "bob"


def test_a_damaged_key_costs_its_person_alone(filled: Any, sql: Any) -> None:
    sql(
        filled.keystore,
        "UPDATE keys SET wrapped = zeroblob(60) WHERE person = (SELECT person FROM keys LIMIT 1)",
    )
    with filled.open() as gallery:
        assert len(gallery.people()) == 2
        assert {d.reason for d in gallery.damaged} == {"its person's name or key is damaged"}


def test_a_bit_flipped_anywhere_never_gives_a_wrong_template(filled: Any, vectors: Draw) -> None:
    sound = {
        name: vectors(i, n) for i, (name, n) in enumerate((("ann", 3), ("bob", 3), ("carl", 1)))
    }
    content, random = filled.gallery.read_bytes(), np.random.default_rng(0)
    refused = served = 0
    for place in random.integers(0, len(content), 120):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(random.integers(8))
        filled.gallery.write_bytes(flipped)
        for beside in ("-wal", "-shm"):
            filled.gallery.with_name(f"gallery.db{beside}").unlink(missing_ok=True)
        try:
            with filled.open() as gallery:
                for person in gallery.people():
                    rows = sound[person.name] @ sound[person.name][0]
                    scores = gallery.person_scores(person.name, sound[person.name][0])
                    assert all(np.isclose(score, rows, atol=1e-5).any() for score in scores)
                assert gallery.templates + len(gallery.damaged) <= 7
                served += gallery.templates == 7
        except GalleryError:
            refused += 1
    assert served > 60 and refused < 40


@pytest.mark.parametrize("folder_mode", [0o755, 0o555])
def test_a_read_only_gallery_is_read_and_says_why_it_is_not_written(
    filled: Any, vectors: Draw, hand_over: Callable[[Path], None], folder_mode: int
) -> None:
    filled.gallery.chmod(0o444)
    filled.folder.chmod(folder_mode)
    hand_over(filled.folder)
    with filled.open() as gallery:
        assert gallery.best(vectors(1, 3)[0])[0][0].person == "bob"
        writes: list[Callable[[], object]] = [
            lambda: gallery.enrol("dora", vectors(9)), lambda: gallery.delete("ann"),
            lambda: gallery.failures.attempt("ann"), lambda: gallery.export("ann"),
        ]  # fmt: skip
        for write in writes:
            with pytest.raises(GalleryError, match="is read-only"):
                write()
        assert len(gallery.people()) == 3
    filled.folder.chmod(0o755)


def test_a_full_gallery_enrols_all_or_nothing(filled: Any, vectors: Draw) -> None:
    with filled.open() as gallery:
        pages = gallery._database.rows("PRAGMA page_count")[0][0]
        gallery._database.rows(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(GalleryError, match="no space left: nothing was written"):
            gallery.enrol("dora", vectors(9, 60))
        assert [p.name for p in gallery.people()] == ["ann", "bob", "carl"]
        gallery._database.rows("PRAGMA max_page_count = 100000")
        assert gallery.enrol("dora", vectors(9, 60)) == 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 400 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk takes root's rights")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing_that_was_there(
    small_disk: Path, place: Any, vectors: Draw
) -> None:
    full = type(place)(small_disk / "faces", place.identity)
    create_master_key(full.key)
    enrolled = 0
    with full.open(create=True) as gallery:
        with pytest.raises(GalleryError, match=r"no space left|check the disk"):
            while True:
                gallery.enrol(f"person {enrolled}", vectors(enrolled, 20))
                enrolled += 1
        assert len(gallery.people()) == enrolled > 3
        assert gallery.best(vectors(0, 20)[0])[0][0].person == "person 0"
    with full.open() as gallery:
        assert (gallery.templates, gallery.damaged) == (20 * enrolled, ())
