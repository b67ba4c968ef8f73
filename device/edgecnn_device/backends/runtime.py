"""Imports onnxruntime as an embedded product wants it."""

from __future__ import annotations

import os
from typing import Any

from edgecnn.errors import MissingExtraError


def import_onnxruntime() -> Any:
    """Return the module, with its telemetry off unless ``ORT_DISABLE_TELEMETRY`` says otherwise.

    Its Linux build 1.31.1 keeps a device id and a database in the cache folder and sends events
    over HTTPS; the variable counts only before the first session.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime") from error
    return onnxruntime
