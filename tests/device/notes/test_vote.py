from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.errors import DataError
from edgecnn.vision.evidence import LineEvidence, look
from edgecnn.vision.serials import GLYPHS, GRAMMARS, to_glyphs
from edgecnn_device.notes.results import NoteReading, Reason, SerialRead
from edgecnn_device.notes.vote import NoteEvent, NoteInSight, NoteVoter, VoteOptions

ALL = tuple(GRAMMARS)
KRW, OTHER = "HD7246913K", "LB3581062A"
HERE = np.array([[0, 0], [200, 0], [200, 90], [0, 90]], np.float32)
THERE = HERE + np.float32(500)


def _look(serial: str, doubt: str = "", lead: float = 1.0) -> LineEvidence:
    """A look that says ``serial``, by ``lead`` nats only where ``doubt`` differs."""
    return look(_logits(serial, doubt, lead), GLYPHS, ALL)


def _logits(serial: str, doubt: str = "", lead: float = 1.0) -> NDArray[np.float32]:
    glyphs, others = to_glyphs(serial), to_glyphs(doubt or serial)
    logits = np.zeros((2 * len(glyphs) + 1, len(GLYPHS) + 1), np.float32)
    logits[::2, 0] = 14
    for place, (char, other) in enumerate(zip(glyphs, others, strict=True)):
        logits[2 * place + 1, GLYPHS.index(other) + 1] = 14 - lead
        logits[2 * place + 1, GLYPHS.index(char) + 1] = 14
    return logits


def _reading(
    *looks: LineEvidence, quad: NDArray[np.float32] = HERE, reason: Reason = "unsure"
) -> NoteReading:
    serials = tuple(SerialRead("", "", 0.0, quad, x) for x in looks)
    return NoteReading(quad, None, None, 0.0, reason, serials, None)


def _watch(voter: NoteVoter, frames: list[list[NoteReading]]) -> list[NoteEvent]:
    events = [e for frame in frames for e in voter(frame)]
    return events + list(voter.finish())


@pytest.fixture
def voter() -> NoteVoter:
    return NoteVoter(GLYPHS, VoteOptions(min_looks=3, min_margin=8, clip=4, max_missed=2))


def test_a_note_in_sight_is_given_once(voter: NoteVoter) -> None:
    (event,) = _watch(voter, [[_reading(_look(KRW))]] * 30)
    assert (event.serial, event.currency, event.reason) == (KRW, "KRW", "")
    assert event.frames == 3 and event.track == 0
    assert event.confidence > 0.99


def test_a_note_is_known_once_it_was_given_until_something_contradicts_it(voter: NoteVoter) -> None:
    for _ in range(2):
        voter([_reading(_look(KRW))])
        assert voter.known() == ()
    voter([_reading(_look(KRW))])
    (known,) = voter.known()
    assert (known.currency, known.serial) == ("KRW", KRW) and (known.quad == HERE).all()
    again = NoteReading(HERE + 5, "KRW", KRW, known.confidence, "", (), None)
    assert voter([again]) == ()
    assert (voter.known()[0].quad == HERE + 5).all()
    voter([_reading(_look(OTHER))])
    assert voter.known() == ()
    voter([_reading(_look(KRW))])
    assert len(voter.known()) == 1


def test_a_note_under_way_is_seen_growing_surer(voter: NoteVoter) -> None:
    doubtful = [_reading(_look(KRW, "HD7246918K", lead=1))]
    seen: list[NoteInSight] = []
    for _ in range(9):
        voter(doubtful)
        seen += voter.in_sight()
    assert {note.text for note in seen} == {KRW} and {note.track for note in seen} == {0}
    assert [note.looks for note in seen[:8]] == list(range(1, 9))
    sure = [note.confidence for note in seen[:8]]
    assert sure == sorted(sure) and sure[0] < 0.8 and sure[-1] > 0.99
    assert [seen[0].told, seen[-1].told] == [False, True]


def test_what_is_in_sight_is_empty_before_and_after(voter: NoteVoter) -> None:
    assert voter.in_sight() == ()
    voter([_reading(), _reading(_look(OTHER), quad=THERE)])
    first, second = voter.in_sight()
    assert (first.text, first.currency, first.confidence, first.looks) == ("", "", 0.0, 0)
    assert (second.text, second.currency, second.told) == (OTHER, "KRW", False)
    voter.finish()
    assert voter.in_sight() == ()


def test_too_few_looks_do_not_suffice(voter: NoteVoter) -> None:
    (event,) = _watch(voter, [[_reading(_look(KRW))]] * 2)
    assert event.serial is None and event.reason == "unsure"
    assert event.verdict is not None and event.verdict.text == KRW


def test_the_margin_is_that_of_all_frames(voter: NoteVoter) -> None:
    doubtful = _reading(_look(KRW, "HD7246918K", lead=1))
    assert [voter([doubtful]) for _ in range(7)] == [()] * 7
    (event,) = voter([doubtful]) or voter([doubtful])
    assert event.serial == KRW and event.verdict is not None
    assert 8 <= event.verdict.margin < 9


def test_a_rare_mistake_is_outvoted(voter: NoteVoter) -> None:
    wrong, right = _look("HD7246918K", KRW, lead=3), _look(KRW, "HD7246918K", lead=3)
    events = _watch(voter, [[_reading(x)] for x in (wrong, right, right, right, right, right)])
    assert [e.serial for e in events] == [KRW]


