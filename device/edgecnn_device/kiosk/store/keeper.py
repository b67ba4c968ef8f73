"""The thread that keeps the store: what waited is written, what is over its time goes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from edgecnn.errors import StorageError
from edgecnn_device.kiosk.config import StorageConfig
from edgecnn_device.kiosk.events import KINDS
from edgecnn_device.kiosk.store.clock import SteadyClock
from edgecnn_device.kiosk.store.connections import Connections
from edgecnn_device.kiosk.store.damage import remove_old
from edgecnn_device.kiosk.store.retention import remove_expired
from edgecnn_device.kiosk.store.room import Room, checkpoint
from edgecnn_device.kiosk.store.thumbnails import Thumbnails

_log = logging.getLogger(__name__)


class Sweeper:
    """Deletes what is over its time or over the quota, a bounded step at a time."""

    def __init__(
        self, connections: Connections, thumbnails: Thumbnails, config: StorageConfig,
        clock: SteadyClock,
    ) -> None:  # fmt: skip
        self._connections, self._thumbnails, self._clock = connections, thumbnails, clock
        self.room = Room(connections, thumbnails, config)
        self.expired = 0
        """Events that went by their age."""
        self.expired_undelivered = 0
        """Of them, those that a target still owed."""

    def sweep(self, stop: threading.Event, pause_s: float = 0.01) -> None:
        """Do all that is due; writers come in between the steps, at least half of the time."""
        now = self._clock.trusted()
        if now is not None and self._repeat(lambda: self._expire(now), stop, pause_s):
            # What was deleted still stands in the journals.
            for borrowed in (self._connections.lazy(), self._connections.pictures()):
                with borrowed as database:
                    checkpoint(database)
        self._repeat(self.room.step, stop, pause_s)

    def _repeat(self, step: Callable[[], bool], stop: threading.Event, pause_s: float) -> bool:
        """Take steps while there is something to do; returns whether there was."""
        worked, start = False, time.monotonic()
        while step():
            worked = True
            if stop.wait(max(pause_s, time.monotonic() - start)):
                break
            start = time.monotonic()
        return worked

    def _expire(self, now: float) -> bool:
        """Delete a batch of each kind; returns whether anything went."""
        keep = self.room.config.retention
        days = {"note": keep.note, "face": keep.face, "camera": keep.camera, "system": keep.system}
        went = 0
        for kind in KINDS:
            with self._connections.lazy() as database:
                removed = remove_expired(database, "events", kind, now, days[kind])
            self._thumbnails.remove(removed.ids)
            went += len(removed.ids)
            self.expired += len(removed.ids)
            self._tell_undelivered(kind, removed.undelivered)
            with self._connections.pictures() as database:
                pictures = min(keep.thumbnails or 0.0, days[kind])
                went += len(remove_expired(database, "thumbnails", kind, now, pictures).ids)
        for path in (self._connections.events_path, self._connections.thumbnails_path):
            remove_old(path, now, max(days.values()))
        return went > 0

    def _tell_undelivered(self, kind: str, count: int) -> None:
        if count:
            self.expired_undelivered += count
            _log.warning("%d events of kind %s were over their time undelivered", count, kind)


class Keeper(threading.Thread):
    """Calls the store's own upkeep, at once when there is need and every minute otherwise.

    Args:
        connections: of the store.
        sweeper: of the store.
        flush: writes what waits; returns whether all is written.
        repair: replaces a damaged file.
        sweep_s: between sweeps.
    """

    _RETRY_S = (0.1, 2.0)  # back to work within 10 s of a fault's end

    def __init__(
        self,
        connections: Connections,
        sweeper: Sweeper,
        flush: Callable[[], bool],
        repair: Callable[[], bool],
        sweep_s: float,
    ) -> None:
        super().__init__(name="store-keeper", daemon=True)
        self._connections, self._sweeper = connections, sweeper
        self._flush, self._repair, self._sweep_s = flush, repair, sweep_s
        self._stop_asked, self._need = threading.Event(), threading.Event()
        self._said: set[str] = set()

    def wake(self) -> None:
        """There is something to do."""
        self._need.set()

    def run(self) -> None:
        """Work until `stop`."""
        retry_s = self._RETRY_S[0]
        while not self._stop_asked.is_set():
            self._need.clear()
            written = self._once(self._repair) and self._once(self._flush)
            # A full disk is helped by what the sweep deletes.
            swept = self._once(self._sweep)
            if written:
                retry_s = self._RETRY_S[0]
                if swept:
                    self._said.clear()
                self._need.wait(self._sweep_s)
            else:
                self._stop_asked.wait(retry_s)
                retry_s = min(2 * retry_s, self._RETRY_S[1])

    def stop(self) -> None:
        """End within a second or so."""
        self._stop_asked.set()
        self._need.set()
        self.join()

    def _sweep(self) -> bool:
        self._sweeper.sweep(self._stop_asked)
        return True

    def _once(self, work: Callable[[], bool]) -> bool:
        """Run a part; a fault is said once while it lasts, and tried again later."""
        try:
            return work()
        except StorageError as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                _log.warning("the event store cannot do its work: %s", error)
        except Exception as error:
            # Without this thread nothing that waits would ever be written.
            if repr(error) not in self._said:
                self._said.add(repr(error))
                _log.exception("the event store failed unexpectedly")
        return False
