"""The pipeline as the rest of the daemon sees it: frames in, events out, and what is in view."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgecnn.errors import EdgecnnError, InputError
from edgecnn_device.cameras import CameraFrame
from edgecnn_device.faces import FaceEmbedder
from edgecnn_device.gallery import Gallery, ModelIdentity
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.events import Body, CameraChanged, Event, SystemChanged
from edgecnn_device.kiosk.pipeline.bundles import Bundles
from edgecnn_device.kiosk.pipeline.calls import Calls
from edgecnn_device.kiosk.pipeline.cameras import CameraBook
from edgecnn_device.kiosk.pipeline.diagnosis import RejectionRing, diagnosis
from edgecnn_device.kiosk.pipeline.faces import FaceStage
from edgecnn_device.kiosk.pipeline.intake import FrameSlot, Intake
from edgecnn_device.kiosk.pipeline.metrics import Metrics
from edgecnn_device.kiosk.pipeline.models import Models, Opener
from edgecnn_device.kiosk.pipeline.notes import NoteStage
from edgecnn_device.kiosk.pipeline.people import FacePeople
from edgecnn_device.kiosk.pipeline.publisher import Publish, Publisher
from edgecnn_device.kiosk.pipeline.worker import Stages, Worker
from edgecnn_device.kiosk.ports import CameraState, CameraStatus, LiveFrame, ModelStatus, People

STUCK_S = 20.0
"""Without progress of a thread of the pipeline it counts as dead; an inference of a large network
on a slow board takes a tenth."""
_GRACE_S = 10.0
"""Added to a camera's own deadline before a frame is missed: a connection takes time."""
_START_S = 30.0
_STOP_S = 1.0
_LOCKED_S = 1.0
"""So long another process may hold the gallery up: frames of all cameras wait meanwhile."""
_LOG = logging.getLogger("edgecnn.kiosk")


@dataclass(frozen=True)
class Progress:
    """How long ago a part of the pipeline last did what it is there for."""

    stage: str
    """worker, publish, or "camera" and its name."""
    idle_s: float
    """0 where there is nothing for it to do."""
    limit_s: float
    """Over which it counts as dead."""


