"""The quantization schemes of each format, by their true names."""

from __future__ import annotations

from dataclasses import dataclass

from edgecnn.bundle.manifest import Format
from edgecnn.errors import InputError


@dataclass(frozen=True)
class Scheme:
    """One way to store and compute a network."""

    format: Format
    name: str
    """What a person asks for."""
    stands_for: str
    """What the file holds: ``w`` weights, ``a`` activations; the manifest's ``scheme``."""
    made_by: str
    """The library call, or the operators that we place ourselves."""
    activation_bits: int | None = None
    """Of static ranges; None: needs no calibration."""

    @property
    def needs_ranges(self) -> bool:
        """Whether measured ranges set its activations."""
        return self.activation_bits is not None


_QDQ = "onnxruntime.quantization.qdq_quantizer.QDQQuantizer"
_AEQ = "ai_edge_quantizer.quantizer.Quantizer.quantize"

SCHEMES: tuple[Scheme, ...] = (
    Scheme("onnx", "fp32", "float32", "the export itself"),
    Scheme("onnx", "fp16", "wf16_af16_io_f32",
           "onnxruntime.transformers.float16.convert_float_to_float16"),
    Scheme("onnx", "int8", "static_qdq_wi8_per_channel_ai8", _QDQ, 8),
    Scheme("onnx", "int8-symmetric", "static_qdq_wi8_per_channel_ai8_symmetric", _QDQ, 8),
    Scheme("onnx", "int8-weights", "weight_only_wi8_per_channel_af32", "DequantizeLinear"),
    Scheme("onnx", "int8-dynamic", "dynamic_wi8_per_channel_au8",
           "DynamicQuantizeLinear, ConvInteger, MatMulInteger"),
    Scheme("onnx", "int16x8", "static_qdq_wi8_per_channel_ai16", _QDQ, 16),
    Scheme("tflite", "fp32", "float32", "the export itself"),
    Scheme("tflite", "fp16", "weight_only_wf16_af32", f"{_AEQ}, float_casting"),
    Scheme("tflite", "int8", "static_wi8_ai8", f"{_AEQ}, static_wi8_ai8", 8),
    Scheme("tflite", "int8-weights", "weight_only_wi8_afp32", f"{_AEQ}, weight_only_wi8_afp32"),
    Scheme("tflite", "int8-dynamic", "dynamic_wi8_afp32", f"{_AEQ}, dynamic_wi8_afp32"),
    Scheme("tflite", "int16x8", "static_wi8_ai16", f"{_AEQ}, static_wi8_ai16", 16),
)  # fmt: skip


def supported(kind: Format) -> tuple[str, ...]:
    """Return the names of a format's schemes."""
    return tuple(s.name for s in SCHEMES if s.format == kind)


def find_scheme(kind: Format, name: str) -> Scheme:
    """Return a scheme.

    Raises:
        InputError: the format has none of this name; the message lists those it has.
    """
    for scheme in SCHEMES:
        if (scheme.format, scheme.name) == (kind, name):
            return scheme
    names = ", ".join(supported(kind))
    if not names:
        raise InputError(f"unknown format {kind!r}: expected onnx or tflite")
    raise InputError(f"{kind} has no scheme {name!r}: expected one of {names}")
