"""Times the kiosk's event store, and counts what it writes.

    OMP_NUM_THREADS=1 python tests/bench/kiosk_store.py [--events 1000] [--many 100000] [--folder F]

``add`` stores events one after another, each durable before the next (synchronous=FULL), and beside
it the same with NORMAL, with a picture of 12 KB each, and with a target that takes them. Bytes are
those that the kernel counts for this process (/proc/self/io), after a last checkpoint; the disk's
own rewriting comes on top. ``fsync`` is the floor: 12 KB appended to a file, and fdatasync.
``many`` fills a store, and times to open it, to ask it, and to add while old events are deleted.
The folder must be on the disk that is meant: /tmp is in memory on some machines.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edgecnn.cli.output import print_table
from edgecnn_device.kiosk.config import RetentionConfig, StorageConfig
from edgecnn_device.kiosk.events import Event, Kind, NoteSeen
from edgecnn_device.kiosk.ports import EventQuery, StoredEvent
from edgecnn_device.kiosk.store import SteadyClock, Store
from edgecnn_device.kiosk.store.outbox import Outbox
from edgecnn_device.kiosk.store.queries import insert
from edgecnn_device.kiosk.store.target import DELIVERED, Outcome
from edgecnn_device.kiosk.store.writes import process_bytes

DAY = 86400.0
PICTURE = os.urandom(12_000)
QUAD = ((412.5, 201.25), (980.0, 215.75), (973.5, 470.0), (405.25, 455.5))
CONFIG = StorageConfig(quota_mb=4096, free_mb=0, retention=RetentionConfig(note=30, thumbnails=30))


class Taker:
    """A target that takes everything at once."""

    key = name = "taker"
    kinds: tuple[Kind, ...] = ("note",)

    def deliver(self, event: StoredEvent) -> Outcome:
        return DELIVERED

    def close(self) -> None:
        pass


def note(number: int, at: float) -> Event:
    """Return an event as the daemon makes them."""
    body = NoteSeen("KRW", f"AB{number:07d}C", 0.987654, "", 7, QUAD)
    return Event(body, f"camera-{number % 3}", at, True, 0.213456)


def add(folder: Path, events: int, way: str) -> tuple[str, ...]:
    """Time one way; returns a row."""
    store = Store.open(folder, CONFIG)
    outbox = Outbox(store, (Taker(),)) if way == "FULL, one target" else None
    if way == "NORMAL":
        store._connections._durable = store._connections._lazy
    picture = PICTURE if way == "FULL, picture" else None
    written = process_bytes() or 0
    times = timed(events, lambda i: store.add(note(i, time.time()), picture))
    while outbox and outbox.undelivered():
        time.sleep(0.01)
    if outbox:
        outbox.close()
    store.close()
    return row(way, times, (process_bytes() or 0) - written)


def fsync(folder: Path, events: int) -> tuple[str, ...]:
    """Time the floor."""
    handle = os.open(folder / "floor", os.O_RDWR | os.O_CREAT)
    written = process_bytes() or 0

    def append(_: int) -> None:
        os.write(handle, PICTURE)
        os.fdatasync(handle)

    times = timed(events, append)
    os.close(handle)
    return row("fdatasync of 12 KB", times, (process_bytes() or 0) - written)


def many(folder: Path, events: int) -> list[tuple[str, str]]:
    """Fill a store with old events, and time what is done with it."""
    now = time.time()
    store = Store.open(folder, CONFIG)
    for start in range(0, events, 1000):
        with store._connections.lazy() as database, database.transaction():
            for i in range(start, min(start + 1000, events)):
                insert(database, note(i, now - 40 * DAY))
    store.close()
    start_s = time.perf_counter()
    clock = Clock(now)
    store = Store.open(folder, CONFIG, clock.steady(), 0.1)
    rows = [("size, MB", f"{store.status().bytes / 1e6:.1f}"),
            ("open and check, s", f"{time.perf_counter() - start_s:.2f}")]  # fmt: skip
    for what, query in (
        ("newest 50, ms", EventQuery()),
        ("newest 50 of two kinds, ms", EventQuery(kinds=("note", "camera"))),
        ("50 of a camera from the middle, ms", EventQuery(camera="camera-1", before=events // 2)),
        ("50 of a camera that has none, ms", EventQuery(camera="camera-9")),
    ):
        took = timed(20, lambda _, query=query: store.find(query))  # type: ignore[misc]
        rows.append((what, f"{statistics.median(took) * 1e3:.2f}"))
    clock.offset = 700.0  # from now on the clock is trusted, and all is over its time
    took, done = [], threading.Event()
    while not done.is_set():
        took += timed(1, lambda i: store.add(note(i, now)))
        time.sleep(0.02)
        if store.status().expired >= events:
            done.set()
    rows += [("add while they are deleted, ms: median", f"{statistics.median(took) * 1e3:.1f}"),
             ("longest", f"{max(took) * 1e3:.1f}"), ("adds", str(len(took)))]  # fmt: skip
    store.close()
    return rows


class Clock:
    """Runs as the real one, and can be set forward."""

    def __init__(self, wall: float) -> None:
        self._wall, self.offset = wall, 0.0

    def steady(self) -> SteadyClock:
        return SteadyClock(lambda: self._wall + self.offset, lambda: self.offset, lambda: True)


def timed(times: int, work: Callable[[int], object]) -> list[float]:
    """Return the seconds of each."""
    found = []
    for i in range(times):
        start = time.perf_counter()
        work(i)
        found.append(time.perf_counter() - start)
    return found


def row(what: str, times: Sequence[float], written: int) -> tuple[str, ...]:
    """Return what is printed of a way."""
    ordered = sorted(times)
    return (
        what, f"{len(times) / sum(times):.0f}", f"{ordered[len(times) // 2] * 1e3:.2f}",
        f"{ordered[len(times) * 99 // 100] * 1e3:.1f}", f"{written / len(times):,.0f}",
    )  # fmt: skip


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        ways = ("FULL", "NORMAL", "FULL, one target", "FULL, picture")
        rows = [add(folder / str(i), given.events, way) for i, way in enumerate(ways)]
        rows.append(fsync(folder, given.events))
        print_table("add", ("way", "per second", "median ms", "p99 ms", "bytes per event"), rows)
        print_table(f"{given.many} events", ("what", ""), many(folder / "many", given.many))


if __name__ == "__main__":
    main()