class Engine:
    """Runs the pipeline of all cameras; every method may be called from any thread."""

    def __init__(
        self, config: KioskConfig, models: Models, slots: Mapping[str, FrameSlot],
        publish: Publish, synchronized: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """Prepare; `start` begins.

        Args:
            config: the whole file.
            models: of `open_models`.
            slots: where each camera of the configuration puts its frames.
            publish: keeps an event and its JPEG for good; called by one thread.
            synchronized: tells whether the clock is.

        Raises:
            InputError: a slot for each camera of the configuration was expected, or the embedder
                has no curve.
        """
        if list(slots) != list(config.cameras):
            raise InputError(f"expected slots of {list(config.cameras)}, got {list(slots)}")
        self._config, self._synchronized = config, synchronized
        names = tuple(config.cameras)
        self._metrics = Metrics(names)
        self._rejections = RejectionRing()
        self._books = {name: CameraBook(name) for name in names}
        self._publisher = Publisher(publish, self._metrics, self._lost)
        self._calls = Calls()
        self._said = dict.fromkeys(names, "")
        self._identity = _identity(models)
        self._bundles = Bundles(
            models, Opener.of(config.bundles), self._calls, self._use,
            lambda detail: self._emit(SystemChanged("bundle", detail), ""), self._identity,
        )  # fmt: skip
        intake = Intake(slots, self._books, config.staleness_s, self._metrics)
        self._worker = Worker(
            config.cameras, intake, self._books, self._calls, self._bundles, self._metrics,
            self._make_stages,
        )  # fmt: skip
        self._people: FacePeople | None = None
        self._begun = time.monotonic()

    def start(self) -> None:
        """Begin to process frames.

        Raises:
            GalleryError: the gallery or its key cannot be used.
            EdgecnnError: the pipeline did not start.
        """
        self._publisher.start()
        try:
            self._worker.start(_START_S)
        except BaseException:
            self._publisher.stop(_STOP_S)
            raise

    def stop(self, within_s: float = 3.0) -> int:
        """End: the frame in hand, the notes under way, and the events that wait.

        Returns:
            How many events could not be stored in time.
        """
        for book in self._books.values():
            book.close()
        until = time.monotonic() + within_s
        if not self._worker.stop(within_s - _STOP_S):
            _LOG.error("the pipeline did not end within %.1f s", within_s - _STOP_S)
        return self._publisher.stop(max(_STOP_S, until - time.monotonic()))

    @property
    def people(self) -> People | None:
        """None where faces are off."""
        return self._people

    @property
    def metrics(self) -> Metrics:
        """Its registry takes the metrics of other parts, too."""
        return self._metrics

    def camera_changed(self, name: str, state: CameraState, reason: str) -> None:
        """Take the new state of a camera, from its thread; never waits.

        A camera that comes, goes or ends is an event; that a lost one is tried again is none.
        """
        self._metrics.state(name, state)
        if self._books[name].change(state, reason):
            self._metrics.reconnects.labels(name).inc()
        if state == "connecting" or state == self._said[name]:
            return
        self._said[name] = state
        if state != "live":
            self._worker.gone(name)
        self._emit(CameraChanged(state, "" if state == "live" else reason), name)

    def live(self, camera: str, after: int, timeout_s: float) -> LiveFrame | None:
        """Return the newest processed frame, if its index is above ``after``; waits for one.

        Raises:
            InputError: no camera of that name.
        """
        if camera not in self._books:
            raise InputError(f"no camera {camera!r}: expected one of {', '.join(self._books)}")
        return self._books[camera].live(after, timeout_s)

    def cameras(self) -> Sequence[CameraStatus]:
        """Return all cameras, in the order of the configuration."""
        return tuple(book.status() for book in self._books.values())

    @property
    def bundles(self) -> Models:
        """Those in use, for an engine that follows this one."""
        return self._bundles.models

    def models(self) -> tuple[ModelStatus, ...]:
        """Return the bundles in use."""
        return tuple(model.status for model in self._bundles.models.loaded)

    def progress(self) -> tuple[Progress, ...]:
        """Return how each part moves; the daemon lives while none is over its limit."""
        moved = time.monotonic() - self._worker.moved
        idle = moved if self._worker.alive else float("inf")
        parts = [
            Progress("worker", idle, STUCK_S), Progress("publish", self._publisher.stuck_s, STUCK_S)
        ]  # fmt: skip
        for name, book in self._books.items():
            limit = self._config.cameras[name].deadline_s + _GRACE_S
            parts.append(Progress(f"camera {name}", book.idle_s(), limit))
        return tuple(parts)

    @property
    def ready(self) -> bool:
        """Whether models are loaded and a camera gave a frame."""
        return self._worker.stages is not None and any(c.processed for c in self.cameras())

    def reasons(self) -> tuple[str, ...]:
        """Return what is wrong, or degraded without being down."""
        found = [
            f"{part.stage}: no progress for {part.idle_s:.0f} s" for part in self.progress()
            if part.idle_s > part.limit_s
        ]  # fmt: skip
        if self._publisher.failing:
            found.append(f"{len(self._publisher)} events wait: {self._publisher.failing}")
        if self._bundles.degraded:
            found.append(self._bundles.degraded)
        return tuple(found)

    def set_bundle(self, role: str, path: str) -> ModelStatus:
        """Try a new bundle beside the old one; see `ports.Kiosk.set_bundle`."""
        return self._bundles.set_bundle(role, path)

    def diagnose(self) -> bytes:
        """Return a zip that explains rejected reads and faces, without pictures or templates."""
        return diagnosis(
            self._config, self._rejections.all(), self.models(), self.cameras(),
            self._metrics.text(),
        )  # fmt: skip

    def _emit(
        self, body: Body, camera: str, frame: CameraFrame | None = None,
        thumbnail: bytes | None = None,
    ) -> None:  # fmt: skip
        delay = 0.0 if frame is None else time.monotonic() - frame.captured
        event = Event(body, camera, time.time(), self._synchronized(), delay)
        self._publisher.put(event, thumbnail)

    def _lost(self, count: int) -> Event:
        body = SystemChanged("storage", f"{count} events are lost: the store took none for long")
        return Event(body, "", time.time(), self._synchronized())

    def _use(self, models: Models) -> None:
        stages = self._worker.stages
        if stages is None:
            raise EdgecnnError("the pipeline is not running")
        if stages.notes is not None:
            stages.notes.use(models)
        if stages.faces is not None:
            stages.faces.use(models)

    def _make_stages(self) -> Stages:
        """Make what the worker owns, on its thread: SQLite asks for that."""
        models, keep = self._bundles.models, self._config.storage.retention.thumbnails is not None
        notes = faces = None
        if models.has("notes"):
            notes = NoteStage(models, self._emit, self._rejections, self._metrics, keep)
        if self._identity is None:
            return Stages(notes, None, lambda: None)
        gallery = _open_gallery(self._config, self._identity)
        faces = FaceStage(
            models, gallery, self._config.faces, self._emit, self._rejections, self._metrics
        )
        looked = [name for name, camera in self._config.cameras.items() if camera.faces]
        self._people = FacePeople(self._calls, faces, gallery, self._identity, looked)
        return Stages(notes, faces, gallery.close)


def _identity(models: Models) -> ModelIdentity | None:
    """Return whose vectors the gallery holds; None where faces are off.

    Raises:
        InputError: nobody could ever be told by this embedder.
    """
    model = models.find("face-embedder")
    if model is None:
        return None
    embedder = FaceEmbedder(model.runner)
    _ = embedder.curve
    return embedder.identity


def _open_gallery(config: KioskConfig, identity: ModelIdentity) -> Gallery:
    faces = config.faces
    gallery = Gallery.open(
        config.data / faces.gallery, config.data / faces.keystore, faces.key_file, identity,
        create=True, actor="kiosk",
    )  # fmt: skip
    gallery.wait_for_others(_LOCKED_S)
    return gallery
