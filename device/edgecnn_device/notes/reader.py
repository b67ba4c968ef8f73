"""From a picture to the serial numbers of the banknotes on it: find, cut out, read, weigh.

What is not sure is not given. A print reads one way up only, so its direction need not be known: it
is tried as the detector says, and upside down where that does not convince. The prints of one note
say the same, so their evidence is added up; where each is sure by itself and they differ, that is
said in place of a serial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.read import Bundle
from edgecnn.errors import DataError
from edgecnn.vision.evidence import weigh
from edgecnn.vision.quads import Quads
from edgecnn_device.backends.base import DEFAULT_THREADS
from edgecnn_device.notes.find import Found, check_detector, find_notes, look_closer
from edgecnn_device.notes.known import find_again, upright
from edgecnn_device.notes.pair import TOUCHING, Group, distinct, pair
from edgecnn_device.notes.prints import NoteOptions, Print, PrintReader, suffices
from edgecnn_device.notes.results import KnownNote, NoteReading, Reason
from edgecnn_device.runner import Runner, open_runner

TOGETHER = 2
"""Serials of a note that are read at once: it has two at most, and a detector finds more."""


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
        self.options = options or NoteOptions()
        self._detector = detector
        self._prints = PrintReader(reader, self.options)

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
        return self._prints.charset

    def __call__(
        self, image: NDArray[np.uint8], known: Sequence[KnownNote] = ()
    ) -> tuple[NoteReading, ...]:
        """Read every note of a picture.

        Args:
            image: (H, W, 3) BGR or (H, W) grey, uint8, upright or not.
            known: notes of the frames before it in a video. One that is still about there, and has
                a print that plainly says its serial, is not weighed again, which costs more than
                the networks do.

        Returns:
            One reading for each note, and for each serial without one; empty where there is
            neither.

        Raises:
            DataError: the array is not such a picture.
        """
        picture = _as_bgr(image)
        first = self._look(picture, 0.0, known)
        readings = first
        for rim in self.options.rims:
            if any(r.serial is not None for r in readings):
                return readings
            readings = self._look(picture, rim, known)
        return readings if any(r.serial is not None for r in readings) else first

    def _look(
        self, picture: NDArray[np.uint8], rim: float, known: Sequence[KnownNote]
    ) -> tuple[NoteReading, ...]:
        """Read what is found in a picture that has a rim around it."""
        found = find_notes(self._detector, picture, rim)
        old, found = find_again(picture, found, known, self._prints)
        return (*old, *self._weigh(picture, found))

    def _weigh(self, picture: NDArray[np.uint8], found: Found) -> tuple[NoteReading, ...]:
        """Read what was found."""
        prints, groups = self._read(picture, found, {})
        readings = [self._reading(picture, group, found.notes, prints) for group in groups]
        silent = [g.note for g, r in zip(groups, readings, strict=True) if r.serial is None]
        again = [note for note in silent if note is not None][: self.options.closer]
        if again:
            nearer = [look_closer(self._detector, picture, found.notes[note]) for note in again]
            found = Found(found.notes, np.concatenate((found.serials, *nearer)))
            prints, groups = self._read(picture, found, prints)
            readings = [self._reading(picture, group, found.notes, prints) for group in groups]
        # A box that is on no note, and reads as nothing: there is nothing.
        return tuple(
            r for r, g in zip(readings, groups, strict=True)
            if g.note is not None or r.reason != "no serial"
        )  # fmt: skip

    def _read(
        self, picture: NDArray[np.uint8], found: Found, known: Mapping[int, Print]
    ) -> tuple[Mapping[int, Print], tuple[Group, ...]]:
        """Read the serials of each note, the best first, until one is sure.

        Args:
            picture: (H, W, 3) BGR.
            found: in it.
            known: prints that were read already, by their place.

        Returns:
            The prints that were read, likewise, and which are of one note.
        """
        prints = dict(known)
        while True:
            sure = {j for j, p in prints.items() if self._prints.is_sure(p)}
            texts = [prints[j].text if j in sure else "" for j in range(len(found.serials))]
            groups = pair(found.notes, found.serials, texts)
            unsure = [g.serials for g in groups if not sure.intersection(g.serials)]
            next_ones = [[j for j in own if j not in prints][:TOGETHER] for own in unsure]
            places = [j for own in next_ones for j in own]
            if not places:
                return prints, groups
            prints.update(zip(places, self._prints(picture, found.serials[places]), strict=True))

    def _reading(
        self, picture: NDArray[np.uint8], group: Group, notes: Quads, prints: Mapping[int, Print]
    ) -> NoteReading:
        """Decide what is said of one note."""
        mine = _apart([prints[j] for j in group.serials if j in prints])
        quad = mine[0].quad if group.note is None else _as_printed(notes[group.note], mine)
        serials = tuple(p.as_read() for p in mine)
        # A print that reads as no serial, covered or worn, speaks neither for one nor against it.
        legible = [p for p in mine if p.fit >= self.options.min_fit and not p.is_cut] or mine
        looks = [p.evidence for p in legible]
        verdict = legible[0].verdict if len(looks) == 1 else weigh(looks, self.charset)
        if verdict is None:
            return NoteReading(quad, None, None, 0.0, "no serial", serials, None)
        sure = {p.text.casefold() for p in mine if self._prints.is_sure(p)}
        whole = any(not p.is_cut for p in legible)
        reason: Reason = "" if whole and suffices(verdict, self.options) else "unsure"
        if len(sure) > 1:
            reason = "serials disagree"
        # Where no second print speaks, a part of one must not pass for another currency's serial.
        elif not reason and len(looks) == 1 and not self._prints.stands(picture, legible[0]):
            reason = "unsure"
        currency, serial = (None, None) if reason else (verdict.currency, verdict.text)
        return NoteReading(quad, currency, serial, verdict.probability, reason, serials, verdict)


def _apart(prints: list[Print]) -> list[Print]:
    """Drop the worse of looks at the same ink, which would count twice."""
    if not prints:
        return []
    order = sorted(range(len(prints)), key=lambda i: -prints[i].worth)
    kept = distinct(np.stack([prints[i].quad for i in order]), TOUCHING)
    return [prints[i] for i in sorted(order[k] for k in kept)]


def _as_printed(note: NDArray[np.float32], prints: Sequence[Print]) -> NDArray[np.float32]:
    """Return a note's quad the way up in which its best print was read."""
    best = max(prints, key=lambda p: p.fit, default=None)
    return note if best is None or best.verdict is None else upright(note, best.quad)


def _as_bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = image.ndim == 2
    if image.dtype != np.uint8 or 0 in image.shape or (not grey and image.shape[2:] != (3,)):
        raise DataError(
            f"expected a picture as uint8 (H, W, 3) or (H, W), got {image.dtype} {image.shape}"
        )
    return np.repeat(image[:, :, None], 3, axis=2) if grey else image
