"""Weighs what several looks at one serial number say: both prints of a note, many frames.

A look is kept as its columns, not as its best reading. So a serial that no single look puts first
can still win, and a character that is clear in one look settles it for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.vision.account import Account, account
from edgecnn.vision.beam import Hypothesis, beam_search, forward_log_probabilities
from edgecnn.vision.ctc import log_softmax
from edgecnn.vision.lattice import fold_of
from edgecnn.vision.serials import GRAMMARS, to_glyphs

CLIP = 100.0
"""Nats: no look finds a candidate less likely than this against the look's best one."""

CANDIDATES = 8
"""Serials weighed at most; the looks' own best ones go first."""

RIVAL_SHARE = 0.03
"""What a letter counts for the digit that looks like it, and the other way round, where serials are
weighed against each other. A B that is clearly read is no 8: with as large a share as the search
gives, a KRW serial whose second letter is B would have a USD serial for a runner-up that is nearly
as good, and never be sure. tests/bench/lookalikes.py chose it on generated lines."""

_FREE_WIDTH = 4


@dataclass(frozen=True, eq=False)
class LineEvidence:
    """One look at one serial."""

    log_p: NDArray[np.float32]
    """(T, 1 + C) log-probabilities; class 0 is the blank."""
    hypotheses: tuple[Hypothesis, ...]
    """Serials that a grammar accepts, best first; may be empty."""
    free: float
    """Log-probability of the best text without a grammar, in nats. How well the best reading fits
    is its own less this."""


@dataclass(frozen=True)
class Verdict:
    """What the looks say together."""

    text: str
    """Canonical form."""
    currency: str
    probability: float
    """0..1, posterior of the text among the serials considered."""
    margin: float
    """Nats from the text to the runner-up, summed over looks; inf where there is none."""
    runner_up: str
    """The next serial that differs in more than the case of letters; empty where there is none."""
    fit: float
    """Mean over looks of the text's log-probability less that of the best text without a grammar,
    in nats, at most 0: near 0 where the print says just this, very negative where it is none."""
    account: Account
    """How well the text accounts for the whole print: of each number the better half's worst, so
    half of the looks may be blurred or covered somewhere."""
    looks: int
    """How many looks had anything to say."""


def look(logits: NDArray[np.float32], charset: str, currencies: tuple[str, ...]) -> LineEvidence:
    """Keep what a reader says of one line.

    Args:
        logits: (T, 1 + len(charset)) raw network output.
        charset: the characters of classes 1, 2, ...
        currencies: whose grammars may explain it.

    Returns:
        Evidence without hypotheses where the logits are not finite, or nothing fits.
    """
    if not np.isfinite(logits).all():
        even = np.full(logits.shape, -np.log(logits.shape[1]), np.float32)
        return LineEvidence(even, (), -np.inf)
    log_p = log_softmax(logits)
    free = beam_search(log_p, charset, (), _FREE_WIDTH, keep=1)
    return LineEvidence(
        log_p, beam_search(log_p, charset, currencies), free[0].log_probability if free else -np.inf
    )


def weigh(looks: Sequence[LineEvidence], charset: str, clip: float = CLIP) -> Verdict | None:
    """Sum the evidence of several looks at one serial.

    Args:
        looks: of one reader, so with the same columns; those without hypotheses are left out.
        charset: the characters of classes 1, 2, ...
        clip: nats that one look can at most say against a candidate.

    Returns:
        The likeliest serial, or None where no look has a hypothesis.
    """
    telling = [x for x in looks if x.hypotheses]
    if not telling:
        return None
    candidates = _candidates(telling)
    p = _folded(telling, charset)
    classes = [_classes(text, charset) for text, _ in candidates]
    scores = forward_log_probabilities(p, classes)
    floor = scores.max(1, keepdims=True) - clip
    totals = np.maximum(scores, floor).sum(0)
    best = int(totals.argmax())
    text, currency = candidates[best]
    shares = np.exp(totals - totals[best])
    others = [i for i, (t, _) in enumerate(candidates) if t.casefold() != text.casefold()]
    second = max(others, key=lambda i: float(totals[i]), default=None)
    fits = np.minimum(scores[:, best] - [x.free for x in telling], 0)
    return Verdict(
        text, currency, float(1 / shares.sum()),
        np.inf if second is None else float(totals[best] - totals[second]),
        "" if second is None else candidates[second][0],
        float(fits.mean()), _account(p, text, currency, classes[best]), len(telling),
    )  # fmt: skip


def doubt(text: str, seen: LineEvidence, charset: str) -> float:
    """Return by how many nats a look explains its own best serial better than ``text``.

    Args:
        text: canonical form.
        seen: a look with hypotheses.
        charset: the characters of classes 1, 2, ...
    """
    classes = [_classes(each, charset) for each in (seen.hypotheses[0].text, text)]
    own, other = forward_log_probabilities(_folded([seen], charset), classes)[0]
    return float(own - other)


def _candidates(looks: Sequence[LineEvidence]) -> list[tuple[str, str]]:
    """Return the serials worth weighing: those that the looks like best, summed over looks."""
    liked: dict[tuple[str, str], float] = {}
    for one in looks:
        top = one.hypotheses[0].log_probability
        for h in one.hypotheses:
            share = float(np.exp(h.log_probability - top))
            liked[h.text, h.currency] = liked.get((h.text, h.currency), 0.0) + share
    return sorted(liked, key=lambda c: -liked[c])[:CANDIDATES]


def _account(p: NDArray[np.float64], text: str, currency: str, classes: Sequence[int]) -> Account:
    """Return the lower medians over looks."""
    pattern = GRAMMARS[currency].match(text)
    each = account(p, classes, pattern.gaps if pattern else ())
    middle = (len(each) - 1) // 2
    gaps, left_out = sorted(a.gap for a in each), sorted(a.left_out for a in each)
    return Account(gaps[middle], left_out[middle])


def _classes(text: str, charset: str) -> list[int]:
    return [charset.index(glyph) + 1 for glyph in to_glyphs(text)]


def _folded(looks: Sequence[LineEvidence], charset: str) -> NDArray[np.float64]:
    """Return (looks, T, 1 + C) probabilities, look-alikes folded in."""
    log_p = np.stack([x.log_p for x in looks]).astype(np.float64)
    return np.asarray(np.exp(log_p) @ fold_of(charset, RIVAL_SHARE))
