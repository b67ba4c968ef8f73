"""One person in front of a camera, over the frames of one track: one presentation, one attempt.

How rarely is somebody taken for somebody else, if several frames vote? They are of one person at
one moment, and no independent trials: who is alike to another in one frame is so in the next. So
nothing is gained by a product of rates, but nothing much is lost either: of n frames, each of which
names a wrong person with a probability of at most p, n p do so on average, and by Markov's
inequality the chance that at least k do is at most n p / k, whatever the frames have in common. The
rate of a decision on `faces.frames` frames of which `faces.agree` must name the same person is
therefore at most frames / agree times that of one frame (5 / 3 by default), and that is the rate
that is told. Were frames independent it would be far lower; nobody promises that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgecnn_device.faces.decision import Identity

DIFFERENT = "the frames named different people"


@dataclass(frozen=True, eq=False)
class Look:
    """A good frame of a person."""

    vector: NDArray[np.float32]
    """(D,)."""
    others: tuple[NDArray[np.float32], ...]
    """Of the other good faces of the same frame: each person is one of them at most."""


@dataclass(frozen=True)
class Answer:
    """What was decided of a presentation."""

    person: str | None
    fmr: float
    """Upper bound of the rate of false matches of the decision, 0..1."""
    reason: str
    """Why nobody is named; empty where somebody is."""


@dataclass(eq=False)
class Presentation:
    """A person in view, until they leave; vectors are let go with the decision."""

    track: int
    frames: int = 0
    """In how many processed frames they were seen."""
    looks: list[Look] = field(default_factory=list)
    fault: str = ""
    """What the last frame lacked."""
    answer: Answer | None = None
    again_at: float = 0.0
    """Before that, `time.monotonic`, nothing is compared: too many attempts failed."""


def vote(named: Sequence[Identity], agree: int) -> Answer:
    """Decide by what the frames of one presentation say; see above.

    Args:
        named: of each frame, at one rate.
        agree: frames that must name the same person; none may name another.
    """
    rate = min(1.0, named[0].fmr * len(named) / agree)
    people = Counter(one.person for one in named if one.person is not None)
    if len(people) > 1:
        return Answer(None, rate, DIFFERENT)
    for person, count in people.items():
        if count >= agree:
            return Answer(person, rate, "")
    reasons = Counter(one.reason for one in named if one.person is None)
    return Answer(None, rate, reasons.most_common(1)[0][0])
