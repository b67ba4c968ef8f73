"""A classifier as a source that slides over the picture: its convolutional copy, task `detect`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from edgecnn.bundle.decode import LabelsDecode, WindowsDecode
from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.errors import InputError
from edgecnn.models.base import ConvNet
from edgecnn.models.convolutional import Convolutional
from edgecnn.vision.windows import SUPPRESSION, check_background
from edgecnn_export.sources.base import Source
from edgecnn_export.sources.torch import TorchSource
from edgecnn_export.tasks.classify import ClassifyGate
from edgecnn_export.tasks.sliding import SlidingGate

SAME = 1e-4
"""Largest difference from the classifier on one window, times max(1, largest logit)."""


@dataclass(frozen=True)
class Sliding:
    """How a classifier becomes a detector."""

    shape: tuple[int, int, int] | None = None
    """C, H, W of the one input that the files take; None: any size, in ONNX alone."""
    background: tuple[str, ...] = ()
    """Classes that mean that nothing is there."""


def slide(source: Source, sliding: Sliding, formats: Sequence[Format]) -> TorchSource:
    """Return the convolutional copy of a classifier.

    Args:
        source: a RUN that classifies.
        sliding: how.
        formats: that are asked for; empty: all that are possible.

    Raises:
        InputError: another source, a network or a size that cannot be slid.
    """
    model, gate = source.network, source.gate
    if not (isinstance(source, TorchSource) and isinstance(gate, ClassifyGate)
            and isinstance(model, ConvNet)):  # fmt: skip
        raise InputError("--convolutional: expected a RUN that classifies")
    if sliding.shape is None and "tflite" in formats:
        raise InputError(
            "--convolutional: a TFLite file takes one size: give --input C,H,W, or --format onnx "
            "for any size"
        )
    spec = source.facts.input
    network = Convolutional(model, (spec.channels, spec.height, spec.width))
    _require_same(model, network, spec)
    rules = _rules(gate, network, sliding)
    fixed = _input(spec, sliding.shape)
    facts = replace(source.facts, task="detect", input=fixed,
                    architecture=f"{source.facts.architecture}, convolutional")  # fmt: skip
    possible: tuple[Format, ...] = ("onnx",) if sliding.shape is None else source.formats
    return TorchSource(facts, SlidingGate(gate, spec, rules, fixed), network, possible)


def _rules(gate: ClassifyGate, network: Convolutional, sliding: Sliding) -> WindowsDecode:
    labels = gate.decode
    assert isinstance(labels, LabelsDecode)
    check_background(sliding.background, labels.labels)
    return WindowsDecode(
        labels=labels.labels, activation=labels.activation, background=sliding.background,
        window=network.window, stride=network.stride, suppression=SUPPRESSION,
    )  # fmt: skip


def _input(spec: InputSpec, shape: tuple[int, int, int] | None) -> InputSpec:
    """Return what the files take: pictures as they are, or letterboxed into one size."""
    if shape is None:
        return spec.model_copy(update={"resize": "none"})
    channels, height, width = shape
    if channels != spec.channels or height < spec.height or width < spec.width:
        raise InputError(
            f"--input: the RUN classifies {spec.channels},{spec.height},{spec.width}: expected as "
            f"many channels and sides of at least that, got {channels},{height},{width}"
        )
    return spec.model_copy(update={"resize": "letterbox", "height": height, "width": width})


@torch.inference_mode()
def _require_same(model: ConvNet, network: Convolutional, spec: InputSpec) -> None:
    """Refuse a copy that says something else of a picture of one window than the classifier."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, spec.channels, spec.height, spec.width, generator=generator)
    wanted, found = model(x), network(x)
    if found.shape != (*wanted.shape, 1, 1):
        raise InputError(f"one window gives {tuple(found.shape)}: expected a single position")
    worst = float((found.flatten(1) - wanted).abs().max())
    if not worst <= SAME * max(1.0, float(wanted.abs().max())):
        raise InputError(f"the convolutional copy differs from the classifier by {worst:.3g}")
