"""The API against its own OpenAPI document, by schemathesis, with every role."""

from __future__ import annotations

from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings

from edgecnn_device.kiosk.web import Role

ENDLESS = "/api/v1/cameras/{camera}/stream.mjpg"
EXAMPLES = 8


@pytest.mark.parametrize("role", ["view", "operate", "admin"])
def test_the_api_keeps_to_its_document(app: FastAPI, keys, role: Role) -> None:  # type: ignore[no-untyped-def]
    headers = keys.header(role)
    schema = schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", app, headers=headers, base_url="http://127.0.0.1"
    )
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == ENDLESS:
            continue

        @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
                  phases=(Phase.generate,), suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            case.call_and_validate(headers=headers)

        check()
        tried += 1
    assert tried == len(app.openapi()["paths"]) + 2  # two paths have more than one method
