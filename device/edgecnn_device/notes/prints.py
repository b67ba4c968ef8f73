"""Reads the prints of serials that were found in a picture, each by itself.

A detector's boxes may be upside down, askew or short. What does not convince as it was found is
read again in those ways, and the look that fits best is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import ReadDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError
from edgecnn.vision.account import WHOLE, Account
from edgecnn.vision.ctc import best_path, log_softmax
from edgecnn.vision.evidence import LineEvidence, Verdict, look, weigh
from edgecnn.vision.placement import size_of
from edgecnn.vision.quads import Quads, from_quads, to_quads
from edgecnn.vision.serials import to_glyphs
from edgecnn_device.notes.rectify import is_framed, rectify
from edgecnn_device.notes.results import SerialRead
from edgecnn_device.runner import Runner

ENOUGH = 2
"""Times the reader's input: a larger crop is shrunk before it is turned, to save time."""
_EDGE = 3
"""Columns of the reader that are its crop's edge: no print that is whole stands there."""
_CUT = 10.0
"""Nats of fit that a whole print may lack against one that its crop cuts off."""
_NEARLY = -40.0
"""Nats of fit from which a print may be a serial in a box that is askew."""
_MEANT = ((0.0, 0.5), (-0.05, 0.3), (0.05, 0.3))
"""Radians by which a box is turned, and parts of its height by which it is longer on both sides,
for another look."""
_AROUND = 0.25
"""Parts of its height by which a box is longer on both sides to see whether its print goes on."""


@dataclass(frozen=True)
class NoteOptions:
    """When a serial is sure enough to be given."""

    min_margin: float = 2.5
    """Nats by which the evidence for a serial exceeds that for any other."""
    min_fit: float = -4.0
    """Nats by which what a print says most freely may exceed the serial, on average over the
    prints: print that is no serial fits none."""
    whole: Account = WHOLE
    """What a serial may leave unsaid of its print: where it is more, the print is longer than the
    serial, and of another currency."""
    beside: float = 0.5
    """Parts of a serial's height by which it is cut out wider than its box, on both sides. A box
    that misses the first or last character leaves what may be a serial of a shorter form;
    tests/bench/given_boxes.py --beside shows what it gains and costs."""
    closer: int = 3
    """Notes without a serial, the surest first, that are looked at once more each by itself."""
    rims: tuple[float, ...] = (0.4, 0.2)
    """Where a picture gives no serial, it is looked at again from farther away, with so much of its
    width around it: a note that fills it to the edges is more easily found then."""


@dataclass(frozen=True, eq=False)
class Print:
    """A serial by itself."""

    quad: NDArray[np.float32]
    evidence: LineEvidence
    verdict: Verdict | None

    @property
    def text(self) -> str:
        """What it says; empty where that is no serial."""
        return "" if self.verdict is None else self.verdict.text

    @property
    def fit(self) -> float:
        """Nats; see `Verdict.fit`."""
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
        """Return what is told of it."""
        verdict = self.verdict
        if verdict is None:
            return SerialRead("", "", 0.0, self.quad, self.evidence)
        return SerialRead(
            verdict.text, verdict.currency, verdict.probability, self.quad, self.evidence
        )


def suffices(verdict: Verdict | None, options: NoteOptions) -> bool:
    """Tell whether a serial is sure enough to be given."""
    if verdict is None:
        return False
    fits = verdict.fit >= options.min_fit and verdict.account.within(options.whole)
    return fits and verdict.margin >= options.min_margin


