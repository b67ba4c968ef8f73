"""Lets the frames of a video vote on the serial number of each banknote in it.

Per note, the log-probabilities of each candidate are summed over the frames' looks, and the serial
is given once, as soon as they suffice; a note that leaves before that is abstained from.

Frames of one note are no independent witnesses: a 3 of a worn or unknown type that looks like a 5
does so in every one of them, and ten mild mistakes would add up to certainty. So what one look may
say against a candidate is clipped (`VoteOptions.clip`): of 300 sequences of ten frames, 255 right
came with 3 wrong at 4 nats, 251 with 6 unclipped (tests/bench/voting.py --choose). And the margin
asked for is far above what independent looks would need.

A note that takes the place of another is no other view of it. A look that finds the serial of its
track all but impossible is set aside, and a second one that agrees with it begins a new track. Two
serials that differ in one digit only do not contradict each other as clearly: a note whose
neighbour in number slides into its place between two frames goes unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.vision.account import WHOLE, Account
from edgecnn.vision.evidence import LineEvidence, Verdict, doubt, weigh
from edgecnn_device.notes.results import KnownNote, NoteReading, Reason
from edgecnn_device.notes.track import QuadTracker


@dataclass(frozen=True)
class VoteOptions:
    """When frames suffice; tests/bench/voting.py --choose shows what each setting costs."""

    min_looks: int = 3
    """Looks that agree, at least; a frame that shows both serials of a note gives two."""
    min_margin: float = 24.0
    """Nats by which the clipped evidence for a serial exceeds that for any other."""
    min_fit: float = -4.0
    """Nats by which what a print says most freely may exceed a serial: worse looks do not vote,
    and on average over the looks it is asked of the serial that is given."""
    whole: Account = WHOLE
    """What a serial may leave unsaid of its print, as in `NoteOptions`."""
    clip: float = 8.0
    """Nats that one look can at most say against a candidate, however clear it is."""
    max_looks: int = 20
    """The newest looks are kept; bounds memory and time."""
    max_missed: int = 5
    """Frames in a row that a note may be missed without being taken for gone."""
    other_note: float = 30.0
    """A look that its track's serial explains by so many nats less than its own best one does shows
    another note. Of 300 sequences of ten looks, 99 in 100 stayed within 10 nats of their own note's
    serial, 999 in 1,000 within 19, all within 25; from another's 99 in 100 were 41 nats and more,
    999 in 1,000 were 27 (tests/bench/voting.py --choose --sequences 300)."""

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            DataError: fewer than one look, or a clip that lets no look say anything.
        """
        if not 1 <= self.min_looks <= self.max_looks or self.max_missed < 0 or self.clip <= 0:
            raise DataError(
                "expected 1 <= min_looks <= max_looks, max_missed >= 0 and clip > 0, got "
                f"{self.min_looks}, {self.max_looks}, {self.max_missed} and {self.clip}"
            )


@dataclass(frozen=True, eq=False)
class NoteEvent:
    """What the frames say of one note: its serial, or at its end that they did not suffice."""

    track: int
    """Counts the notes of a video from 0."""
    serial: str | None
    """Canonical form; None where the frames do not suffice."""
    currency: str | None
    confidence: float
    """0..1, posterior of the likeliest serial; 0 where there is none."""
    reason: Reason
    """Why no serial is given; empty where it is."""
    frames: int
    """In how many frames the note was seen so far."""
    quad: NDArray[np.float32]
    """(4, 2) where it was seen last, in pixels."""
    verdict: Verdict | None


@dataclass(frozen=True, eq=False)
class NoteInSight:
    """What the frames say so far of a note that is still in sight."""

    track: int
    """As of `NoteEvent`."""
    quad: NDArray[np.float32]
    """(4, 2) where it was seen last, in pixels."""
    text: str
    """The likeliest serial, canonical; empty where nothing reads as one."""
    currency: str
    """Its ISO 4217 code; empty likewise."""
    confidence: float
    """0..1, posterior of the text."""
    looks: int
    """Readings that voted, `VoteOptions.max_looks` at most."""
    told: bool
    """Whether its serial was given: it is sure."""


@dataclass
class _Note:
    """A note under way."""

    number: int
    quad: NDArray[np.float32]
    frames: int = 0
    looks: list[LineEvidence] = field(default_factory=list)
    strangers: list[LineEvidence] = field(default_factory=list)
    """Looks in a row that show another note."""
    verdict: Verdict | None = None
    disagreed: bool = False
    """Whether its own prints were ever sure of different serials."""
    told: bool = False


