"""The gate's side of the `detect` task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import AnchorsDecode, Decode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.box_matches import Matches, class_intervals, paired_map50_drop
from edgecnn.data.box_scoring import match_boxes, scoring_rules
from edgecnn.data.open import open_dataset
from edgecnn.data.pictures import usable_boxes
from edgecnn.data.samples import Dataset
from edgecnn.data.scoring import PairedDrop
from edgecnn.errors import DataError
from edgecnn.vision.anchors import decode_detections
from edgecnn.vision.placement import placement
from edgecnn_export.tasks.base import GateSet, Group, Outputs, read_sample
from edgecnn_export.tasks.shapes import golden_shapes


@dataclass(frozen=True, eq=False)
class BoxGateScore:
    """mAP at IoU 0.5, which is no mean over pictures: the interval of a drop resamples them."""

    matches: Matches
    classes: tuple[str, ...]
    group_value: str = "AP50"

    @cached_property
    def value(self) -> float:
        """mAP50, 0..1."""
        return self.matches.map50()

    @property
    def samples(self) -> int:
        """Pictures."""
        return self.matches.samples

    @property
    def groups(self) -> tuple[Group, ...]:
        """The AP50 of each class that has truth; its samples are boxes."""
        boxes = self.matches.truth.sum(0)
        once = np.ones((1, self.samples), np.int32)
        values = self.matches.average_precision(once)[0]
        rows = zip(self.classes, boxes, values, class_intervals(self.matches), strict=True)
        return tuple(Group(name, int(n), float(v), ends) for name, n, v, ends in rows if n)

    def drop_to(self, other: BoxGateScore) -> PairedDrop:
        """Compare on the same resampled pictures; see `paired_map50_drop`."""
        return paired_map50_drop(self.matches, other.matches)


class DetectGate:
    """Scores mAP50 of boxes that are decoded as the device does, down to unlikely ones."""

    metric = "map50"
    group = "class"

    def __init__(
        self, rules: AnchorsDecode, spec: InputSpec, open_validation: Callable[[], Dataset]
    ) -> None:
        """Prepare the gate.

        Args:
            rules: of the manifest; to be scored, the detector gives more, see `scoring_rules`.
            spec: the network's input.
            open_validation: what is scored where no dataset is given.
        """
        self.decode: Decode = rules
        self._given = rules
        self._spec, self._open_validation = spec, open_validation
        scoring = {"suppression": scoring_rules(rules.suppression)}
        self._rules = rules.model_copy(update=scoring)
        self._dataset = Dataset("", (), ())

    def decoded(self) -> DetectGate:
        """Return the gate of the same network with its decoder inside."""
        rules = self._given.model_copy(update={"decoded": True})
        return DetectGate(rules, self._spec, self._open_validation)

    def open(self, evaluate: Path | None) -> GateSet:
        """Open a dataset, or the validation split that the run was trained with.

        What cannot be used of it is left out, and counted in its name.
        """
        given = self._open_validation() if evaluate is None else open_dataset(evaluate)
        self._dataset, faults = usable_boxes(given, strict=False)
        name = given.name if evaluate else f"the recipe's validation split, {given.name}"
        if given.classes != self._rules.labels:
            raise DataError(
                f"{name}: has the classes {', '.join(given.classes)}; the run knows "
                f"{', '.join(self._rules.labels)}"
            )
        if faults:
            name += f" ({len(faults)} faulty pictures or boxes left out)"
        return GateSet(tuple(partial(read_sample, s.read) for s in self._dataset.samples), name)

    def score(self, outputs: Outputs, reference: Outputs, which: NDArray[np.int64]) -> BoxGateScore:
        """Decode each picture's outputs, and match the boxes with the truth."""
        samples = tuple(self._dataset.samples[i] for i in which)
        found = []
        for index, sample in enumerate(samples):
            assert sample.size is not None
            its = [output[index : index + 1] for output in outputs]
            found.append(decode_detections(its, self._rules, placement(sample.size, self._spec)))
        return BoxGateScore(
            match_boxes(found, replace(self._dataset, samples=samples)), self._rules.labels
        )

    def golden(self, count: int) -> tuple[NDArray[np.uint8], ...]:
        """Draw generated shapes."""
        return golden_shapes(count)
