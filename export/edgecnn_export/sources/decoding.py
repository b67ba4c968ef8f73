"""A detector as a source that decodes its boxes by itself, for ONNX files that other tools run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from edgecnn.bundle.decode import AnchorsDecode
from edgecnn.bundle.manifest import Format
from edgecnn.errors import InputError
from edgecnn.models.detector import DecodedDetector, Detector
from edgecnn.vision.anchors import anchor_grid
from edgecnn_export.sources.base import Source
from edgecnn_export.sources.torch import TorchSource
from edgecnn_export.tasks.detect import DetectGate


def decode_inside(source: Source, formats: Sequence[Format]) -> TorchSource:
    """Return a detector with its decoder in the network; suppression stays outside.

    ONNX alone: there what follows the last weights is computed in float, while a TFLite file would
    round coordinates of hundreds of pixels to 256 steps.

    Args:
        source: a RUN that detects.
        formats: that are asked for; empty: all that are possible.

    Raises:
        InputError: another source, or TFLite is asked for.
    """
    model, gate = source.network, source.gate
    if not (isinstance(source, TorchSource) and isinstance(gate, DetectGate)
            and isinstance(model, Detector)):  # fmt: skip
        raise InputError("--decode-boxes: expected a RUN that detects")
    if "tflite" in formats:
        raise InputError(
            "--decode-boxes: TFLite would round decoded boxes to 256 steps: give --format onnx"
        )
    rules = gate.decode
    assert isinstance(rules, AnchorsDecode)
    spec = source.facts.input
    grid = torch.from_numpy(anchor_grid(rules, spec.width, spec.height).copy())
    network = DecodedDetector(model, grid, rules.oriented).eval()
    facts = replace(source.facts, architecture=f"{source.facts.architecture}, decoded")
    return TorchSource(facts, gate.decoded(), network, ("onnx",))
