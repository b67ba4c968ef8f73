"""What can be exported, whatever it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from edgecnn.bundle.manifest import Format, InputSpec, Task
from edgecnn_export.tasks.base import GateTask, Outputs


@dataclass(frozen=True)
class Facts:
    """What a bundle says of its source."""

    name: str
    task: Task
    input: InputSpec
    """As the float network takes it."""
    architecture: str
    licence: str
    provenance: str
    sha256: str
    """Of the checkpoint or file."""
    notes: str = ""
    """Further sections of the card, markdown."""


class Source(Protocol):
    """A float network, and what the gate asks of its task."""

    @property
    def facts(self) -> Facts:
        """What the bundle says of it."""
        ...

    @property
    def gate(self) -> GateTask:
        """How it is scored."""
        ...

    @property
    def formats(self) -> tuple[Format, ...]:
        """What it can be converted to."""
        ...

    @property
    def network(self) -> nn.Module | None:
        """The torch module, in evaluation mode, taking (N, C, H, W); None where there is none."""
        ...

    def infer(self, inputs: NDArray[np.float32]) -> Outputs:
        """Run the float network.

        Args:
            inputs: (N, ...), normalized, in the layout of `Facts.input`.
        """
        ...

    def require_operators(self, formats: tuple[Format, ...]) -> None:
        """Refuse, before any work, formats that lack something that the network does.

        Raises:
            InputError: the message lists all of it.
        """
        ...

    def convert(self, kind: Format, network: nn.Module | None, spec: InputSpec) -> bytes:
        """Return the float file of a format.

        Args:
            kind: one of `formats`.
            network: `network`, or a better prepared copy of it.
            spec: the input that the file takes; dtype uint8: with normalization inside.
        """
        ...
