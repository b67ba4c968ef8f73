"""What an export made, before it is printed or written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecnn.bundle.manifest import Parity, Variant
from edgecnn.errors import GateError
from edgecnn_export.gate import Verdict
from edgecnn_export.ladder import Step
from edgecnn_export.sensitivity import LayerSensitivity
from edgecnn_export.tasks.base import TaskScore


@dataclass(frozen=True)
class Plain:
    """What the variant would have been without a climb."""

    bytes: int
    ms: float
    """Median of an inference here."""


@dataclass(frozen=True)
class ExportedVariant:
    """One variant with the gate's verdict."""

    variant: Variant
    verdict: Verdict
    rung: str
    """Of the ladder: plain where nothing else was needed."""
    method: str
    """How its ranges were chosen."""
    improvement: str
    """What was done to the float network before; empty where nothing."""
    parities: tuple[Parity, ...]
    """Of each output."""
    ms: float
    """Median of an inference here, on one thread."""
    steps: tuple[Step, ...] = ()
    """Every rung that was tried; none where the first passed."""
    sensitivity: tuple[LayerSensitivity, ...] = ()
    """Worst first; empty where it was not measured."""
    plain: Plain | None = None
    """Where it climbed."""

    @property
    def name(self) -> str:
        """FORMAT-PRECISION."""
        return f"{self.variant.format}-{self.variant.precision}"


@dataclass(frozen=True)
class Exported:
    """What an export made."""

    bundle: Path
    """The bundle, or its .rejected file."""
    passed: bool
    seconds: float
    variants: tuple[ExportedVariant, ...]
    metric: str
    max_drop: float
    """Percentage points that were allowed."""
    float_score: TaskScore
    gate: str
    """What the gate scored."""

    def require_passed(self) -> None:
        """Raise `GateError`, naming every variant that missed, unless all passed."""
        missed = [f"{v.name} {v.verdict.reason}" for v in self.variants if not v.verdict.passed]
        if missed:
            raise GateError(f"the gate refused {'; '.join(missed)}: see {self.bundle}")

    def slower(self) -> tuple[str, ...]:
        """Say where int8 does not pay on this machine."""
        ms = {v.name: v.ms for v in self.variants}
        return tuple(
            f"{kind}: int8 is slower here ({ms[f'{kind}-int8']:.2f} ms against "
            f"{ms[f'{kind}-fp32']:.2f} ms)"
            for kind in ("tflite", "onnx")
            if ms.get(f"{kind}-int8", 0) > ms.get(f"{kind}-fp32", float("inf"))
        )
