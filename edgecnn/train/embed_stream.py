"""Pictures of people as batches: the data adaptor of the `embed` task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.augment import AugmentOptions, LabelledPicture, augment
from edgecnn.data.pair_scoring import people_of
from edgecnn.data.samples import Dataset
from edgecnn.train.loading import AugmentedStream
from edgecnn.vision.preprocess import preprocess


@dataclass(frozen=True)
class PeopleBatch:
    """A batch as the network takes it."""

    pixels: Tensor
    """(N, C, H, W) float32, channels last in memory."""
    people: Tensor
    """(N,) from 0."""
    targets: Tensor
    """(N, D) what a teacher says of each; (N, 0) where there is none."""

    def to(self, device: torch.device) -> PeopleBatch:
        """Return the batch on a device."""
        parts = (self.pixels, self.people, self.targets)
        return PeopleBatch(*(part.to(device) for part in parts))


@dataclass(frozen=True)
class _Item:
    pixels: NDArray[np.float32]
    person: int
    target: NDArray[np.float32]


class PeopleStream(AugmentedStream[_Item]):
    """Pictures with who they are of, in an order of its own."""

    def __init__(
        self, dataset: Dataset, spec: InputSpec, options: AugmentOptions, seed: int,
        order: Callable[[int], int], targets: NDArray[np.float32] | None,
    ) -> None:  # fmt: skip
        """Make the stream.

        Args:
            dataset: the training split.
            spec: how pictures are prepared.
            options: what happens to them first; a teacher's vector stays what it was.
            seed: of the run.
            order: which picture stands at a position.
            targets: (N, D) of a teacher.
        """
        super().__init__(dataset, spec, options, seed)
        self._choose, self._people = order, people_of(dataset)
        self._targets = np.zeros((len(self._people), 0), np.float32) if targets is None else targets

    def __getitem__(self, position: int) -> _Item:
        index = self._choose(position)
        rng = np.random.default_rng((self._seed, 1, position))
        size = (self._spec.height, self._spec.width)
        picture = LabelledPicture(self._samples[index].read())
        image = augment(picture, self._options, rng, size).image
        pixels = preprocess(image, self._spec)
        return _Item(pixels, int(self._people[index]), self._targets[index])


def collate(items: list[_Item]) -> PeopleBatch:
    """Stack pictures into a batch."""
    pixels = torch.from_numpy(np.stack([i.pixels for i in items])).permute(0, 3, 1, 2)
    targets = torch.from_numpy(np.stack([i.target for i in items]))
    return PeopleBatch(pixels, torch.tensor([i.person for i in items]), targets)
