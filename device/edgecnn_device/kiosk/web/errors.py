"""Refusals: one shape of body, with a status that says what was wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from edgecnn.errors import BundleError, DataError, EdgecnnError, GalleryError, LockedError
from edgecnn_device.kiosk.web.headers import SECURITY_HEADERS

_log = logging.getLogger(__name__)


class ErrorDetail(BaseModel):
    """What was wrong."""

    code: str
    """For programs."""
    message: str
    """For people: what was expected, what came, what to do."""


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorDetail


class ApiError(HTTPException):
    """A request is refused."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code


def busy(message: str, code: str = "busy", retry_after_s: float = 1.0) -> ApiError:
    """Return the refusal of what may be asked for again later."""
    return ApiError(503, code, message, {"Retry-After": str(ceil(retry_after_s))})


def too_often(wait_s: float) -> ApiError:
    """Return the refusal of who asks too often."""
    wait = max(1, ceil(wait_s))
    return ApiError(429, "too_often", f"too many requests: wait {wait} s",
                    {"Retry-After": str(wait)})  # fmt: skip


def response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a refusal as it is sent."""
    body = ErrorBody(error=ErrorDetail(code=code, message=message))
    return JSONResponse(body.model_dump(), status, dict(headers or {}))


def refusal(error: EdgecnnError) -> ApiError:
    """Return the refusal that an error of the daemon becomes."""
    match error:
        case LockedError():
            wait = error.retry_after_s
            headers = {} if wait is None else {"Retry-After": str(max(1, ceil(wait)))}
            return ApiError(423, "locked", str(error), headers)
        case GalleryError():
            return ApiError(409, "gallery", str(error))
        case BundleError():
            return ApiError(409, "bundle", str(error))
        case DataError():
            return ApiError(422, "picture", str(error))
    return ApiError(400, "refused", str(error))


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return the OpenAPI part of the refusals with these statuses."""
    return {
        status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Let every refusal of an app have the one shape."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(EdgecnnError, _of_edgecnn)
    app.add_exception_handler(Exception, _of_bug)


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = error.code if isinstance(error, ApiError) else phrase.lower().replace(" ", "_")
    return response(error.status_code, code, str(error.detail), error.headers)


async def _of_validation(_: Request, error: Exception) -> JSONResponse:
    """Name what was wrong, without what came: it might be a name or a secret."""
    assert isinstance(error, RequestValidationError)
    found = [f"{'.'.join(str(p) for p in e['loc'][1:])}: {e['msg']}" for e in error.errors()[:5]]
    return response(422, "invalid", "; ".join(found))


async def _of_edgecnn(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EdgecnnError)
    return await _of_http(request, refusal(error))


async def _of_bug(_: Request, error: Exception) -> JSONResponse:
    _log.error("a request failed unforeseen: %s", type(error).__name__)
    return response(500, "internal", "the kiosk failed at this request; its log says where",
                    SECURITY_HEADERS)  # fmt: skip