class PrintReader:
    """Cuts serials out of a picture and reads them."""

    def __init__(self, reader: Runner, options: NoteOptions) -> None:
        """Take a loaded network.

        Args:
            reader: task read.
            options: when a serial is sure.

        Raises:
            BundleError: a bundle of another kind.
        """
        self._rules = _reading_rules(reader.manifest)
        self._reader = reader
        self._options = options
        spec = reader.manifest.input
        self._enough = (ENOUGH * spec.width, ENOUGH * spec.height)

    @property
    def charset(self) -> str:
        """The characters of the reader's classes 1, 2, ..."""
        return self._rules.charset

    def is_sure(self, found: Print) -> bool:
        """Tell whether a print is sure by itself."""
        return not found.is_cut and suffices(found.verdict, self._options)

    def __call__(self, image: NDArray[np.uint8], quads: Quads) -> list[Print]:
        """Read every serial.

        Args:
            image: (H, W, 3) BGR.
            quads: (N, 4, 2) rectangles, as a detector gives them.
        """
        wide = _widened(quads, self._options.beside)
        crops = [rectify(image, quad, self._enough) for quad in wide]
        prints = self._looks(crops, quads)
        again = [i for i, found in enumerate(prints) if not self.is_sure(found)]
        turned = self._looks(
            [np.ascontiguousarray(crops[i][::-1, ::-1]) for i in again],
            np.roll(quads[again], 2, axis=1),
        )
        _keep_better(prints, again, turned)
        self._read_askew(image, prints)
        return prints

    def plainly_says(
        self, image: NDArray[np.uint8], quads: Quads, serials: Sequence[str]
    ) -> list[bool]:
        """Tell of each print whether its best path is a given serial: no grammar is searched.

        Args:
            image: (H, W, 3) BGR.
            quads: (N, 4, 2) rectangles, as a detector gives them.
            serials: N, canonical.
        """
        if not len(quads):
            return []
        columns = self._columns(
            [rectify(image, quad, self._enough) for quad in _widened(quads, self._options.beside)]
        )
        return [
            bool(np.isfinite(logits).all())
            and best_path(log_softmax(logits), self.charset)[0] == to_glyphs(serial)
            for logits, serial in zip(columns, serials, strict=True)
        ]

    def stands(self, image: NDArray[np.uint8], found: Print) -> bool:
        """Tell whether a print says the same where more of what is beside it is shown.

        Args:
            image: (H, W, 3) BGR, the picture that it was found in.
            found: the print.
        """
        boxes = from_quads(found.quad[None])
        boxes[:, 2] += 2 * (self._options.beside + _AROUND) * boxes[:, 3]
        (quad,) = to_quads(boxes)
        if not is_framed(quad, size_of(image)):
            return True
        (again,) = self._looks([rectify(image, quad, self._enough)], found.quad[None])
        same = again.text.casefold() == found.text.casefold()
        return same and again.fit >= self._options.min_fit

    def _read_askew(self, image: NDArray[np.uint8], prints: list[Print]) -> None:
        """Read once more, in place, as if a box were askew or short, what nearly made a serial."""
        size = size_of(image)
        for lean, longer in _MEANT:
            again = [
                i for i, found in enumerate(prints)
                if found.fit >= _NEARLY and not self.is_sure(found)
            ]  # fmt: skip
            if not again:
                return
            boxes = from_quads(np.stack([prints[i].quad for i in again]))
            boxes[:, 2] += 2 * (self._options.beside + longer) * boxes[:, 3]
            boxes[:, 4] += lean
            usable = [
                (i, quad) for i, quad in zip(again, to_quads(boxes), strict=True)
                if is_framed(quad, size)
            ]  # fmt: skip
            places = [i for i, _ in usable]
            own = np.array([prints[i].quad for i in places], np.float32).reshape(-1, 4, 2)
            crops = [rectify(image, quad, self._enough) for _, quad in usable]
            _keep_better(prints, places, self._looks(crops, own))

    def _looks(self, crops: Sequence[NDArray[np.uint8]], quads: Quads) -> list[Print]:
        """Run the reader on all crops together."""
        if not crops:
            return []
        columns = self._columns(crops)
        looks = [look(logits, self.charset, self._rules.currencies) for logits in columns]
        verdicts = [weigh((seen,), self.charset) for seen in looks]
        return [Print(*parts) for parts in zip(quads, looks, verdicts, strict=True)]

    def _columns(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return (N, T, 1 + C) logits."""
        inputs = np.concatenate([self._reader.prepare(crop) for crop in crops])
        (columns,) = self._reader.infer_batch(inputs)
        return columns


def _keep_better(prints: list[Print], places: Sequence[int], others: Sequence[Print]) -> None:
    """Put other looks in place of those that they fit better than, in place."""
    for i, other in zip(places, others, strict=True):
        if other.worth > prints[i].worth:
            prints[i] = other


def _widened(quads: Quads, beside: float) -> Quads:
    """Return detected quads, which are rectangles, with more on their left and right."""
    boxes = from_quads(quads)
    boxes[:, 2] += 2 * beside * boxes[:, 3]
    return to_quads(boxes)


def _reading_rules(manifest: Manifest) -> ReadDecode:
    if not isinstance(manifest.decode, ReadDecode):
        raise BundleError(
            f"{manifest.name}: expected a bundle that reads, got task {manifest.task}: choose "
            "another --reader"
        )
    return manifest.decode
