"""What to export for a board and how to run it there: one table that both halves read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `edgecnn bench --help` lists the names without loading the manifest's schema
    from edgecnn.bundle.manifest import Format, Precision

TENSORRT = "TensorrtExecutionProvider"
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"


@dataclass(frozen=True)
class Target:
    """A preset for one kind of board."""

    name: str
    board: str
    """What the board calls itself; part of the processor's name there."""
    formats: tuple[Format, ...]
    precisions: tuple[Precision, ...]
    """Both in order of preference, as `edgecnn export` takes them."""
    threads: int
    providers: tuple[str, ...]
    """Of onnxruntime, in order of preference; the CPU is always the last."""
    notes: tuple[str, ...]
    """What an engineer should know, a line each."""

    def missing(self, variants: tuple[tuple[Format, Precision], ...]) -> tuple[str, ...]:
        """Return the FORMAT-PRECISION that the preset asks for and a bundle does not hold."""
        wanted = ((f, p) for f in self.formats for p in self.precisions)
        return tuple(f"{f}-{p}" for f, p in wanted if (f, p) not in variants)


_TARGETS = (
    Target(
        "raspberry-pi-4", "Raspberry Pi 4", ("tflite", "onnx"), ("int8", "fp32"), 1, (CPU,),
        (
            "64-bit system; four Cortex-A72 without integer dot products (asimddp): int8 may gain "
            "little, so keep fp32 in the bundle and let `edgecnn bench` choose on the board.",
            "Cooling decides what it does for long: `edgecnn bench BUNDLE --sustained`.",
            "One thread leaves three cores to camera and decoding; for a large network compare "
            "--threads 2 and 4.",
        ),
    ),
    Target(
        "raspberry-pi-5", "Raspberry Pi 5", ("tflite", "onnx"), ("int8", "fp32"), 1, (CPU,),
        (
            "64-bit system; four Cortex-A76 with integer dot products (asimddp), which both "
            "runtimes have kernels for: export both, and let `edgecnn bench` choose on the board.",
            "Cooling decides what it does for long: `edgecnn bench BUNDLE --sustained`.",
            "One thread leaves three cores to camera and decoding; for a large network compare "
            "--threads 2 and 4.",
        ),
    ),
    Target(
        "jetson", "Jetson", ("onnx",), ("int8-symmetric", "fp16", "fp32"), 1, (TENSORRT, CUDA, CPU),
        (
            "TensorRT takes int8 with zero points 0 only: int8-symmetric. It needs an onnxruntime "
            "built with TensorRT, such as NVIDIA's for JetPack, in place of PyPI's.",
            "The first start of a variant builds its TensorRT engine, which takes minutes; it is "
            "kept in the state folder. `edgecnn bench BUNDLE --target jetson` builds them all.",
            "Small networks can be faster on the CPU: bench measures both, and `edgecnn run` takes "
            "what won.",
        ),
    ),
)  # fmt: skip

TARGETS: Mapping[str, Target] = MappingProxyType({t.name: t for t in _TARGETS})
