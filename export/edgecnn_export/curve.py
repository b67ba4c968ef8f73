"""Measures, for a bundle of vectors, which similarity two different people exceed how rarely."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode, MatchCurve, VectorDecode
from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.data.open import open_dataset
from edgecnn.data.pictures import usable
from edgecnn.data.samples import Dataset
from edgecnn.errors import DataError, InputError
from edgecnn.vision.matching import measure_curve
from edgecnn.vision.preprocess import network_input
from edgecnn_device.backends import open_backend
from edgecnn_export.calibration import sample_hash
from edgecnn_export.gate import shared_samples
from edgecnn_export.sources import Source


@dataclass(frozen=True, eq=False)
class CurveSet:
    """People whom nothing was trained, chosen or calibrated with."""

    dataset: Dataset
    hashes: tuple[str, ...]
    """sha256 of each prepared picture, as calibration and gate hash theirs."""

    def refuse_shared(self, seen: Iterable[str]) -> None:
        """Refuse pictures that calibrated or scored.

        Raises:
            DataError: there are some.
        """
        shared = shared_samples(self.hashes, tuple(seen))
        if shared:
            raise DataError(
                f"{shared} of {len(self.hashes)} pictures of {self.dataset.name} are also in the "
                "calibration or the gate set: rates of false matches need people of their own"
            )


def open_curve_set(source: Source, path: Path) -> CurveSet:
    """Open a DATASET, a class per person.

    Raises:
        InputError: the source gives no vectors, or the set cannot be used.
    """
    if not isinstance(source.gate.decode, VectorDecode):
        raise InputError(
            f"--curve is for what gives vectors (task embed), got {source.facts.task}: leave it out"
        )
    dataset, _ = usable(open_dataset(path), strict=True)
    spec = source.facts.input
    prepared = (np.asarray(network_input(s.read(), spec), np.float32) for s in dataset.samples)
    return CurveSet(dataset, tuple(sample_hash(x) for x in prepared))


def with_curve(
    decode: Decode, curve: CurveSet, files: Sequence[tuple[Format, bytes]], spec: InputSpec
) -> Decode:
    """Return the decoding with a curve that holds for every variant.

    Each variant's curve is measured, and of their thresholds the strictest is kept for each rate:
    a bundle has one curve, and a device may run any of its files.

    Args:
        decode: of vectors.
        curve: whom to compare.
        files: the variants.
        spec: what they take.
    """
    assert isinstance(decode, VectorDecode)
    samples = curve.dataset.samples
    people = [curve.dataset.classes[s.label or 0] for s in samples]
    measured = [
        measure_curve(np.stack(list(_vectors(kind, data, curve.dataset, spec))), people,
                      data=f"{curve.dataset.name}, {len(samples)} pictures")
        for kind, data in files
    ]  # fmt: skip
    return decode.model_copy(update={"curve": strictest(measured)})


def strictest(curves: Sequence[MatchCurve]) -> MatchCurve:
    """Return a curve with the highest threshold of several for each rate; all of the same pairs."""
    rates = [rate for rate, _ in curves[0].points]
    highest = np.max([[score for _, score in c.points] for c in curves], axis=0).tolist()
    return curves[0].model_copy(update={"points": tuple(zip(rates, highest, strict=True))})


def _vectors(
    kind: Format, data: bytes, dataset: Dataset, spec: InputSpec
) -> Iterator[NDArray[np.float32]]:
    backend = open_backend(kind, data)
    for sample in dataset.samples:
        yield backend.run(network_input(sample.read(), spec)[None])[0][0]
