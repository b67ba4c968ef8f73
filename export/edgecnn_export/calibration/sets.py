"""Calibration sets: the pictures or arrays that set the ranges of int8 variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import DataError
from edgecnn_export.calibration.choose import choose, hold_back
from edgecnn_export.calibration.find import find_samples
from edgecnn_export.calibration.inputs import Inputs, Picture, Pictures, pictures_of, take
from edgecnn_export.calibration.survey import check_values, set_hash, survey
from edgecnn_export.tolerances import MIN_CALIBRATION

_LONGEST = 120
"""Characters of a name; the manifest has room for 200 with what is said of a choice."""


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """Samples as the network takes them."""

    id: str
    inputs: Inputs
    """Each (...) in the layout of the spec, made when it is asked for and not kept."""
    hashes: tuple[str, ...]
    """sha256 of each prepared sample, to tell whether two sets share one."""
    classes: tuple[str, ...] | None = None
    """Of each sample, where they are known."""
    warnings: tuple[str, ...] = ()
    """What a person should know of it, a line each."""

    @property
    def sha256(self) -> str:
        """Name the set by its content, whatever the order."""
        return set_hash(self.hashes)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """What the samples are prepared from; () where they came as arrays."""
        return pictures_of(self.inputs)

    def take(self, indices: Sequence[int], name: str) -> CalibrationSet:
        """Return some of the samples as a set of its own."""
        classes = None if self.classes is None else tuple(self.classes[i] for i in indices)
        hashes = tuple(self.hashes[i] for i in indices)
        return CalibrationSet(name, take(self.inputs, indices), hashes, classes, self.warnings)


def load_calibration(
    path: str | Path, spec: InputSpec, samples: int | None = None, seed: int = 0
) -> CalibrationSet:
    """Open a calibration set: every sample that is used is read once, checked, and let go again.

    Args:
        path: a directory of pictures (checked against its manifest.json, where it has one), such
            a manifest, a text file with a picture's path per line, an .npy / .npz with arrays
            exactly as the model takes them, N first, or a DATASET ``PATH[:split]``, such as a
            folder per class.
        spec: how pictures are prepared.
        samples: use at most so many: as many of each class, where classes are known, else any.
        seed: another seed chooses others.

    Raises:
        DataError: nothing usable, fewer than 8 samples, a wrong shape, layout or scale, or a
            picture that is damaged or not the one its manifest lists.
    """
    if samples is not None and samples < MIN_CALIBRATION:
        raise DataError(f"expected at least {MIN_CALIBRATION} calibration samples, got {samples}")
    found = find_samples(Path(path), spec)
    total, name = len(found.names), found.id[:_LONGEST]
    indices = choose(found.names, found.classes, total if samples is None else samples, seed)
    if len(indices) < total:
        name = f"{name}, {len(indices)} of {total} by seed {seed}"
    if len(indices) < MIN_CALIBRATION:
        raise DataError(f"{path}: {total} samples, expected at least {MIN_CALIBRATION}")
    inputs = take(found.inputs, indices)
    facts = survey(inputs, [found.names[i] for i in indices], spec)
    ours = isinstance(inputs.origin, Pictures)
    warnings = (*found.warnings, *check_values(facts, str(path), spec, ours))
    classes = None if found.classes is None else tuple(found.classes[i] for i in indices)
    return CalibrationSet(name, inputs, facts.hashes, classes, warnings)


def split_calibration(
    whole: CalibrationSet, share: float = 0.2, seed: int = 0
) -> tuple[CalibrationSet, CalibrationSet]:
    """Hold back a part of a set, for a gate that has no other data.

    Equal samples are on one side, so that no content is in both; each class keeps its share, to
    within one sample.

    Args:
        whole: the set.
        share: of the samples to hold back, above 0 and below 1.
        seed: another seed holds others back.

    Returns:
        What is left to calibrate with, and what is held back.

    Raises:
        DataError: fewer than 8 samples are left, or none is held back.
    """
    if not 0 < share < 1:
        raise DataError(f"expected a share to hold back above 0 and below 1, got {share}")
    kept, held = hold_back(whole.hashes, whole.classes, share, seed)
    if len(kept) < MIN_CALIBRATION or not held:
        raise DataError(
            f"{whole.id}: of {len(whole.hashes)} samples {len(held)} are held back for the gate "
            f"and {len(kept)} left: expected at least 1 and {MIN_CALIBRATION}: give more samples, "
            "or other data for the gate"
        )
    return (
        whole.take(kept, f"{whole.id}, all but {len(held)} held back"),
        whole.take(held, f"{whole.id}, {len(held)} held back"),
    )
