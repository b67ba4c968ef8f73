"""A gallery in a folder, and people made of random numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn_device.gallery import Gallery, ModelIdentity, create_master_key

SIZE = 16


@dataclass(frozen=True)
class Place:
    """Where a gallery is, and how it is opened."""

    folder: Path
    identity: ModelIdentity

    @property
    def gallery(self) -> Path:
        return self.folder / "gallery.db"

    @property
    def keystore(self) -> Path:
        return self.folder / "keys" / "keys.db"

    @property
    def key(self) -> Path:
        return self.folder / "keys" / "master.key"

    def open(self, create: bool = False, identity: ModelIdentity | None = None) -> Gallery:
        model = identity or self.identity
        return Gallery.open(self.gallery, self.keystore, self.key, model, create, actor="tester")

    def files(self) -> dict[str, bytes]:
        return {
            str(p.relative_to(self.folder)): p.read_bytes()
            for p in sorted(self.folder.rglob("*"))
            if p.is_file()
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path / "faces", ModelIdentity("ab" * 32, "rgb-112", SIZE))
    create_master_key(found.key)
    return found


@pytest.fixture
def gallery(place: Place) -> Iterator[Gallery]:
    with place.open(create=True) as found:
        yield found


@pytest.fixture
def vectors() -> Callable[..., NDArray[np.float32]]:
    """Draws N unit vectors of a seed."""

    def draw(seed: int, n: int = 1, size: int = SIZE) -> NDArray[np.float32]:
        rows = np.random.default_rng(seed).standard_normal((n, size)).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    return draw


@pytest.fixture
def sql() -> Callable[..., None]:
    """Changes a file behind the back of the gallery."""

    def run(path: Path, *statements: str) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            for statement in statements:
                connection.execute(statement)
        finally:
            connection.close()

    return run
