"""What the outbox delivers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from edgecnn_device.kiosk.events import Kind
from edgecnn_device.kiosk.ports import StoredEvent


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt."""

    is_: Literal["delivered", "later", "refused"]
    """later: the target is not there, or asks to wait; refused: it does not want this event."""
    reason: str = ""
    """For the log; no secrets, no addresses with tokens."""
    wait_s: float = 0.0
    """What the target asked to wait, at least."""


DELIVERED = Outcome("delivered")


class Target(Protocol):
    """A receiver of events."""

    @property
    def key(self) -> str:
        """The same after a restart: by it is kept what is owed."""

    @property
    def name(self) -> str:
        """For people and metrics, without secrets."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Which events it wants."""

    def deliver(self, event: StoredEvent) -> Outcome:
        """Try once to deliver; waits for its own bounded time, and less once it is closed."""

    def close(self) -> None:
        """End connections; a running `deliver` returns within a second."""
