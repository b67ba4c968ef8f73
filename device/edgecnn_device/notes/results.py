"""What is read of banknotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.evidence import LineEvidence, Verdict

Reason: TypeAlias = Literal["", "no serial", "unsure", "serials disagree"]
"""Why nothing is said of a note: nothing on it reads as a serial; the evidence does not suffice;
two of its serials are each sure and differ. Empty where its serial is given."""


@dataclass(frozen=True, eq=False)
class SerialRead:
    """One print of a serial number, as it reads by itself: a guess, however unsure."""

    text: str
    """Canonical form; empty where nothing valid was found."""
    currency: str
    """ISO 4217 code; empty likewise."""
    confidence: float
    """0..1, posterior of the text among the valid serials considered."""
    quad: NDArray[np.float32]
    """(4, 2) in pixels of the picture, from the print's own top-left corner clockwise, the way up
    in which it was read."""
    evidence: LineEvidence


@dataclass(frozen=True, eq=False)
class KnownNote:
    """A note of earlier frames, whose serial was given."""

    quad: NDArray[np.float32]
    """(4, 2) where it was seen last, in pixels of the picture."""
    currency: str
    """ISO 4217 code."""
    serial: str
    """Canonical form."""
    confidence: float
    """0..1, with which it was given."""


@dataclass(frozen=True, eq=False)
class NoteReading:
    """A banknote, with its serial number or the reason why none is given."""

    quad: NDArray[np.float32]
    """(4, 2) of the note in pixels of the picture, from its own top-left corner clockwise, or of
    its serial where no note was found around that."""
    currency: str | None
    """ISO 4217 code; None where the reader abstains."""
    serial: str | None
    """Canonical form; None where the reader abstains."""
    confidence: float
    """0..1, posterior of the best serial; 0 where there is none."""
    reason: Reason
    serials: tuple[SerialRead, ...]
    """The prints found on it, the detector's best first; empty for a `KnownNote`."""
    verdict: Verdict | None
    """Of its prints together; None where none of them reads as anything valid, and for a
    `KnownNote`."""

    @property
    def abstained(self) -> bool:
        """Whether no serial is given."""
        return self.serial is None
