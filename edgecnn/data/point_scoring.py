"""Scores landmarks: how far off they are, how many are near enough, and what is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import PointsDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.landmarks import PointTruth
from edgecnn.errors import DataError
from edgecnn.vision.placement import placement
from edgecnn.vision.points import decode_points, to_pixels

NEAR, NEARISH = 0.05, 0.10
"""Errors, as shares of the normalizer, up to which a point is right in PCK."""
METRIC = "pck_5"
"""Share of the visible points that are within 5 % of the normalizer, averaged over pictures."""


@dataclass(frozen=True)
class PointScore:
    """How well the points of a set were found."""

    nme: float
    """Normalized mean error: the mean distance of a picture's visible points from their truth,
    divided by its normalizer, averaged over pictures."""
    nme_low: float
    """Lower end of its 95 % interval, which takes pictures as independent."""
    nme_high: float
    pck_5: float
    """0..1, see `METRIC`."""
    pck_10: float
    """The same within 10 %."""
    samples: int
    """Pictures whose places were scored."""
    unmeasured: int
    """Pictures without a visible point, or with a point of the normalizer unseen."""
    visibility: float
    """Share of all points, of every picture, that are rightly called seen or not, 0..1."""
    unseen: int
    """How many of those points are not seen."""
    per_point: Mapping[str, float]
    """Within 5 %, of each point that is ever visible."""
    credits: tuple[float, ...]
    """Of each scored picture, the share of its visible points within 5 %."""
    errors: tuple[float, ...]
    """Of each scored picture, its normalized error."""


def score_points(
    places: NDArray[np.float32], visibility: NDArray[np.float32], truth: PointTruth,
    names: Sequence[str],
) -> PointScore:  # fmt: skip
    """Score what was found in N pictures.

    Args:
        places: (N, K, 2) x, y in pixels of the pictures.
        visibility: (N, K) probabilities; 0.5 and above calls a point seen.
        truth: of the same pictures.
        names: of the points.

    Raises:
        DataError: there is no picture whose places can be scored.
    """
    rows = np.isfinite(truth.scale) & truth.visible.any(1)
    if not rows.any():
        raise DataError(
            "nothing to score: expected a picture with a visible point and those of the normalizer"
        )
    distance = np.linalg.norm(places[rows].astype(np.float64) - truth.places[rows], axis=2)
    distance /= truth.scale[rows, None]
    seen = truth.visible[rows]
    errors, near, nearish = (
        np.where(seen, values, 0).sum(1) / seen.sum(1)
        for values in (distance, distance <= NEAR, distance <= NEARISH)
    )
    margin = 1.96 * float(errors.std(ddof=1) / np.sqrt(len(errors))) if len(errors) > 1 else 1.0
    nme = float(errors.mean())
    return PointScore(
        nme, max(0.0, nme - margin), nme + margin, float(near.mean()), float(nearish.mean()),
        len(errors), int((~rows).sum()), float(((visibility >= 0.5) == truth.visible).mean()),
        int((~truth.visible).sum()),
        {n: float((distance[:, i] <= NEAR)[seen[:, i]].mean())
         for i, n in enumerate(names) if seen[:, i].any()},
        tuple(near.tolist()), tuple(errors.tolist()),
    )  # fmt: skip


def score_outputs(
    outputs: Sequence[NDArray[np.float32]], rules: PointsDecode, spec: InputSpec, truth: PointTruth
) -> PointScore:
    """Decode the outputs of a network for N pictures, and score them.

    Args:
        outputs: as for `decode_points`.
        rules: how to read them.
        spec: how the pictures were prepared.
        truth: of the same pictures.
    """
    found = decode_points(outputs, rules)
    places = [
        to_pixels(shares, placement((width, height), spec))
        for shares, (width, height) in zip(found.places, truth.sizes.tolist(), strict=True)
    ]
    return score_points(np.stack(places), found.visibility, truth, rules.names)