class NoteVoter:
    """Follows the notes of one video and says of each once what it is.

    >>> voter = NoteVoter(charset)
    >>> for image in frames:
    ...     for event in voter(reader(image, voter.known())):
    ...         print(event.serial)
    >>> voter.finish()
    """

    def __init__(self, charset: str, options: VoteOptions | None = None) -> None:
        """Begin without notes.

        Args:
            charset: of the bundle that reads.
            options: when frames suffice.
        """
        self._charset = charset
        self.options = options or VoteOptions()
        self._begin()

    def __call__(self, readings: Sequence[NoteReading]) -> tuple[NoteEvent, ...]:
        """Take the readings of the next frame; returns what has become certain by it, or ended."""
        quads = [r.quad for r in readings]
        matches = self._tracker(np.stack(quads) if quads else np.zeros((0, 4, 2), np.float32))
        events: list[NoteEvent] = []
        for place, reading in zip(matches.tracks, readings, strict=True):
            if place not in self._notes:
                self._notes[place] = self._new(reading.quad)
            events += self._see(place, reading)
        for place in matches.ended:
            events += self._end(self._notes.pop(place))
        return tuple(events)

    def finish(self) -> tuple[NoteEvent, ...]:
        """End every note: the video is over. The next frame begins another one."""
        events = [e for note in self._notes.values() for e in self._end(note)]
        self._begin()
        return tuple(events)

    def in_sight(self) -> tuple[NoteInSight, ...]:
        """Return the notes under way, in the order in which they came.

        One that was missed in the last few frames, but is not taken for gone, is among them.
        """
        return tuple(_in_sight(note) for note in sorted(self._notes.values(), key=_number))

    def known(self) -> tuple[KnownNote, ...]:
        """Return the notes in sight whose serial was given, and that nothing contradicts since."""
        return tuple(
            KnownNote(note.quad, said.currency, said.text, said.probability)
            for note in self._notes.values()
            if note.told and not note.strangers and (said := note.verdict) is not None
        )

    def _begin(self) -> None:
        self._tracker = QuadTracker(self.options.max_missed)
        self._notes: dict[int, _Note] = {}
        self._count = 0

    def _new(self, quad: NDArray[np.float32]) -> _Note:
        self._count += 1
        return _Note(self._count - 1, quad)

    def _see(self, place: int, reading: NoteReading) -> list[NoteEvent]:
        """Add a reading to the note at a place, or begin another note there."""
        note, events = self._notes[place], []
        if reading.reason == "serials disagree":
            note.disagreed = True
            looks = []
        else:
            looks = [s.evidence for s in reading.serials if self._legible(s.evidence)]
        known: list[LineEvidence] = []
        strange: list[LineEvidence] = []
        for seen in looks:
            (strange if self._contradicts(seen, note) else known).append(seen)
        if known:
            note.strangers.clear()
        elif strange:
            note.strangers += strange
            if self._agree(note.strangers):
                events = self._end(note)
                known = note.strangers
                note = self._notes[place] = self._new(reading.quad)
            else:
                note.strangers = strange
        note.quad, note.frames = reading.quad, note.frames + 1
        return events + self._vote(note, known)

    def _vote(self, note: _Note, looks: Sequence[LineEvidence]) -> list[NoteEvent]:
        """Add looks to a note that nothing was said of yet."""
        if note.told or not looks:
            return []
        note.looks = [*note.looks, *looks][-self.options.max_looks :]
        note.verdict = weigh(note.looks, self._charset, self.options.clip)
        if not self._suffices(note):
            return []
        assert note.verdict is not None
        note.told = True
        text, known = note.verdict.text, self._told_before(note)
        note.looks = []
        # No two notes have one serial: this one was lost and found, or is seen in two parts.
        return [] if known else [self._event(note, text, note.verdict.currency, "")]

    def _suffices(self, note: _Note) -> bool:
        verdict, options = note.verdict, self.options
        return (
            verdict is not None and not note.disagreed
            and verdict.looks >= options.min_looks
            and verdict.margin >= options.min_margin
            and verdict.fit >= options.min_fit
            and verdict.account.within(options.whole)
        )  # fmt: skip

    def _told_before(self, note: _Note) -> bool:
        """Tell whether another note in sight was given the same serial."""
        text = note.verdict.text.casefold() if note.verdict else ""
        return any(
            other is not note and other.told and other.verdict is not None
            and other.verdict.text.casefold() == text
            for other in self._notes.values()
        )  # fmt: skip

    def _end(self, note: _Note) -> list[NoteEvent]:
        """Abstain from a note that was never certain."""
        if note.told:
            return []
        reason: Reason = "unsure" if note.verdict is not None else "no serial"
        if note.disagreed:
            reason = "serials disagree"
        return [self._event(note, None, None, reason)]

    def _event(
        self, note: _Note, serial: str | None, currency: str | None, reason: Reason
    ) -> NoteEvent:
        sure = note.verdict.probability if note.verdict else 0.0
        return NoteEvent(
            note.number, serial, currency, sure, reason, note.frames, note.quad, note.verdict
        )

    def _legible(self, seen: LineEvidence) -> bool:
        """Tell whether a look shows a serial at all."""
        best = seen.hypotheses[:1]
        return bool(best) and best[0].log_probability - seen.free >= self.options.min_fit

    def _contradicts(self, seen: LineEvidence, note: _Note) -> bool:
        if note.verdict is None:
            return False
        return doubt(note.verdict.text, seen, self._charset) > self.options.other_note

    def _agree(self, looks: Sequence[LineEvidence]) -> bool:
        """Tell whether the last two looks may show one note."""
        if len(looks) < 2:
            return False
        text = looks[-2].hypotheses[0].text
        return doubt(text, looks[-1], self._charset) <= self.options.other_note


def _number(note: _Note) -> int:
    return note.number


def _in_sight(note: _Note) -> NoteInSight:
    said = note.verdict
    if said is None:
        return NoteInSight(note.number, note.quad, "", "", 0.0, 0, False)
    return NoteInSight(
        note.number, note.quad, said.text, said.currency, said.probability, said.looks, note.told
    )
