"""People for the web half: every method hands its work to the worker, which owns the gallery."""

from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial

from PIL import Image

from edgecnn.data.images import decode_image
from edgecnn.errors import DataError, FaceError, GalleryError, InputError
from edgecnn_device.faces.results import Picture
from edgecnn_device.gallery import Gallery, ModelIdentity
from edgecnn_device.gallery.export import export_json
from edgecnn_device.gallery.person import checked_name
from edgecnn_device.kiosk.pipeline.calls import Calls
from edgecnn_device.kiosk.pipeline.face_request import FaceRequest, Outcome
from edgecnn_device.kiosk.pipeline.faces import FaceStage
from edgecnn_device.kiosk.ports import EnrolResult, FaceAnswer, PersonRow

PICTURES = 20
"""That are enrolled at once, at most."""
_PIXELS = 50_000_000
"""Of a picture that is sent."""
_LONGEST_S = 60.0
_ENROL_S = 5.0
"""So long the person who is to be enrolled may look at the camera."""
_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


class FacePeople:
    """`ports.People` on the pipeline; any thread may call it."""

    def __init__(
        self, calls: Calls, stage: FaceStage, gallery: Gallery, identity: ModelIdentity,
        cameras: Collection[str],
    ) -> None:  # fmt: skip
        """Put together what the worker owns.

        Args:
            calls: to the worker.
            stage: its own.
            gallery: likewise; touched within a call alone.
            identity: of the embedder in use.
            cameras: those whose faces may be looked at.
        """
        self._calls, self._stage, self._gallery = calls, stage, gallery
        self._identity, self._cameras = identity, cameras

    def list(self) -> Sequence[PersonRow]:
        """Return who is enrolled, by name."""
        people = self._calls.ask(self._gallery.people)
        return [PersonRow(p.name, p.templates, p.model == self._identity) for p in people]

    def enrol(self, person: str, pictures: Sequence[tuple[str, bytes]]) -> EnrolResult:
        """Enrol encoded pictures; frames go on between them."""
        name = checked_name(person)
        if not 1 <= len(pictures) <= PICTURES:
            raise GalleryError(f"expected 1 to {PICTURES} pictures, got {len(pictures)}")
        rejected: list[tuple[str, str]] = []
        count = 0
        for title, data in pictures:
            try:
                picture = decode_picture(data)
                count = self._calls.ask(partial(self._enrol_one, name, picture))
            except DataError as error:
                rejected.append((title, str(error)))
        return EnrolResult(name, count, tuple(rejected))

    def enrol_live(self, person: str, camera: str) -> EnrolResult:
        """Enrol the face that the next good frame of a camera shows, if one comes in 5 s."""
        request = FaceRequest("enrol", camera, checked_name(person))
        outcome = self._wait(request, _ENROL_S)
        assert isinstance(outcome, EnrolResult)
        return outcome

    def verify(self, person: str, camera: str, timeout_s: float) -> FaceAnswer:
        """Decide on the next frames of a camera whether it is that person."""
        outcome = self._wait(FaceRequest("verify", camera, checked_name(person)), timeout_s)
        assert isinstance(outcome, FaceAnswer)
        return outcome

    def identify(self, camera: str, timeout_s: float) -> FaceAnswer:
        """Tell on the next frames of a camera who it is."""
        outcome = self._wait(FaceRequest("identify", camera, None), timeout_s)
        assert isinstance(outcome, FaceAnswer)
        return outcome

    def delete(self, person: str) -> bool:
        """Delete a person's templates and key."""
        name = checked_name(person)
        return self._calls.ask(lambda: self._delete(name))

    def export(self, person: str) -> bytes:
        """Return what is kept of a person as JSON."""
        name = checked_name(person)
        return self._calls.ask(lambda: export_json(self._gallery.export(name)))

    def unlock(self, person: str | None) -> None:
        """Reset the failures of a person; of all cameras, where none is named."""
        name = None if person is None else checked_name(person)
        self._calls.ask(lambda: self._unlock(name))

    def _enrol_one(self, person: str, picture: Picture) -> int:
        vector = self._stage.pictures.the_face(picture).vector
        return self._gallery.enrol(person, vector[None])

    def _delete(self, person: str) -> bool:
        if not self._gallery.has(person):
            return False
        self._gallery.delete(person)
        self._stage.forget(person)
        return True

    def _unlock(self, person: str | None) -> None:
        self._stage.retry()
        if person is not None:
            self._gallery.failures.reset(person)
            return
        for camera in self._cameras:
            for where in ("camera", "watch"):
                self._gallery.failures.reset(terminal=f"{where} {camera}")

    def _wait(self, request: FaceRequest, timeout_s: float) -> Outcome:
        if request.camera not in self._cameras:
            known = ", ".join(self._cameras)
            raise InputError(
                f"no camera {request.camera!r} looks at faces: expected one of {known}"
            )
        if not 0 < timeout_s <= _LONGEST_S:
            raise InputError(f"expected 0 < timeout <= {_LONGEST_S:g} seconds, got {timeout_s:g}")
        self._calls.ask(lambda: self._stage.begin(request))
        try:
            return request.outcome.result(timeout_s)
        except FutureTimeoutError:
            self._calls.ask(lambda: self._stage.cancel(request))
            return request.outcome.result(0)


def decode_picture(data: bytes) -> Picture:
    """Decode a picture that somebody sent; its size is looked at first.

    Raises:
        FaceError: neither JPEG nor PNG, damaged, or too large; the message is for the sender.
    """
    if not data.startswith(_HEADS):
        raise FaceError("not a picture: expected JPEG or PNG")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of size, which is checked here
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as opened:
                width, height = opened.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise FaceError("damaged, or too large: expected JPEG or PNG") from None
    if width * height > _PIXELS:
        raise FaceError(f"too large: {width} x {height}, expected at most 50 megapixels")
    try:
        return decode_image(data, "the picture")
    except DataError as error:
        raise FaceError(str(error)) from error
