"""The faces of each camera: looked at where somebody asks, or where everybody is identified."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import EdgecnnError, FaceError, GalleryError, LockedError
from edgecnn.vision.quads import box_quads
from edgecnn_device.cameras import CameraFrame
from edgecnn_device.faces import (
    AlignedFace,
    FaceChain,
    FaceEmbedder,
    FaceFinder,
    PointRefiner,
    main_face,
)
from edgecnn_device.gallery import Gallery
from edgecnn_device.kiosk.config import FacesConfig
from edgecnn_device.kiosk.events import FaceSeen
from edgecnn_device.kiosk.pipeline.diagnosis import Rejection, RejectionRing
from edgecnn_device.kiosk.pipeline.emit import Emit
from edgecnn_device.kiosk.pipeline.face_request import FaceRequest
from edgecnn_device.kiosk.pipeline.judge import Judge
from edgecnn_device.kiosk.pipeline.metrics import Metrics
from edgecnn_device.kiosk.pipeline.models import Models
from edgecnn_device.kiosk.pipeline.presentation import Answer, Look, Presentation
from edgecnn_device.kiosk.ports import EnrolResult, FaceAnswer, SeenFace
from edgecnn_device.notes.track import QuadTracker

REALLY_THERE = 3
"""Frames in which somebody must have been seen for it to be an event that nobody was named."""
MAX_MISSED = 5
"""Frames in a row that a face may be missed without being taken for gone."""
GONE_S = 2.0
"""After so long without a look at a camera, whoever is there may be somebody else."""
_REFUSED_S = 10.0
"""Before another attempt where the gallery could not be used."""
_EVERY = 10
"""Of so many poor frames of a person the numbers of one are kept."""
_TAKEN = "another face in view is already that person"


@dataclass(eq=False)
class _View:
    """Of one camera."""

    tracker: QuadTracker = field(default_factory=lambda: QuadTracker(MAX_MISSED))
    people: dict[int, Presentation] = field(default_factory=dict)
    request: FaceRequest | None = None
    done: float = 0.0


class FaceStage:
    """Follows people, collects good frames of them, and has them decided; the worker's own."""

    def __init__(
        self, models: Models, gallery: Gallery, config: FacesConfig, emit: Emit,
        rejections: RejectionRing, metrics: Metrics,
    ) -> None:  # fmt: skip
        """Take loaded bundles and an open gallery.

        Args:
            models: with the two of faces.
            gallery: of the embedder; opened by the worker.
            config: of faces.
            emit: takes events.
            rejections: takes the numbers of what is rejected.
            metrics: where faces are counted.
        """
        self._gallery, self._config, self._emit = gallery, config, emit
        self._rejections, self._metrics = rejections, metrics
        self._views: dict[str, _View] = {}
        self.use(models)

    def use(self, models: Models) -> None:
        """Go on with these bundles; the embedder's templates are the gallery's."""
        finder, embedder = models.get("face-detector"), models.get("face-embedder")
        points = models.find("face-points")
        refine = None if points is None else PointRefiner(points.runner)
        used = (finder, embedder) if points is None else (finder, points, embedder)
        self._variant = ", ".join(model.variant for model in used)
        embed = FaceEmbedder(embedder.runner)
        # A camera's pictures are upright; those that people send may not be.
        self._chain = FaceChain(FaceFinder(finder.runner, sure=0, refine=refine), embed)
        self.pictures = FaceChain(FaceFinder(finder.runner, refine=refine), embed)
        """For pictures that were sent."""
        self.judge = Judge(self._gallery, embed.curve, self._config)

    def wanted(self, camera: str) -> bool:
        """Tell whether anybody wants this camera's faces."""
        view = self._views.get(camera)
        return self._config.watch or (view is not None and view.request is not None)

    def __call__(self, frame: CameraFrame) -> tuple[SeenFace, ...]:
        """Look at a frame, and return the faces in view."""
        view = self._views.setdefault(frame.camera, _View())
        # Counted from the end of the last look, so that a slow board is no camera that was gone.
        if frame.captured - view.done > GONE_S:
            self._leave(frame.camera, view, frame)
        hop, begun = self._metrics.hop(frame.camera, "face"), time.monotonic()
        faces = self._chain.find(frame.image)
        hop.came(len(faces))
        tracks = self._follow(view, faces, frame)
        self._collect(view, faces, tracks)
        seen = time.monotonic()
        hop.took(seen - begun)
        hop.dropped("poor", sum(not face.quality.good for face in faces))
        hop.went(sum(face.quality.good for face in faces))
        self._decide(view, frame)
        view.done = time.monotonic()
        self._metrics.hop(frame.camera, "vote").took(view.done - seen)
        return tuple(
            _seen(face, view.people[track]) for face, track in zip(faces, tracks, strict=True)
        )

    def begin(self, request: FaceRequest) -> None:
        """Take a request.

        Raises:
            GalleryError: another one waits at that camera, or nobody of that name is enrolled.
        """
        view = self._views.setdefault(request.camera, _View())
        if view.request is not None:
            raise GalleryError(f"somebody stands at {request.camera} already: repeat later")
        if request.kind == "verify" and not self._gallery.has(request.person or ""):
            raise GalleryError("nobody is enrolled by that name: check it, or enrol them")
        self._gallery.refresh()
        request.fmr = self.judge.rate()
        view.request = request

    def cancel(self, request: FaceRequest) -> None:
        """End a request whose time is over; its outcome says what was missing."""
        view = self._views[request.camera]
        if view.request is request:
            view.request = None
        if request.outcome.done():
            return
        request.looks.clear()
        if request.kind == "enrol":
            request.outcome.set_result(
                EnrolResult(request.person or "", 0, ((request.camera, request.fault),))
            )
            return
        if request.seen:
            body = FaceSeen(None, request.fmr, request.fault, request.person)
            self._emit(body, request.camera)
        request.outcome.set_result(FaceAnswer(None, False, request.fmr, request.fault))

    def forget(self, person: str) -> None:
        """Name nobody any more who was deleted."""
        for view in self._views.values():
            for one in view.people.values():
                if one.answer is not None and one.answer.person == person:
                    one.answer = Answer(None, one.answer.fmr, "nobody is alike enough")

    def retry(self) -> None:
        """Compare again who was refused for too many failures: somebody reset the count."""
        for view in self._views.values():
            for one in view.people.values():
                one.again_at = 0.0

    def end(self, camera: str) -> None:
        """Take everybody for gone: the camera is."""
        if camera in self._views:
            self._leave(camera, self._views[camera], None)

    def close(self) -> None:
        """Refuse what waits: the daemon ends."""
        for view in self._views.values():
            view.people.clear()
            if view.request is not None and not view.request.outcome.done():
                view.request.outcome.set_exception(EdgecnnError("the daemon is stopping"))
            view.request = None

    def _follow(
        self, view: _View, faces: Sequence[AlignedFace], frame: CameraFrame
    ) -> tuple[int, ...]:
        boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
        matches = view.tracker(box_quads(boxes))
        for track, face in zip(matches.tracks, faces, strict=True):
            one = view.people.setdefault(track, Presentation(track))
            one.frames += 1
            one.fault = "; ".join(face.quality.reasons)
            if not face.quality.good and one.frames % _EVERY == 1:
                self._reject_look(frame, face)
        for track in matches.ended:
            self._gone(view.people.pop(track), frame.camera, frame)
        return matches.tracks

    def _collect(self, view: _View, faces: Sequence[AlignedFace], tracks: Sequence[int]) -> None:
        """Embed the good faces of a frame, where anybody wants one of them."""
        in_front = self._in_front(view, faces, tracks)
        now = time.monotonic()
        open_ones = [
            view.people[track] for track, face in zip(tracks, faces, strict=True)
            if self._config.watch and face.quality.good and view.people[track].answer is None
            and now >= view.people[track].again_at
        ]  # fmt: skip
        if not open_ones and in_front is None:
            return
        vectors = {
            track: self._chain.embedder(face.aligned)
            for track, face in zip(tracks, faces, strict=True) if face.quality.good
        }  # fmt: skip
        for one in open_ones:
            one.looks.append(_look(one.track, vectors))
        if in_front is not None and view.request is not None:
            view.request.looks.append(_look(in_front, vectors))

    def _in_front(
        self, view: _View, faces: Sequence[AlignedFace], tracks: Sequence[int]
    ) -> int | None:
        """Return the track that a request is of, where this frame is one to decide by."""
        request = view.request
        if request is None:
            return None
        request.seen |= bool(faces)
        try:
            main = main_face(faces)
        except FaceError as error:
            request.fault = str(error)
            return None
        track = tracks[next(i for i, face in enumerate(faces) if face is main)]
        if track != request.track:  # somebody else stepped in front
            request.looks.clear()
            request.track = track
        request.fault = "; ".join(main.quality.reasons) or "hold still for another moment"
        return track if main.quality.good else None

    def _decide(self, view: _View, frame: CameraFrame) -> None:
        for one in view.people.values():
            if len(one.looks) >= self._config.frames:
                self._name(view, one, frame)
        request = view.request
        if request is None:
            return
        wanted = 1 if request.kind == "enrol" else self._config.frames
        if len(request.looks) >= wanted:
            view.request = None
            self._answer(request, frame)

    def _name(self, view: _View, one: Presentation, frame: CameraFrame) -> None:
        """Decide who somebody is whom nobody asked for."""
        looks, one.looks = one.looks, []
        try:
            answer, margin = self.judge.identify(looks, f"watch {frame.camera}")
        except LockedError as error:
            one.fault = str(error)
            one.again_at = time.monotonic() + (error.retry_after_s or float("inf"))
            return
        except EdgecnnError:  # the gallery's words may hold names
            one.fault = "the gallery cannot be used at present"
            one.again_at = time.monotonic() + _REFUSED_S
            return
        others = {
            other.answer.person for other in view.people.values()
            if other is not one and other.answer is not None
        }  # fmt: skip
        if answer.person is not None and answer.person in others:
            answer = Answer(None, answer.fmr, _TAKEN)
        one.answer = answer
        self._told(answer, margin, None, frame)

    def _answer(self, request: FaceRequest, frame: CameraFrame) -> None:
        """Decide what somebody asked for."""
        looks, request.looks = request.looks, []
        person = request.person or ""
        try:
            if request.kind == "enrol":
                count = self._gallery.enrol(person, looks[0].vector[None])
                request.outcome.set_result(EnrolResult(person, count, ()))
                return
            terminal = f"camera {frame.camera}"
            if request.kind == "verify":
                answer, margin = self.judge.verify(person, looks, terminal)
            else:
                answer, margin = self.judge.identify(looks, terminal)
        except Exception as error:
            request.outcome.set_exception(error)
            return
        self._told(answer, margin, request.person, frame)
        match = answer.person is not None
        request.outcome.set_result(FaceAnswer(answer.person, match, answer.fmr, answer.reason))

    def _told(
        self, answer: Answer, margin: float | None, claimed: str | None, frame: CameraFrame
    ) -> None:
        hop = self._metrics.hop(frame.camera, "vote")
        hop.came()
        hop.went()
        self._emit(FaceSeen(answer.person, answer.fmr, answer.reason, claimed), frame.camera, frame)
        if answer.person is not None:
            return
        facts = {"rate": answer.fmr, "frames": self._config.frames, "agree": self._config.agree,
                 "templates": self._gallery.templates}  # fmt: skip
        if margin is not None:
            facts["margin_to_threshold"] = margin
        if (threshold := self.judge.threshold()) is not None:
            facts["threshold"] = threshold
        self._reject("decision", frame, answer.reason, tuple(facts.items()))

    def _reject_look(self, frame: CameraFrame, face: AlignedFace) -> None:
        quality = face.quality
        facts = (
            ("score", face.score), ("eye_distance_px", quality.eye_distance),
            ("inside", quality.inside), ("sharpness", quality.sharpness),
            ("yaw_degrees", quality.yaw), ("pitch_degrees", quality.pitch),
            ("roll_degrees", quality.roll),
            ("frame_age_s", time.monotonic() - frame.captured),
        )  # fmt: skip
        self._reject("face", frame, "; ".join(quality.reasons), facts)

    def _reject(
        self, stage: Literal["face", "decision"], frame: CameraFrame, reason: str,
        facts: tuple[tuple[str, float], ...],
    ) -> None:  # fmt: skip
        self._rejections.add(
            Rejection(stage, frame.camera, reason, facts, self._variant, time.monotonic())
        )

    def _leave(self, camera: str, view: _View, frame: CameraFrame | None) -> None:
        for one in view.people.values():
            self._gone(one, camera, frame)
        view.people.clear()
        view.tracker = QuadTracker(MAX_MISSED)
        if view.request is not None:
            view.request.track = None
            view.request.looks.clear()

    def _gone(self, one: Presentation, camera: str, frame: CameraFrame | None) -> None:
        """Say of somebody who left undecided that they were there."""
        one.looks.clear()
        if one.answer is not None or not self._config.watch:
            return
        hop = self._metrics.hop(camera, "vote")
        hop.came()
        if one.frames < REALLY_THERE:
            hop.dropped("glimpse")
            return
        hop.went()
        reason = one.fault or "left before there were enough good frames"
        self._emit(FaceSeen(None, self.judge.rate(), reason), camera, frame)


def _look(track: int, vectors: Mapping[int, NDArray[np.float32]]) -> Look:
    others = tuple(vector for other, vector in vectors.items() if other != track)
    return Look(vectors[track], others)


def _seen(face: AlignedFace, one: Presentation) -> SeenFace:
    answer = one.answer
    if answer is None:
        return SeenFace(face.box, None, one.fault)
    return SeenFace(face.box, answer.person, answer.reason)
