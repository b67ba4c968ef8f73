"""Draws precision against recall, with the points where thresholds lie."""

from __future__ import annotations

from edgecnn.data.box_scoring import BoxScore
from edgecnn.data.plot import as_png, new_figure


def draw_curves(score: BoxScore, min_score: float, title: str) -> bytes:
    """Return a PNG: one curve per class with truth, at IoU 0.5.

    A dot marks what the threshold of the manifest gives, a cross the point of the highest F1.

    Args:
        score: of a detector.
        min_score: of its manifest, 0..1.
        title: what was scored.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure, axes = new_figure()
    for one in score.classes:
        if one.ap50 is None:
            continue
        label = f"{one.name}, AP50 {one.ap50:.3f}, n = {one.boxes}"
        (line,) = axes.plot(one.curve.recall, one.curve.precision, label=label)
        for point, marker in ((one.curve.at(min_score), "o"), (one.best, "x")):
            if point is not None:
                axes.plot(point.recall, point.precision, marker, color=line.get_color())
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision, IoU 0.5")
    dots = f"dot: scores from {min_score:g}, as the bundle gives them; cross: the highest F1"
    axes.set_title(f"{title}\n{dots}", fontsize=9)
    axes.legend(loc="lower left", fontsize=8)
    return as_png(figure)
