"""Opens the runtime that a model file needs; each is imported only when used."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from edgecnn.bundle.manifest import Format
from edgecnn_device.backends.base import DEFAULT_THREADS, Backend
from edgecnn_device.backends.providers import CPU_ONLY, Provider

_PACKAGES: dict[Format, tuple[str, ...]] = {
    "onnx": ("onnxruntime",),
    "tflite": ("ai_edge_litert", "tflite_runtime"),
}


def can_run(kind: Format) -> bool:
    """Tell, without importing it, whether a runtime for the format is installed."""
    return any(importlib.util.find_spec(name) is not None for name in _PACKAGES[kind])


def open_backend(
    kind: Format,
    model: bytes,
    threads: int = DEFAULT_THREADS,
    providers: Sequence[Provider] = CPU_ONLY,
) -> Backend:
    """Load a model file.

    Args:
        kind: of the file.
        model: its content.
        threads: of the runtime.
        providers: of onnxruntime; the other runtimes have the CPU alone.

    Raises:
        BundleError: the runtime refuses the model.
        MissingExtraError: no runtime for the format is installed.
    """
    if kind == "onnx":
        from edgecnn_device.backends.onnx import OnnxBackend

        return OnnxBackend(model, threads, providers)
    from edgecnn_device.backends.tflite import TfliteBackend

    return TfliteBackend(model, threads)
