"""From a picture to the serial numbers of the banknotes on it: find, cut out, read, weigh.

What is not sure is not given. A print reads one way up only, so its direction need not be known: it
is tried as the detector says, and upside down where that does not convince. The prints of one note
say the same, so their evidence is added up; where each is sure by itself and they differ, that is
said in place of a serial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Manifest, ReadDecode
from edgecnn.bundle.read import Bundle
from edgecnn.errors import BundleError, DataError
from edgecnn.vision.evidence import LineEvidence, Verdict, look, weigh
from edgecnn.vision.quads import Quads
from edgecnn_device.backends.base import DEFAULT_THREADS
from edgecnn_device.notes.find import check_detector, find_notes
from edgecnn_device.notes.pair import Group, pair
from edgecnn_device.notes.rectify import rectify
from edgecnn_device.notes.results import NoteReading, Reason, SerialRead
from edgecnn_device.runner import Runner, open_runner

ENOUGH = 2
"""Times the reader's input: a larger crop is shrunk before it is turned, to save time."""


@dataclass(frozen=True)
class NoteOptions:
    """When a serial is sure enough to be given."""

    min_margin: float = 3.0
    """Nats by which the evidence for a serial exceeds that for any other."""
    min_fit: float = -4.0
    """Nats by which what a print says most freely may exceed the serial, on average over the
    prints: print that is no serial fits none."""


class NoteReader:
    """Reads the banknotes of pictures; holds two networks, and nothing of one picture to the next.

    >>> reader = NoteReader.open(Path("note-detector.edge"), Path("serial-reader.edge"))
    >>> for note in reader(image):
    ...     print(note.currency, note.serial, note.reason)
    """

    def __init__(
        self, detector: Runner, reader: Runner, options: NoteOptions | None = None
    ) -> None:
        """Put two loaded networks together.

        Args:
            detector: task detect with oriented boxes labelled note and serial.
            reader: task read.
            options: when a serial is given.

        Raises:
            BundleError: a bundle of another kind.
        """
        check_detector(detector.manifest)
        self._rules = _reading_rules(reader.manifest)
        self._detector = detector
        self._reader = reader
        self.options = options or NoteOptions()

    @classmethod
    def open(
        cls, detector: Bundle | Path, reader: Bundle | Path, variant: str | None = None,
        threads: int = DEFAULT_THREADS, options: NoteOptions | None = None,
    ) -> NoteReader:  # fmt: skip
        """Open two bundles; see `open_runner`.

        Raises:
            BundleError: a bundle that is not as it should be, or of another kind.
            MissingExtraError: the runtime is not installed.
        """
        finds = open_runner(detector, variant, threads)
        return cls(finds, open_runner(reader, variant, threads), options)

    def __call__(self, image: NDArray[np.uint8]) -> tuple[NoteReading, ...]:
        """Read every note of a picture.

        Args:
            image: (H, W, 3) BGR or (H, W) grey, uint8, upright or not.

        Returns:
            One reading for each note, and for each serial without one; empty where there is
            neither.

        Raises:
            DataError: the array is not such a picture.
        """
        picture = _as_bgr(image)
        found = find_notes(self._detector, picture)
        prints = self._read(picture, found.serials)
        sure = [p.text if self._suffices(p.verdict) else "" for p in prints]
        groups = pair(found.notes, found.serials, sure)
        readings = [self._reading(group, found.notes, prints) for group in groups]
        # A box that is on no note, and reads as nothing: there is nothing.
        return tuple(
            r for r, g in zip(readings, groups, strict=True)
            if g.note is not None or r.reason != "no serial"
        )  # fmt: skip

    def _read(self, image: NDArray[np.uint8], quads: Quads) -> list[_Print]:
        """Read every serial, upside down where it does not convince as it was found."""
        spec = self._reader.manifest.input
        enough = (ENOUGH * spec.width, ENOUGH * spec.height)
        crops = [rectify(image, quad, enough) for quad in quads]
        prints = self._looks(crops, quads)
        again = [i for i, found in enumerate(prints) if not self._suffices(found.verdict)]
        turned = self._looks(
            [np.ascontiguousarray(crops[i][::-1, ::-1]) for i in again],
            np.roll(quads[again], 2, axis=1),
        )
        for i, other in zip(again, turned, strict=True):
            if other.fit > prints[i].fit:
                prints[i] = other
        return prints

    def _looks(self, crops: Sequence[NDArray[np.uint8]], quads: Quads) -> list[_Print]:
        """Run the reader on all crops together."""
        if not crops:
            return []
        inputs = np.concatenate([self._reader.prepare(crop) for crop in crops])
        (columns,) = self._reader.infer_batch(inputs)
        charset, currencies = self._rules.charset, self._rules.currencies
        looks = [look(logits, charset, currencies) for logits in columns]
        verdicts = [weigh((seen,), charset) for seen in looks]
        return [_Print(*parts) for parts in zip(quads, looks, verdicts, strict=True)]

    def _reading(self, group: Group, notes: Quads, prints: Sequence[_Print]) -> NoteReading:
        """Decide what is said of one note."""
        mine = [prints[j] for j in group.serials]
        quad = notes[group.note] if group.note is not None else mine[0].quad
        serials = tuple(p.as_read() for p in mine)
        # A print that reads as no serial, covered or worn, speaks neither for one nor against it.
        legible = [p for p in mine if p.fit >= self.options.min_fit] or mine
        verdict = weigh([p.evidence for p in legible], self._rules.charset)
        if verdict is None:
            return NoteReading(quad, None, None, 0.0, "no serial", serials, None)
        sure = {p.text.casefold() for p in mine if self._suffices(p.verdict)}
        reason: Reason = "" if self._suffices(verdict) else "unsure"
        if len(sure) > 1:
            reason = "serials disagree"
        currency, serial = (None, None) if reason else (verdict.currency, verdict.text)
        return NoteReading(quad, currency, serial, verdict.probability, reason, serials, verdict)

    def _suffices(self, verdict: Verdict | None) -> bool:
        if verdict is None:
            return False
        sure = verdict.margin >= self.options.min_margin
        return sure and verdict.fit >= self.options.min_fit


@dataclass(frozen=True, eq=False)
class _Print:
    """A serial by itself."""

    quad: NDArray[np.float32]
    evidence: LineEvidence
    verdict: Verdict | None

    @property
    def text(self) -> str:
        return "" if self.verdict is None else self.verdict.text

    @property
    def fit(self) -> float:
        return -np.inf if self.verdict is None else self.verdict.fit

    def as_read(self) -> SerialRead:
        verdict = self.verdict
        if verdict is None:
            return SerialRead("", "", 0.0, self.quad, self.evidence)
        return SerialRead(
            verdict.text, verdict.currency, verdict.probability, self.quad, self.evidence
        )


def _reading_rules(manifest: Manifest) -> ReadDecode:
    if not isinstance(manifest.decode, ReadDecode):
        raise BundleError(
            f"{manifest.name}: expected a bundle that reads, got task {manifest.task}: choose "
            "another --reader"
        )
    return manifest.decode


def _as_bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = image.ndim == 2
    if image.dtype != np.uint8 or 0 in image.shape or (not grey and image.shape[2:] != (3,)):
        raise DataError(
            f"expected a picture as uint8 (H, W, 3) or (H, W), got {image.dtype} {image.shape}"
        )
    return np.repeat(image[:, :, None], 3, axis=2) if grey else image
