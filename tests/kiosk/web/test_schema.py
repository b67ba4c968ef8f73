"""The API against its own OpenAPI document, by schemathesis, with every role."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("schemathesis", reason="schemathesis is not installed")

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from edgecnn_device.kiosk.web import Role

ENDLESS = "/api/v1/cameras/{camera}/stream.mjpg"
EXAMPLES: dict[Role, int] = {"view": 3, "operate": 3, "admin": 8}
"""The first two are mostly refused."""


@pytest.mark.parametrize("role", ["view", "operate", "admin"])
def test_the_api_keeps_to_its_document(app: FastAPI, keys: Any, role: Role) -> None:
    headers = {**keys.header(role), "Host": "127.0.0.1"}
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=headers)
    tried = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.path == ENDLESS:
            continue

        @settings(
            max_examples=EXAMPLES[role],
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            # What a picture shows, and which names can be seen, no schema tells.
            unsaid = [positive_data_acceptance] if "/people" in case.path else []
            case.call_and_validate(headers=headers, excluded_checks=unsaid)

        check()
        tried += 1
    described = sum(len(methods) for methods in app.openapi()["paths"].values())
    assert tried == described - 1
