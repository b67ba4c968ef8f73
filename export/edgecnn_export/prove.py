"""The gate set, what the float model makes of it, and what a variant does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec, Metric, Parity, Variant
from edgecnn.bundle.read import join_outputs
from edgecnn.errors import DataError
from edgecnn.vision.preprocess import Input, network_input
from edgecnn_device.backends import Backend, open_backend
from edgecnn_export.calibration import sample_hash
from edgecnn_export.gate import Verdict, judge, measure_drop, measure_parity, worst_parity
from edgecnn_export.quantize import find_scheme
from edgecnn_export.sources import Source
from edgecnn_export.tasks.base import GateSet, Outputs, TaskScore, join
from edgecnn_export.tolerances import DEFAULT_MAX_DROP, TOLERANCES
from edgecnn_export.workshop import Plan

BATCH = 32
HALVES_SEED = 7

Positions = NDArray[np.int64]
"""Of samples in the gate set."""


@dataclass(frozen=True)
class Trial:
    """One variant before the gate."""

    plan: Plan
    data: bytes
    parities: tuple[Parity, ...]
    """Of each output."""
    metric: Metric
    verdict: Verdict

    @property
    def file(self) -> str:
        """Name of its member in the bundle."""
        return f"model-{self.plan.precision}.{self.plan.kind}"

    def variant(self) -> Variant:
        """Return what the manifest says of it."""
        parity = worst_parity(self.parities)
        plan = self.plan
        return Variant(
            file=self.file, format=plan.kind, precision=plan.precision,
            scheme=find_scheme(plan.kind, plan.precision).stands_for,
            sha256=hashlib.sha256(self.data).hexdigest(), bytes=len(self.data),
            metric=self.metric, parity=parity, excluded_layers=plan.excluded,
            golden_bound=TOLERANCES[plan.precision].golden * max(1.0, parity.reference_max),
        )  # fmt: skip


class Gate:
    """Compares variants with the float model on the same samples."""

    def __init__(
        self, source: Source, gate: GateSet, spec: InputSpec, max_drop: float | None
    ) -> None:
        """Run the float model over the gate set.

        Args:
            source: the float model and its task.
            gate: opened by the task of the source.
            spec: what the variants take; it may differ from the source's in its dtype.
            max_drop: percentage points; None: the default of the metric.

        Raises:
            DataError: the float model earns nothing, so no variant could be seen to fail.
        """
        self._source, self._set, self._spec = source, gate, spec
        self.metric = source.gate.metric
        self.max_drop = DEFAULT_MAX_DROP[self.metric] if max_drop is None else max_drop
        self.name = gate.name
        self._outputs, self.hashes = self._infer()
        self.everything: Positions = np.arange(len(gate.samples))
        order = np.random.default_rng(HALVES_SEED).permutation(self.everything)
        self.choosing: Positions = np.sort(order[: len(order) // 2])
        """The half that the ladder chooses by."""
        self.scoring: Positions = np.sort(order[len(order) // 2 :])
        """The half that scores what the ladder chose."""
        self.score = self.score_float(self.everything)
        if not self.score.value > 0:
            raise DataError(
                f"the float model gets none of the {self.score.samples} samples of {gate.name} "
                "right: such a gate cannot tell a working variant from a broken one; train it "
                "first, or give other data"
            )

    def score_float(self, which: Positions) -> TaskScore:
        """Score the float model."""
        chosen = self._reference(which)
        return self._source.gate.score(chosen, chosen, which)

    def prove(self, plan: Plan, data: bytes, which: Positions) -> Trial:
        """Run a variant over some of the samples, and judge it."""
        backend = open_backend(plan.kind, data)
        outputs = join([backend.run(self._set.samples[i](self._spec)[None]) for i in which])
        reference = self._reference(which)
        parities = tuple(measure_parity(r, o) for r, o in zip(reference, outputs, strict=True))
        found = self._source.gate.score(outputs, reference, which)
        metric = measure_drop(self.metric, self.score_float(which), found)
        verdict = judge(plan.precision, worst_parity(parities), metric, self.max_drop)
        return Trial(plan, data, parities, metric, verdict)

    def _reference(self, which: Positions) -> Outputs:
        return tuple(o[which] for o in self._outputs)

    def _infer(self) -> tuple[Outputs, tuple[str, ...]]:
        """Run the float model; each sample is read once, as it is needed."""
        parts: list[Outputs] = []
        hashes: list[str] = []
        spec, samples = self._source.facts.input, self._set.samples
        for first in range(0, len(samples), BATCH):
            some = samples[first : first + BATCH]
            inputs = np.stack([np.asarray(read(spec), np.float32) for read in some])
            hashes += [sample_hash(x) for x in self._identities(first, inputs)]
            parts.append(self._source.infer(inputs))
        return join(parts), tuple(hashes)

    def _identities(self, first: int, inputs: NDArray[np.float32]) -> Iterable[Input]:
        """Return samples from ``first`` on as calibration prepares them."""
        same = self._set.identities[first : first + len(inputs)]
        spec = self._source.facts.input
        return (np.asarray(read(spec), np.float32) for read in same) if same else inputs


def replay_outputs(
    backend: Backend, pictures: Sequence[NDArray[np.uint8]], spec: InputSpec
) -> NDArray[np.float32]:
    """Return what the golden file keeps of a variant."""
    return np.stack([join_outputs(backend.run(network_input(p, spec)[None])) for p in pictures])


def open_gate_set(source: Source, evaluate: Path | None) -> GateSet:
    """Open what the gate scores.

    Raises:
        DataError: it holds nothing.
    """
    gate = source.gate.open(evaluate)
    if not gate.samples:
        raise DataError(f"{gate.name}: no samples for the gate")
    return gate
