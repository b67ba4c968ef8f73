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
from edgecnn.vision.placement import size_of
from edgecnn.vision.quads import Quads, from_quads, to_quads
from edgecnn_device.backends.base import DEFAULT_THREADS
from edgecnn_device.notes.find import check_detector, find_notes
from edgecnn_device.notes.pair import Group, pair
from edgecnn_device.notes.rectify import is_framed, rectify
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
    beside: float = 0.2
    """Parts of a serial's height by which it is cut out wider than its box, on both sides. A box
    that misses the first or last character leaves what may be a serial of a shorter form;
    tests/bench/given_boxes.py --beside shows what it gains and costs."""


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

    @property
    def charset(self) -> str:
        """The characters of the reader's classes 1, 2, ...; evidence is weighed with it."""
        return self._rules.charset

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
        readings = [self._look(picture, rim) for rim in _RIMS[:1]]
        for rim in _RIMS[1:]:
            if any(r.serial is not None for r in readings[-1]):
                return readings[-1]
            readings.append(self._look(picture, rim))
        return readings[-1] if any(r.serial is not None for r in readings[-1]) else readings[0]

    def _look(self, picture: NDArray[np.uint8], rim: float) -> tuple[NoteReading, ...]:
        """Read what is found in a picture that has a rim around it."""
        found = find_notes(self._detector, picture, rim)
        prints = self._read(picture, found.serials)
        sure = [p.text if self._is_sure(p) else "" for p in prints]
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
        wide = _widened(quads, self.options.beside)
        crops = [rectify(image, quad, enough) for quad in wide]
        prints = self._looks(crops, quads)
        again = [i for i, found in enumerate(prints) if not self._is_sure(found)]
        turned = self._looks(
            [np.ascontiguousarray(crops[i][::-1, ::-1]) for i in again],
            np.roll(quads[again], 2, axis=1),
        )
        _keep_better(prints, again, turned)
        self._read_askew(image, prints, enough)
        return prints

    def _read_askew(
        self, image: NDArray[np.uint8], prints: list[_Print], enough: tuple[int, int]
    ) -> None:
        """Read once more, in place, as if a box were askew or short, what nearly made a serial."""
        size = size_of(image)
        for lean, longer in _MEANT:
            again = [
                i for i, found in enumerate(prints)
                if found.fit >= _NEARLY and not self._is_sure(found)
            ]  # fmt: skip
            if not again:
                return
            boxes = from_quads(np.stack([prints[i].quad for i in again]))
            boxes[:, 2] += 2 * (self.options.beside + longer) * boxes[:, 3]
            boxes[:, 4] += lean
            usable = [
                (i, quad) for i, quad in zip(again, to_quads(boxes), strict=True)
                if is_framed(quad, size)
            ]  # fmt: skip
            places = [i for i, _ in usable]
            own = np.array([prints[i].quad for i in places], np.float32).reshape(-1, 4, 2)
            crops = [rectify(image, quad, enough) for _, quad in usable]
            _keep_better(prints, places, self._looks(crops, own))

    def _looks(self, crops: Sequence[NDArray[np.uint8]], quads: Quads) -> list[_Print]:
        """Run the reader on all crops together."""
        if not crops:
            return []
        inputs = np.concatenate([self._reader.prepare(crop) for crop in crops])
        (columns,) = self._reader.infer_batch(inputs)
        looks = [look(logits, self.charset, self._rules.currencies) for logits in columns]
        verdicts = [weigh((seen,), self.charset) for seen in looks]
        return [_Print(*parts) for parts in zip(quads, looks, verdicts, strict=True)]

    def _reading(self, group: Group, notes: Quads, prints: Sequence[_Print]) -> NoteReading:
        """Decide what is said of one note."""
        mine = [prints[j] for j in group.serials]
        quad = mine[0].quad if group.note is None else _as_printed(notes[group.note], mine)
        serials = tuple(p.as_read() for p in mine)
        # A print that reads as no serial, covered or worn, speaks neither for one nor against it.
        legible = [p for p in mine if p.fit >= self.options.min_fit and not p.is_cut] or mine
        looks = [p.evidence for p in legible]
        verdict = legible[0].verdict if len(looks) == 1 else weigh(looks, self.charset)
        if verdict is None:
            return NoteReading(quad, None, None, 0.0, "no serial", serials, None)
        sure = {p.text.casefold() for p in mine if self._is_sure(p)}
        whole = any(not p.is_cut for p in legible)
        reason: Reason = "" if whole and self._suffices(verdict) else "unsure"
        if len(sure) > 1:
            reason = "serials disagree"
        currency, serial = (None, None) if reason else (verdict.currency, verdict.text)
        return NoteReading(quad, currency, serial, verdict.probability, reason, serials, verdict)

    def _is_sure(self, found: _Print) -> bool:
        return not found.is_cut and self._suffices(found.verdict)

    def _suffices(self, verdict: Verdict | None) -> bool:
        if verdict is None:
            return False
        sure = verdict.margin >= self.options.min_margin
        return sure and verdict.fit >= self.options.min_fit


_EDGE = 3
"""Columns of the reader that are its crop's edge: no print that is whole stands there."""
_CUT = 10.0
"""Nats of fit that a whole print may lack against one that its crop cuts off."""
_RIMS = (0.0, 0.4, 0.2)
"""Where a picture gives no serial, it is looked at once more from farther away, with so much of its
width around it: a note that fills it to the edges is more easily found then."""
_NEARLY = -40.0
"""Nats of fit from which a print may be a serial in a box that is askew."""
_MEANT = ((0.0, 0.5), (-0.05, 0.3), (0.05, 0.3))
"""Radians by which a box is turned, and parts of its height by which it is longer on both sides,
for another look."""


def _keep_better(prints: list[_Print], places: Sequence[int], others: Sequence[_Print]) -> None:
    """Put other looks in place of those that they fit better than, in place."""
    for i, other in zip(places, others, strict=True):
        if other.worth > prints[i].worth:
            prints[i] = other


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

    @property
    def worth(self) -> float:
        """What the best of several looks at one print is taken by."""
        return self.fit - _CUT * self.is_cut

    @property
    def is_cut(self) -> bool:
        """Whether it runs to the edge of its crop: then it may go on beyond, and be another."""
        says = np.flatnonzero(self.evidence.log_p.argmax(1))
        columns = len(self.evidence.log_p)
        return bool(says.size and (says[0] < _EDGE or says[-1] >= columns - _EDGE))

    def as_read(self) -> SerialRead:
        verdict = self.verdict
        if verdict is None:
            return SerialRead("", "", 0.0, self.quad, self.evidence)
        return SerialRead(
            verdict.text, verdict.currency, verdict.probability, self.quad, self.evidence
        )


def _widened(quads: Quads, beside: float) -> Quads:
    """Return detected quads, which are rectangles, with more on their left and right."""
    boxes = from_quads(quads)
    boxes[:, 2] += 2 * beside * boxes[:, 3]
    return to_quads(boxes)


def _as_printed(note: NDArray[np.float32], prints: Sequence[_Print]) -> NDArray[np.float32]:
    """Return a note's quad the way up in which its best print was read."""
    best = max(prints, key=lambda p: p.fit, default=None)
    if best is None or best.verdict is None:
        return note
    along = (note[1] - note[0]) @ (best.quad[1] - best.quad[0])
    return note if along >= 0 else np.roll(note, 2, axis=0)


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
