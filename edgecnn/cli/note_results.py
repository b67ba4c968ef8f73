"""What was read of banknotes, as JSON for programs and as a line for people.

A text that the reader abstains from is never shown: who sees one takes it for a serial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgecnn_device.notes import NoteReading, SerialRead


def as_json(reading: NoteReading) -> dict[str, object]:
    """Return one note with the keys that the command line promises."""
    return {
        "currency": reading.currency, "serial": reading.serial,
        "confidence": round(reading.confidence, 4), "abstained": reading.abstained,
        "reason": reading.reason, "box": corners(reading.quad),
        "serials": [_serial(reading, serial) for serial in reading.serials],
    }  # fmt: skip


def as_text(readings: tuple[NoteReading, ...]) -> str:
    """Return the notes of one picture on one line."""
    return ", ".join(_text_of(reading) for reading in readings) or "no note found"


def corners(quad: NDArray[np.float32]) -> list[list[float]]:
    """Return the corners of a quad, to a hundredth of a pixel."""
    return [[round(x, 2), round(y, 2)] for x, y in quad.tolist()]


def _serial(reading: NoteReading, serial: SerialRead) -> dict[str, object]:
    """Return one print; its text where that is the note's, letter case aside."""
    given = reading.serial is not None and reading.serial.casefold() == serial.text.casefold()
    return {
        "text": serial.text if given else None, "confidence": round(serial.confidence, 4),
        "box": corners(serial.quad),
    }  # fmt: skip


def _text_of(reading: NoteReading) -> str:
    if reading.serial is None:
        return f"abstained: {reading.reason}"
    return f"{reading.currency} {reading.serial} ({reading.confidence:.3f})"
