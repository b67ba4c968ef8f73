"""The notes of each camera: read until their frames suffice, said once, and kept an eye on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn_device.cameras import CameraFrame
from edgecnn_device.kiosk.events import NoteSeen, Quad
from edgecnn_device.kiosk.pipeline.diagnosis import Rejection, RejectionRing
from edgecnn_device.kiosk.pipeline.emit import Emit
from edgecnn_device.kiosk.pipeline.metrics import Metrics
from edgecnn_device.kiosk.pipeline.models import Models
from edgecnn_device.kiosk.ports import SeenNote
from edgecnn_device.notes import NoteEvent, NoteReader, NoteReading, NoteVoter
from edgecnn_device.notes.rectify import rectify

REALLY_THERE = 3
"""Frames in which a note must have been seen for its abstention to be an event."""
GONE_S = 2.0
"""A camera that gave no frame for longer may show other notes at the same places."""
_THUMBNAIL = (240, 110)
"""Pixels that suffice for a picture of a note."""


class NoteStage:
    """Reads the notes of frames; the worker's own."""

    def __init__(
        self, models: Models, emit: Emit, rejections: RejectionRing, metrics: Metrics,
        thumbnails: bool = False,
    ) -> None:  # fmt: skip
        """Take loaded bundles.

        Args:
            models: with the two of notes.
            emit: takes events.
            rejections: takes the numbers of what is abstained from.
            metrics: where notes are counted.
            thumbnails: whether an event has a picture of its note.
        """
        self._emit, self._rejections, self._metrics = emit, rejections, metrics
        self._thumbnails = thumbnails
        self._voters: dict[str, NoteVoter] = {}
        self._done: dict[str, float] = {}
        self._charset = ""
        self.use(models)

    def use(self, models: Models) -> None:
        """Go on with these bundles; a reader of other characters begins its votes anew."""
        detector, reader = models.get("note-detector"), models.get("serial-reader")
        self._detector, self._variant = detector.runner, f"{detector.variant}, {reader.variant}"
        self._reader = NoteReader(detector.runner, reader.runner)
        if self._reader.charset != self._charset:
            self.end_all()
            self._voters.clear()
            self._charset = self._reader.charset

    def __call__(self, frame: CameraFrame) -> tuple[SeenNote, ...]:
        """Read a frame, let it vote, and return the notes in view."""
        voter = self._voter(frame)
        begun, before = time.monotonic(), self._detector.spent_s
        readings = self._reader(frame.image, voter.known())
        read = time.monotonic()
        self._count(frame.camera, readings, self._detector.spent_s - before, read - begun)
        events = voter(readings)
        for event in events:
            self._tell(frame.camera, event, frame)
        self._done[frame.camera] = done = time.monotonic()
        self._metrics.hop(frame.camera, "vote").took(done - read)
        return tuple(
            SeenNote(n.track, quad_of(n.quad), n.text, n.currency, n.confidence, n.looks, n.told)
            for n in voter.in_sight()
        )

    def end(self, camera: str) -> None:
        """Say what is left to say of a camera's notes: it is gone."""
        voter = self._voters.get(camera)
        for event in voter.finish() if voter else ():
            self._tell(camera, event, None)

    def end_all(self) -> None:
        """Do that for every camera."""
        for camera in self._voters:
            self.end(camera)

    def _voter(self, frame: CameraFrame) -> NoteVoter:
        # Counted from the end of the last frame, so that a slow board is no camera that was gone.
        if frame.captured - self._done.get(frame.camera, frame.captured) > GONE_S:
            self.end(frame.camera)
        if frame.camera not in self._voters:
            self._voters[frame.camera] = NoteVoter(self._charset)
        return self._voters[frame.camera]

    def _count(
        self, camera: str, readings: Sequence[NoteReading], detect_s: float, whole_s: float
    ) -> None:
        detect, read = (self._metrics.hop(camera, name) for name in ("detect", "read"))
        detect.came()
        detect.went()
        detect.took(detect_s)
        read.took(whole_s - detect_s)
        read.came(len(readings))
        for reading in readings:
            if reading.abstained:
                read.dropped(reading.reason)
            else:
                read.went()

    def _tell(self, camera: str, event: NoteEvent, frame: CameraFrame | None) -> None:
        hop = self._metrics.hop(camera, "vote")
        hop.came()
        if event.serial is None:
            self._reject(camera, event, frame)
            if event.frames < REALLY_THERE:
                hop.dropped("glimpse")
                return
        hop.went()
        body = NoteSeen(
            event.currency, event.serial, event.confidence, event.reason, event.frames,
            quad_of(event.quad),
        )  # fmt: skip
        # A note that ended is on the frame no more.
        shown = frame is not None and self._thumbnails and event.serial is not None
        self._emit(body, camera, frame, thumbnail(frame.image, event.quad)
                   if shown and frame is not None else None)  # fmt: skip

    def _reject(self, camera: str, event: NoteEvent, frame: CameraFrame | None) -> None:
        now, options = time.monotonic(), self._voters[camera].options
        facts = dict(_sizes(event.quad))
        facts |= {"frames": event.frames, "confidence": event.confidence,
                  "needed_looks": options.min_looks, "needed_margin_nats": options.min_margin,
                  "needed_fit_nats": options.min_fit}  # fmt: skip
        if event.verdict is not None:
            said = event.verdict
            facts |= {"looks": said.looks, "margin_nats": said.margin, "fit_nats": said.fit}
        if frame is not None:
            facts["frame_age_s"] = now - frame.captured
        rejection = Rejection(
            "note", camera, event.reason, tuple(facts.items()), self._variant, now
        )
        self._rejections.add(rejection)


def thumbnail(image: NDArray[np.uint8], quad: NDArray[np.float32]) -> bytes | None:
    """Return a small JPEG of a note alone, laid straight: whoever holds it is not on it.

    Args:
        image: (H, W, 3) BGR.
        quad: (4, 2) of the note.

    Returns:
        None where the note lies outside the picture.
    """
    try:
        seen = rectify(image, quad, _THUMBNAIL)
    except DataError:
        return None
    done, data = cv2.imencode(".jpg", seen, (cv2.IMWRITE_JPEG_QUALITY, 80))
    return data.tobytes() if done else None


def quad_of(quad: NDArray[np.float32]) -> Quad:
    """Return corners as they travel in events."""
    return tuple((float(x), float(y)) for x, y in quad)


def _sizes(quad: NDArray[np.float32]) -> Mapping[str, float]:
    across, down = (float(np.linalg.norm(quad[k] - quad[0])) for k in (1, 3))
    return {"width_px": across, "height_px": down}
