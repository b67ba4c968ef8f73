"""What scoring has in common for every task."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn.cli.output import note

if TYPE_CHECKING:
    from edgecnn.data.samples import Fault
    from edgecnn_device.runner import Runner


@dataclass(frozen=True)
class Asked:
    """What a user wants scored, and how it is told."""

    dataset: str
    strict: bool
    as_json: bool
    crops: int = 1
    """Looks at each picture."""
    save: Path | None = None
    """A folder for plots."""
    overwrite: bool = False


def variant_of(runner: Runner) -> str:
    """Return FORMAT-PRECISION."""
    return f"{runner.variant.format}-{runner.variant.precision}"


def end_with(faults: Sequence[Fault]) -> None:
    """Name what was left out; one bad file among several makes the status 2."""
    for fault in faults:
        note(f"edgecnn: {fault.file}: {fault.kind}: {fault.detail}")
    if faults:
        note(f"edgecnn: {len(faults)} faults: what they name was left out")
        sys.exit(2)
