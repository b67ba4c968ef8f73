"""The precision ladder: what is tried, gentlest change first, when plain int8 misses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from edgecnn.bundle.manifest import Precision
from edgecnn.errors import InputError
from edgecnn_export.prove import Gate, Trial
from edgecnn_export.quantize import Method, supported
from edgecnn_export.sensitivity import LayerSensitivity, measure_sensitivity
from edgecnn_export.workshop import Improvement, Plan, Workshop

CLIMBS: tuple[Precision, ...] = ("int8", "int8-symmetric")
"""The precisions that have a ladder: static int8, whose activations can go wrong."""
METHODS: tuple[Method, ...] = ("minmax", "percentile", "mse", "entropy")
IN_FLOAT = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""How many layers are tried in float; at most half of them."""
TOLD_EVERY = 20
GENTLER: tuple[Precision, ...] = ("int8-weights", "fp16")


@dataclass(frozen=True)
class Step:
    """One rung that was tried."""

    rung: str
    drop: float | None
    """Percentage points on the samples that choose; None: the rung could not be made."""
    passed: bool
    detail: str
    """Why it failed or could not be made."""


@dataclass(frozen=True)
class Climbed:
    """Where a climb ended."""

    trial: Trial
    """The first rung that passed; else the last that could be made."""
    steps: tuple[Step, ...]
    sensitivity: tuple[LayerSensitivity, ...]
    """Empty where the climb ended before layers were ranked."""


class Ladder:
    """One climb.

    Half of the gate set chooses the rung; the other half, which no choice has seen, scores it. A
    rung must pass on both.
    """

    def __init__(
        self, workshop: Workshop, gate: Gate, taken: frozenset[Precision],
        progress: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Prepare a climb.

        Args:
            workshop: makes the files.
            gate: judges them.
            taken: precisions of the format that are exported anyway, and so are no fallback.
            progress: told each rung as it starts.
        """
        self._workshop, self._gate, self._taken = workshop, gate, taken
        self._progress = progress
        self._steps: list[Step] = []
        self._sensitivity: tuple[LayerSensitivity, ...] = ()

    def climb(self, plain: Trial) -> Climbed:
        """Try rung after rung until one passes.

        Args:
            plain: missed, on the whole gate set.
        """
        self._note(plain.plan.rung, plain, plain.verdict.reason)
        self._best = plain.plan
        least = self._gate.prove(plain.plan, plain.data, self._gate.choosing).metric.drop
        last = plain
        for plan in self._rungs(plain.plan):
            chosen = self._choose(plan)
            if chosen is None:
                continue
            last = chosen
            if chosen.verdict.passed:
                last = self._gate.prove(plan, chosen.data, self._gate.scoring)
                if last.verdict.passed:
                    break
                self._note(plan.rung, last, f"on the half that scores: {last.verdict.reason}")
            if chosen.metric.drop < least and not plan.excluded:
                self._best, least = plan, chosen.metric.drop
        return Climbed(last, tuple(self._steps), self._sensitivity)

    def _rungs(self, plain: Plan) -> Iterator[Plan]:
        """Yield the plans; each builds on the best that was seen when it is asked for."""
        for improvement in (Improvement(equalize=True), Improvement(True, True)):
            if not plain.improvement:
                yield replace(plain, improvement=improvement, rung=str(improvement))
        for method in METHODS:
            if method != plain.method:
                yield _extend(self._best, f"method {method}", method=method)
        yield from self._mixed(self._best)
        for precision in GENTLER:
            if precision in supported(plain.kind) and precision not in self._taken:
                yield plain.fallback(precision)

    def _mixed(self, base: Plan) -> Iterator[Plan]:
        """Yield plans with the worst layers in float, fewest first."""
        self._progress(f"ladder: {base.kind}: which layers lose most")
        self._sensitivity = rank_layers(self._workshop, base)
        for count in IN_FLOAT:
            if count > len(self._sensitivity) // 2:
                break
            worst = tuple(row.layer for row in self._sensitivity[:count])
            name = f"{count} layer{'s' if count > 1 else ''} in float"
            yield _extend(base, name, excluded=worst)

    def _choose(self, plan: Plan) -> Trial | None:
        """Make a rung and judge it on the half that chooses; None where it cannot be made."""
        self._progress(f"ladder: {plan.kind}: {plan.rung}")
        try:
            data = self._workshop.build(plan)
        except InputError as error:
            self._steps.append(Step(plan.rung, None, False, str(error)))
            return None
        found = self._gate.prove(plan, data, self._gate.choosing)
        self._note(plan.rung, found, found.verdict.reason)
        return found

    def _note(self, rung: str, trial: Trial, reason: str) -> None:
        self._steps.append(Step(rung, trial.metric.drop, not reason, reason))


def _extend(
    base: Plan, rung: str, method: Method | None = None, excluded: tuple[str, ...] = ()
) -> Plan:
    """Return a plan with one change more than the best so far."""
    parts = [part for part in (str(base.improvement), rung) if part]
    if method is None and "method" in base.rung:
        parts.insert(-1, f"method {base.method}")
    return replace(base, method=method or base.method, excluded=excluded, rung=", ".join(parts))


def _tell(workshop: Workshop, plan: Plan, done: int, total: int) -> None:
    if done % TOLD_EVERY == 0 or done == total:
        workshop.progress(f"sensitivity: {plan.kind}: {done} of {total} layers")


def rank_layers(workshop: Workshop, plan: Plan) -> tuple[LayerSensitivity, ...]:
    """Measure what each layer of a plan loses, on calibration samples."""
    return measure_sensitivity(
        plan.kind, workshop.float_file(plan.kind, plan.improvement), plan.precision,
        workshop.ranges(plan.kind, plan.improvement, plan.method), workshop.samples(),
        lambda done, total: _tell(workshop, plan, done, total),
    )  # fmt: skip
