"""Health, metrics, bundles, and what explains a rejection."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from edgecnn import __version__
from edgecnn_device.kiosk.web.errors import documented
from edgecnn_device.kiosk.web.models import (
    AliveOut,
    BundleIn,
    HealthOut,
    InfoOut,
    ModelOut,
)
from edgecnn_device.kiosk.web.parts import Parts


def probes(parts: Parts) -> APIRouter:
    """Return what a supervisor asks without a token; it learns yes or no."""
    router = APIRouter(tags=["probes"])
    refused = {503: {"model": AliveOut, "description": "No"}}

    @router.get("/healthz", responses=refused)  # type: ignore[arg-type]
    def alive(response: Response) -> AliveOut:
        """Tell whether every stage moves, or its camera is in declared backoff."""
        return _answer(response, parts.kiosk.health().alive)

    @router.get("/readyz", responses=refused)  # type: ignore[arg-type]
    def ready(response: Response) -> AliveOut:
        """Tell whether the models are loaded and a camera gave a frame."""
        return _answer(response, parts.kiosk.health().ready)

    @router.get(
        "/metrics", response_class=Response, dependencies=[Depends(parts.auth.require("view"))],
        responses={200: {"content": {"text/plain": {}}}, **documented(401, 403)},
    )  # fmt: skip
    def metrics() -> Response:
        """Give the metrics in Prometheus' text format; they too need a token."""
        return Response(parts.kiosk.metrics(), media_type="text/plain; version=0.0.4")

    return router


def routes(parts: Parts) -> APIRouter:
    """Return what the page and an administrator ask."""
    router = APIRouter(responses=documented(401, 403))
    view, admin = (Depends(parts.auth.require(role)) for role in ("view", "admin"))

    @router.get("/health", tags=["state"], dependencies=[view])
    def health() -> HealthOut:
        """Tell how cameras, models, clock and deliveries are doing."""
        return HealthOut.model_validate(parts.kiosk.health())

    @router.get("/info", tags=["state"], dependencies=[view])
    def info() -> InfoOut:
        """Give what the page shows once."""
        return InfoOut(
            name=parts.kiosk.name, version=__version__, faces=parts.kiosk.people is not None,
            consent=parts.consent, cameras=tuple(c.name for c in parts.kiosk.cameras()),
        )  # fmt: skip

    @router.get("/bundles", tags=["bundles"], dependencies=[admin])
    def bundles() -> list[ModelOut]:
        """List the bundles in use."""
        return [ModelOut.model_validate(model) for model in parts.kiosk.health().models]

    @router.post(
        "/bundles", tags=["bundles"], dependencies=[admin], responses=documented(400, 409, 503)
    )
    async def set_bundle(body: BundleIn) -> ModelOut:
        """Try another bundle beside the one in use, and take it where it proves itself.

        It is used until the next start: what is loaded then is what the configuration names.
        """
        path = parts.bundles / body.name if parts.bundles else None
        name = str(path) if path and path.is_file() else body.name
        model = await parts.chores.run(lambda: parts.kiosk.set_bundle(body.role, name))
        return ModelOut.model_validate(model)

    @router.post(
        "/diagnose", tags=["state"], dependencies=[admin], response_class=Response,
        responses={200: {"content": {"application/zip": {}}}, **documented(503)},
    )  # fmt: skip
    async def diagnose() -> Response:
        """Give a zip that explains rejected reads and faces, without pictures or templates."""
        data = await parts.chores.run(parts.kiosk.diagnose)
        headers = {"Content-Disposition": 'attachment; filename="edgecnn-diagnose.zip"'}
        return Response(data, media_type="application/zip", headers=headers)

    return router


def document(app: FastAPI, parts: Parts) -> None:
    """Give the OpenAPI document of an app to who may view."""
    view = Depends(parts.auth.require("view"))

    @app.get("/api/v1/openapi.json", include_in_schema=False, dependencies=[view])
    def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    def made() -> dict[str, object]:
        if app.openapi_schema is None:
            app.openapi_schema = get_openapi(
                title=app.title, version=app.version, description=app.description,
                routes=app.routes,
            )  # fmt: skip
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]


def _answer(response: Response, ok: bool) -> AliveOut:
    response.status_code = 200 if ok else 503
    return AliveOut(ok=ok)
