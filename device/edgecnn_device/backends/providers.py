"""Which of onnxruntime's providers a variant may use, and with what options."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.bundle.manifest import Precision
from edgecnn.errors import MissingExtraError
from edgecnn.targets import CPU, CUDA, TENSORRT
from edgecnn_device.backends.runtime import import_onnxruntime

SHORT_NAMES = {TENSORRT: "TensorRT", CUDA: "CUDA", CPU: "CPU"}

_FOR_TENSORRT: dict[Precision, tuple[str, ...]] = {
    "fp32": (), "fp16": ("trt_fp16_enable",), "int8-symmetric": ("trt_int8_enable",),
}  # fmt: skip
"""What it takes, and the option that allows it: no more than the variant's own precision, which is
what the gate has seen. Other int8 schemes have zero points, which TensorRT refuses."""


@dataclass(frozen=True)
class Provider:
    """A provider with its options."""

    name: str
    options: tuple[tuple[str, str], ...] = ()


CPU_ONLY = (Provider(CPU),)


def available_providers() -> tuple[str, ...]:
    """Return what the installed onnxruntime was built with; empty where there is none."""
    try:
        return tuple(import_onnxruntime().get_available_providers())
    except MissingExtraError:
        return ()


def find_providers(
    wanted: Sequence[str], available: Collection[str], precision: Precision, cache: Path
) -> tuple[Provider, ...]:
    """Return the providers for one variant, in the order they are wanted, the CPU last.

    Args:
        wanted: of a target.
        available: of the installed onnxruntime.
        precision: of the variant.
        cache: where TensorRT keeps the engine it builds, which takes minutes.
    """
    found = []
    for name in wanted:
        if name == TENSORRT and name in available and precision in _FOR_TENSORRT:
            found.append(Provider(name, _tensorrt_options(precision, cache)))
        elif name == CUDA and name in available:
            found.append(Provider(name))
    return (*found, *CPU_ONLY)


def _tensorrt_options(precision: Precision, cache: Path) -> tuple[tuple[str, str], ...]:
    # Before 1.19 onnxruntime took "True" and "False" only, not "1".
    return (
        ("trt_engine_cache_enable", "True"),
        ("trt_engine_cache_path", str(cache)),
        *((option, "True") for option in _FOR_TENSORRT[precision]),
    )
