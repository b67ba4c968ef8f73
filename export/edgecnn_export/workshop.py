"""Makes the file of any variant; what two variants share is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from edgecnn.bundle.manifest import Format, InputSpec, Precision
from edgecnn.errors import EdgecnnError, InputError
from edgecnn.vision.preprocess import Input, as_taken
from edgecnn_export.calibration import CalibrationSet
from edgecnn_export.improve import correct_biases, equalize, fold_norms
from edgecnn_export.quantize import (
    Method,
    Ranges,
    find_scheme,
    measure_many,
    measure_ranges,
    pick_ranges,
    quantize,
)
from edgecnn_export.sources import Source

IMPROVED_ON = 32
"""Calibration samples that bias correction sees; it holds them all at once."""


@dataclass(frozen=True)
class Improvement:
    """What is done to the float network before it is quantized."""

    equalize: bool = False
    correct_bias: bool = False

    def __str__(self) -> str:
        names = [("equalize", self.equalize), ("correct-bias", self.correct_bias)]
        return " + ".join(name for name, on in names if on)

    def __bool__(self) -> bool:
        return self.equalize or self.correct_bias


PLAIN = Improvement()
"""The float network as it is."""


@dataclass(frozen=True)
class Plan:
    """How one variant is made."""

    kind: Format
    precision: Precision
    method: Method = "minmax"
    improvement: Improvement = PLAIN
    excluded: tuple[str, ...] = ()
    """Layers that stay in float, by their names in the float file."""
    rung: str = "plain"
    """Of the ladder."""

    @property
    def quantizes(self) -> bool:
        """Whether weights are rounded to integers, so that improvements make a difference."""
        return self.precision not in ("fp32", "fp16")

    def fallback(self, precision: Precision) -> Plan:
        """Return the plan of a gentler precision, made plainly."""
        return Plan(self.kind, precision, self.method, rung=precision)


@dataclass(eq=False)
class Workshop:
    """Builds variants from a source; keeps float files and ranges."""

    source: Source
    spec: InputSpec
    """What the files take; dtype uint8: normalization is baked."""
    calibration: CalibrationSet | None
    saved: tuple[Ranges, ...] = ()
    """Ranges measured earlier, used where they fit."""
    progress: Callable[[str], None] = lambda step: None
    _networks: dict[Improvement, nn.Module | None] = field(default_factory=dict)
    _floats: dict[tuple[Format, Improvement], bytes] = field(default_factory=dict)
    _used: dict[tuple[Format, Improvement, Method], None] = field(default_factory=dict)
    _ranges: dict[tuple[Format, Improvement, Method], Ranges] = field(default_factory=dict)

    def build(self, plan: Plan) -> bytes:
        """Return the file of a plan.

        Raises:
            InputError: the source or the network does not allow it; the message says why.
        """
        improvement = plan.improvement if plan.quantizes else PLAIN
        plan = replace(plan, improvement=improvement)
        fp32 = self.float_file(plan.kind, improvement)
        needed = find_scheme(plan.kind, plan.precision).needs_ranges
        if not needed:
            return quantize(plan.kind, fp32, plan.precision, excluded=plan.excluded)
        ranges = self.ranges(plan.kind, improvement, plan.method)
        self._used[plan.kind, improvement, plan.method] = None
        return quantize(plan.kind, fp32, plan.precision, ranges, plan.excluded)

    def float_file(self, kind: Format, improvement: Improvement = PLAIN) -> bytes:
        """Return the float file that a plan starts from."""
        key = (kind, improvement)
        if key not in self._floats:
            self.progress(f"convert: {kind} fp32" + (f", {improvement}" if improvement else ""))
            network = self._network(improvement)
            self._floats[key] = self.source.convert(kind, network, self.spec)
        return self._floats[key]

    def ranges(self, kind: Format, improvement: Improvement, method: Method) -> Ranges:
        """Return the ranges of a float file's activations, measured once."""
        key = (kind, improvement, method)
        if key not in self._ranges:
            self._ranges[key] = self._obtain(*key)
        return self._ranges[key]

    def measure_together(self, kind: Format, methods: tuple[Method, ...]) -> None:
        """Measure the ranges of several methods in one pass over the samples."""
        assert self.calibration is not None
        methods = tuple(m for m in methods if (kind, PLAIN, m) not in self._ranges)
        if not methods:
            return
        fp32 = self.float_file(kind)
        self.progress(f"calibrate: {kind}, {', '.join(methods)}")
        found = measure_many(kind, fp32, self.samples(), methods, self.calibration.id)
        self._ranges |= {(kind, PLAIN, m): ranges for m, ranges in zip(methods, found, strict=True)}

    def plain_ranges(self) -> tuple[Ranges, ...]:
        """Return the ranges of the float network as it is that files were made with."""
        return tuple(self._ranges[key] for key in self._used if not key[1])

    def _obtain(self, kind: Format, improvement: Improvement, method: Method) -> Ranges:
        """Take saved ranges for the float network as it is, else measure."""
        if self.saved and not improvement:
            fp32 = self.float_file(kind)
            return pick_ranges(kind, fp32, method, self.calibration, self.saved)
        if self.calibration is None:
            raise InputError(f"{improvement or method} needs --calibration: saved ranges do not do")
        fp32 = self.float_file(kind, improvement)
        self.progress(f"calibrate: {kind}, {method}")
        return measure_ranges(kind, fp32, self.samples(), method, self.calibration.id)

    def samples(self) -> Iterator[Input]:
        """Yield the calibration samples as the files take them."""
        assert self.calibration is not None
        for prepared in self.calibration.inputs:
            yield as_taken(prepared, self.spec)

    def _network(self, improvement: Improvement) -> nn.Module | None:
        if improvement not in self._networks:
            self._networks[improvement] = self._improved(improvement)
        return self._networks[improvement]

    def _improved(self, improvement: Improvement) -> nn.Module | None:
        network = self.source.network
        if not improvement:
            return network
        if network is None:
            raise InputError(f"{improvement} needs a torch network; the source is an ONNX file")
        self.progress(f"improve: {improvement}")
        inputs = self._few()
        try:
            better = fold_norms(network, inputs[:2])
            if improvement.equalize:
                better = equalize(better, inputs[:8]).model
            if improvement.correct_bias:
                better = correct_biases(better, inputs).model
        except InputError:
            raise
        except EdgecnnError as error:  # the copy computes something else: leave it
            raise InputError(str(error)) from error
        return better

    def _few(self) -> Tensor:
        """Return calibration samples as torch takes them, (N, C, H, W), normalized."""
        if self.calibration is None:
            raise InputError("equalization and bias correction need --calibration")
        few = list(islice(self.calibration.inputs, IMPROVED_ON))
        if len({x.shape for x in few}) > 1:
            raise InputError("equalization and bias correction need calibration pictures of one "
                             "size where the network takes any: give such, or --input")  # fmt: skip
        return torch.from_numpy(np.stack(few)).permute(0, 3, 1, 2).contiguous()