def test_one_look_counts_up_to_its_clip() -> None:
    """A look that is wrong beyond doubt does not outweigh two that are right."""
    frames = [[_reading(_look("HD7246918K"))], *[[_reading(_look(KRW, "HD7246918K", lead=6))]] * 5]
    for clip, serial in ((4.0, KRW), (100.0, None)):
        options = VoteOptions(min_looks=3, min_margin=12, clip=clip)
        # Unclipped, 5 times 6 nats less 14 are enough too; one look fewer is not.
        (event,) = _watch(NoteVoter(GLYPHS, options), frames if serial else frames[:-1])
        assert event.serial == serial


def test_both_prints_of_a_note_vote(voter: NoteVoter) -> None:
    assert voter([_reading(_look(KRW), _look(KRW))]) == ()
    (event,) = voter([_reading(_look(KRW), _look(KRW))])
    assert event.serial == KRW and event.frames == 2


def test_print_that_says_more_than_a_serial_is_none(voter: NoteVoter) -> None:
    """A digit too many is doubted, so that a serial without it fits well enough."""
    logits = _logits("HD724691735K")
    logits[2 * 6 + 1, 0] = 14 - 3
    seen = look(logits, GLYPHS, ALL)
    assert seen.hypotheses[0].text == "HD72461735K"
    assert seen.hypotheses[0].log_probability - seen.free > voter.options.min_fit
    (event,) = _watch(voter, [[_reading(seen)]] * 20)
    assert event.serial is None and event.reason == "unsure"


def test_two_notes_are_voted_on_apart(voter: NoteVoter) -> None:
    frame = [_reading(_look(KRW)), _reading(_look(OTHER), quad=THERE)]
    events = _watch(voter, [frame, frame[::-1], frame, frame])
    assert sorted((e.track, e.serial) for e in events) == [(0, KRW), (1, OTHER)]


def test_a_note_that_leaves_unread_is_abstained_from_once(voter: NoteVoter) -> None:
    frames = [[_reading(_look(KRW))], [], [], [], []]
    events = [voter(frame) for frame in frames]
    assert [len(e) for e in events] == [0, 0, 0, 1, 0]
    assert events[3][0].serial is None and events[3][0].frames == 1
    assert voter.finish() == ()


@pytest.mark.parametrize("seen_before", [1, 2, 10])
def test_another_note_in_its_place_is_not_averaged_in(voter: NoteVoter, seen_before: int) -> None:
    frames = [[_reading(_look(KRW))]] * seen_before + [[_reading(_look(OTHER))]] * 6
    events = _watch(voter, frames)
    assert [e.serial for e in events] == [KRW if seen_before > 2 else None, OTHER]
    assert [e.track for e in events] == [0, 1]
    assert events[1].verdict is not None and events[1].verdict.looks == 3


def test_one_look_at_another_note_changes_nothing(voter: NoteVoter) -> None:
    known, strange = [_reading(_look(KRW))], [_reading(_look(OTHER))]
    (event,) = _watch(voter, [known, strange, known, strange, known, known])
    assert event.serial == KRW
    assert event.verdict is not None and event.verdict.looks == 3


def test_strangers_that_differ_from_each_other_are_no_note(voter: NoteVoter) -> None:
    strangers = [OTHER, "CA1905284F", "GE6402871B"]
    events = _watch(voter, [[_reading(_look(s))] for s in (KRW, *strangers)])
    assert [e.serial for e in events] == [None]


def test_prints_that_disagree_are_reported(voter: NoteVoter) -> None:
    odd = _reading(_look(KRW), _look(OTHER), reason="serials disagree")
    (event,) = _watch(voter, [[_reading(_look(KRW))], [odd], *[[_reading(_look(KRW))]] * 8])
    assert event.serial is None and event.reason == "serials disagree"


def test_a_note_seen_in_two_parts_is_given_once(voter: NoteVoter) -> None:
    frame = [_reading(_look(KRW)), _reading(_look(KRW), quad=THERE)]
    events = _watch(voter, [frame] * 5)
    assert [e.serial for e in events] == [KRW]


def test_illegible_looks_do_not_vote(voter: NoteVoter) -> None:
    blank = np.zeros((21, len(GLYPHS) + 1), np.float32)
    blank[:, 0] = 14
    word = _look("HELLOWORLD")
    (event,) = _watch(voter, [[_reading(look(blank, GLYPHS, ALL))], [_reading(word)], [_reading()]])
    assert event.serial is None and event.reason == "no serial"
    assert event.frames == 3 and event.confidence == 0


def test_looks_beyond_the_newest_are_forgotten() -> None:
    options = VoteOptions(min_looks=4, min_margin=1000, max_looks=4)
    voter = NoteVoter(GLYPHS, options)
    (event,) = _watch(voter, [[_reading(_look(KRW))]] * 50)
    assert event.verdict is not None and event.verdict.looks == 4


def test_no_frames_say_nothing(voter: NoteVoter) -> None:
    assert _watch(voter, []) == [] and _watch(voter, [[], [], []]) == []


def test_after_its_end_a_voter_begins_anew(voter: NoteVoter) -> None:
    frames = [[_reading(_look(KRW))]] * 4
    assert [_watch(voter, frames)[0].serial for _ in range(2)] == [KRW, KRW]


@pytest.mark.parametrize(
    "options",
    [{"min_looks": 0}, {"min_looks": 30}, {"max_missed": -1}, {"clip": 0.0}],
)
def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="expected 1 <= min_looks"):
        VoteOptions(**options)
