"""Draws receiver operating characteristics of verification."""

from __future__ import annotations

from collections.abc import Mapping

from edgecnn.data.plot import as_png, new_figure
from edgecnn.data.verification import VerificationScore


def draw_roc(scores: Mapping[str, VerificationScore], title: str) -> bytes:
    """Return a PNG: the share of pairs of one person accepted against that of two, one curve each.

    Args:
        scores: by the variant's name.
        title: what was scored.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure, axes = new_figure()
    lowest = 1.0
    for name, score in scores.items():
        far, tar = score.roc
        lowest = min(lowest, float(tar[far > 0].min(initial=1.0)))
        label = f"{name}, EER {100 * score.eer.value:.2f} %"
        axes.step(far, tar, where="post", label=label)
    least = min(0.5 / score.pairs for score in scores.values())
    axes.set(
        xscale="log", xlim=(least, 1), ylim=(max(0.0, lowest - 0.02), 1.003),
        xlabel="pairs of two people accepted", ylabel="pairs of one person accepted",
    )  # fmt: skip
    axes.grid(alpha=0.3)
    axes.set_title(title, fontsize=9)
    axes.legend(loc="lower right", fontsize=8)
    return as_png(figure)
