"""What one process writes, the others know before their next comparison."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import GalleryError
from edgecnn_device.gallery import ModelIdentity
from edgecnn_device.gallery import matrix as matrix_module

Draw = Callable[..., NDArray[np.float32]]

READER = """
import json, sys
from pathlib import Path
import numpy as np
from edgecnn_device.gallery import Gallery, ModelIdentity
place, keys, key, sha256, preprocessing, size = sys.argv[1:]
identity = ModelIdentity(sha256, preprocessing, int(size))
with Gallery.open(Path(place), Path(keys), Path(key), identity) as gallery:
    print("ready", flush=True)
    for line in sys.stdin:
        found = gallery.best(np.array(json.loads(line), np.float32), 1)
        said = [match.person for best in found for match in best]
        print(json.dumps([said, len(gallery.damaged)]), flush=True)
"""


class Reader:
    """Another process that has the gallery open."""

    def __init__(self, place: Any) -> None:
        model = place.identity
        facts = (place.gallery, place.keystore, place.key, *vars(model).values())
        command = [sys.executable, "-c", READER, *map(str, facts)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line() == "ready\n"

    def ask(self, vector: NDArray[np.float32]) -> list[str]:
        assert self.process.stdin
        print(json.dumps(vector.tolist()), file=self.process.stdin, flush=True)
        people, damaged = json.loads(self._line())
        assert damaged == 0
        return list(people)

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()


@pytest.fixture
def reader(place: Any) -> Iterator[Callable[[], Reader]]:
    started: list[Reader] = []

    def start() -> Reader:
        started.append(Reader(place))
        return started[-1]

    yield start
    for one in started:
        one.process.communicate()
        assert one.process.returncode == 0


def test_readers_follow_a_writer_at_once(
    place: Any, vectors: Draw, reader: Callable[[], Reader]
) -> None:
    with place.open(create=True) as gallery:
        readers = [reader(), reader()]
        assert [one.ask(vectors(1)) for one in readers] == [[], []]
        for number in range(20):
            gallery.enrol(f"person {number}", vectors(number, 2))
            for one in readers:
                assert one.ask(vectors(number, 2)[1]) == [f"person {number}"]
        gallery.delete("person 7")
        for one in readers:
            assert one.ask(vectors(7, 2)[1])[0] != "person 7"


def test_both_sides_may_write_in_turn(place: Any, vectors: Draw) -> None:
    with place.open(create=True) as one, place.open() as two:
        one.enrol("ann", vectors(1))
        two.enrol("ann", vectors(2))
        two.enrol("bob", vectors(3))
        one.delete("ann")
        one.enrol("ann", vectors(4))
        for gallery in (one, two):
            assert [(p.name, p.templates) for p in gallery.people()] == [("ann", 1), ("bob", 1)]
            assert gallery.best(vectors(4))[0][0].person == "ann"
            assert gallery.best(vectors(2))[0][0].score < 0.99
            assert (gallery.templates, gallery.damaged) == (2, ())


def test_only_what_is_new_is_read(
    place: Any, vectors: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place.open(create=True) as one, place.open() as two:
        one.enrol("ann", vectors(1, 50))
        two.refresh()
        taken: list[int] = []
        append = matrix_module.Matrix.append

        def counted(self: Any, rows: NDArray[np.float32], owners: NDArray[np.int64]) -> None:
            taken.append(len(rows))
            append(self, rows, owners)

        monkeypatch.setattr(matrix_module.Matrix, "append", counted)
        one.enrol("bob", vectors(2, 3))
        two.refresh()
        two.refresh()
        assert taken == [3, 3]  # once in each


def test_another_model_put_in_meanwhile_is_refused_every_time(place: Any, vectors: Draw) -> None:
    other = ModelIdentity("cd" * 32, "rgb-112", 16)
    with place.open(create=True) as one, place.open(identity=other) as two:
        one.enrol("ann", vectors(1))
        for _ in range(2):
            with pytest.raises(GalleryError, match="cannot be compared"):
                two.best(vectors(1))
        with pytest.raises(GalleryError, match="cannot be compared"):
            two.enrol("bob", vectors(2))
        assert [p.name for p in one.people()] == ["ann"]


def test_who_must_not_wait_long_for_another_process_need_not(
    place: Any, gallery: Any, vectors: Draw
) -> None:
    gallery.wait_for_others(0.05)
    for path in (place.gallery, place.keystore):
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            with pytest.raises(GalleryError, match="locked"):
                gallery.enrol("somebody", vectors(7))
            assert time.monotonic() - begun < 10  # what it waits for by default
