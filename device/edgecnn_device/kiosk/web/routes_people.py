"""People: enrolling, recognizing, and what their rights ask for.

Names are in bodies and never in addresses: those end up in the logs of proxies and browsers.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter, Depends, Request, Response

from edgecnn.errors import DataError, GalleryError
from edgecnn_device.gallery.person import checked_name
from edgecnn_device.kiosk.ports import EnrolResult
from edgecnn_device.kiosk.web.auth import Principal
from edgecnn_device.kiosk.web.errors import ApiError, documented
from edgecnn_device.kiosk.web.models import (
    DeletedOut,
    EnrolLiveIn,
    EnrolOut,
    FaceAnswerOut,
    IdentifyIn,
    PersonIn,
    PersonOut,
    RejectedOut,
    UnlockIn,
    VerifyIn,
)
from edgecnn_device.kiosk.web.parts import Parts
from edgecnn_device.kiosk.web.pictures import check_picture
from edgecnn_device.kiosk.web.uploads import read_form

PREFIX = "/people"
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["person", "consent", "pictures"],
                    "properties": {
                        "person": {"type": "string", "minLength": 1, "maxLength": 200},
                        "consent": {
                            "type": "string", "enum": ["true"],
                            "description": "That the person agreed, to the text they were shown.",
                        },
                        "pictures": {
                            "type": "array", "minItems": 1, "maxItems": 10,
                            "items": {"type": "string", "format": "binary"},
                            "description": "JPEG or PNG, at most 8 MiB and 25 megapixels each.",
                        },
                    },
                }
            }
        },
    }
}  # fmt: skip
_log = logging.getLogger(__name__)


def routes(parts: Parts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix=PREFIX, tags=["people"], responses=documented(401, 403, 404, 409))
    operate = Depends(parts.auth.require("operate"))
    admin = Depends(parts.auth.require("admin"))

    @router.get("", dependencies=[admin])
    def people() -> list[PersonOut]:
        """List who is enrolled."""
        return [PersonOut.model_validate(row) for row in parts.people().list()]

    @router.post("", openapi_extra=_FORM, responses=documented(413, 415, 422, 503))
    async def enrol(request: Request, found: Principal = admin) -> EnrolOut:
        """Enrol a person from pictures, which are not kept."""
        gallery = parts.people()
        form = await read_form(request.headers.get("Content-Type", ""), request.stream(),
                               "pictures")  # fmt: skip
        if form.fields.keys() - {"person", "consent"}:
            raise ApiError(422, "form", "expected the fields person, consent and pictures")
        if form.fields.get("consent") != "true":
            raise ApiError(422, "consent", "nobody is enrolled without their consent: true")
        person = _name(form.fields.get("person", ""))
        if not form.pictures:
            raise ApiError(422, "form", "expected at least one picture")
        good, rejected = _checked(form.pictures)
        if not good:
            raise DataError("; ".join(reason for _, reason in rejected))
        result = await parts.faces.run(lambda: gallery.enrol(person, good))
        return _enrolled(result, rejected, found)

    @router.post("/live", responses=documented(422, 503))
    async def enrol_live(body: EnrolLiveIn, found: Principal = admin) -> EnrolOut:
        """Enrol the face that a camera shows now."""
        gallery, person = parts.people(), _name(body.person)
        parts.check_camera(body.camera)
        result = await parts.faces.run(lambda: gallery.enrol_live(person, body.camera))
        return _enrolled(result, [], found)

    @router.post("/verify", dependencies=[operate], responses=documented(422, 423, 503))
    async def verify(body: VerifyIn) -> FaceAnswerOut:
        """Tell whether it is that person; waits for their face. A photograph may pass for one."""
        gallery, person = parts.people(), _name(body.person)
        parts.check_camera(body.camera)
        answer = await parts.faces.run(lambda: gallery.verify(person, body.camera, body.timeout_s))
        return FaceAnswerOut.model_validate(answer)

    @router.post("/identify", dependencies=[operate], responses=documented(422, 423, 503))
    async def identify(body: IdentifyIn) -> FaceAnswerOut:
        """Tell who it is; waits for their face. A photograph may pass for one."""
        gallery = parts.people()
        parts.check_camera(body.camera)
        answer = await parts.faces.run(lambda: gallery.identify(body.camera, body.timeout_s))
        return FaceAnswerOut.model_validate(answer)

    @router.post("/delete", dependencies=[admin])
    def delete(body: PersonIn) -> DeletedOut:
        """Delete a person's templates and their key: no backup of them can be opened any more."""
        return DeletedOut(deleted=parts.people().delete(_name(body.person)))

    @router.post(
        "/export", dependencies=[admin], response_class=Response,
        responses={200: {"content": {"application/json": {}}}},
    )  # fmt: skip
    def export(body: PersonIn) -> Response:
        """Give all that is kept of a person, for them to have."""
        data = parts.people().export(_name(body.person))
        headers = {"Content-Disposition": 'attachment; filename="person.json"'}
        return Response(data, media_type="application/json", headers=headers)

    @router.post("/unlock", dependencies=[admin], status_code=204)
    def unlock(body: UnlockIn) -> None:
        """Let a person, or the kiosk, try again after too many failures."""
        parts.people().unlock(None if body.person is None else _name(body.person))

    return router


def _name(person: str) -> str:
    """Return a name as the gallery keeps it, by the gallery's own rule."""
    try:
        return checked_name(person)
    except GalleryError as error:
        raise ApiError(422, "name", str(error)) from error


def _checked(
    pictures: tuple[tuple[str, bytes], ...],
) -> tuple[list[tuple[str, bytes]], list[tuple[str, str]]]:
    good, rejected = [], []
    for name, data in pictures:
        try:
            check_picture(name, data)
            good.append((name, data))
        except DataError as error:
            rejected.append((name, str(error)))
    return good, rejected


def _enrolled(result: EnrolResult, rejected: list[tuple[str, str]], found: Principal) -> EnrolOut:
    _log.info("somebody was enrolled, with their consent, by token %s", found.token)
    reasons = (*rejected, *result.rejected)
    return EnrolOut(
        person=result.person, pictures=result.pictures,
        rejected=tuple(RejectedOut(picture=n, reason=r) for n, r in reasons),
    )  # fmt: skip
