"""Pictures with one box or none as batches: the data adaptor of the `localize` task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.augment import AugmentOptions, LabelledPicture, augment
from edgecnn.data.samples import Dataset
from edgecnn.train.loading import AugmentedStream
from edgecnn.vision.boxes import Boxes, to_centres
from edgecnn.vision.placement import Size, placement, size_of
from edgecnn.vision.preprocess import preprocess


@dataclass(frozen=True)
class LocatedBatch:
    """A batch as the network takes it; where nothing is there, box and label mean nothing."""

    pixels: Tensor
    """(N, C, H, W) float32, channels last in memory."""
    presence: Tensor
    """(N,) 1 where something is there, else 0."""
    boxes: Tensor
    """(N, 4) middle x, y, width, height as shares of the input."""
    labels: Tensor
    """(N,) class indices."""

    def to(self, device: torch.device) -> LocatedBatch:
        """Return the batch on a device."""
        parts = (self.pixels, self.presence, self.boxes, self.labels)
        return LocatedBatch(*(part.to(device) for part in parts))


@dataclass(frozen=True)
class LocatedItem:
    """One sample of a batch."""

    pixels: NDArray[np.float32]
    """(H, W, C)."""
    presence: float
    box: NDArray[np.float32]
    """(4,)."""
    label: int


def prepare(picture: LabelledPicture, spec: InputSpec) -> LocatedItem:
    """Turn a picture with one box or none into an input and its target."""
    box = _share(picture.boxes, size_of(picture.image), spec)
    label = int(picture.box_labels[0]) if len(picture.boxes) else 0
    return LocatedItem(preprocess(picture.image, spec), float(len(picture.boxes) > 0), box, label)


def targets_of(dataset: Dataset, spec: InputSpec) -> LocatedBatch:
    """Return the targets of a whole dataset, as `single_objects` returns it, without pixels."""
    samples = dataset.samples
    boxes = [_share(s.boxes, s.size or (1, 1), spec) for s in samples]
    return LocatedBatch(
        torch.zeros(0), torch.tensor([float(len(s.boxes) > 0) for s in samples]),
        torch.from_numpy(np.stack(boxes)),
        torch.tensor([int(s.box_labels[0]) if len(s.boxes) else 0 for s in samples]),
    )  # fmt: skip


def _share(boxes: Boxes, size: Size, spec: InputSpec) -> NDArray[np.float32]:
    """Return (4,) middle x, y, width, height of the one box as shares of the input."""
    if not len(boxes):
        return np.full(4, 0.5, np.float32)
    place = placement(size, spec)
    shares = place.to_input(boxes) / np.array((*place.size, *place.size), np.float32)
    return np.asarray(to_centres(np.asarray(shares, np.float32))[0])


class LocatedStream(AugmentedStream[LocatedItem]):
    """Pictures with one box or none as network inputs."""

    def __getitem__(self, position: int) -> LocatedItem:
        sample = self._sample(position)
        picture = LabelledPicture(sample.read(), sample.boxes, sample.box_labels)
        if self._options != AugmentOptions():
            rng = np.random.default_rng((self._seed, 1, position))
            # Stretched at once where the input is: one resampling, not two.
            stretch = self._spec.resize == "stretch"
            size = (self._spec.height, self._spec.width) if stretch else None
            picture = augment(picture, self._options, rng, size)
        return prepare(picture, self._spec)


def collate(items: list[LocatedItem]) -> LocatedBatch:
    """Stack samples into a batch."""
    return LocatedBatch(
        torch.from_numpy(np.stack([i.pixels for i in items])).permute(0, 3, 1, 2),
        torch.tensor([i.presence for i in items]),
        torch.from_numpy(np.stack([i.box for i in items])),
        torch.tensor([i.label for i in items]),
    )
