"""Pictures with landmarks as batches: the data adaptor of the `landmarks` task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.augment import LabelledPicture, augment
from edgecnn.train.loading import AugmentedStream
from edgecnn.vision.placement import placement, size_of
from edgecnn.vision.points import to_shares
from edgecnn.vision.preprocess import preprocess


@dataclass(frozen=True)
class LandmarkBatch:
    """A batch as the network takes it."""

    pixels: Tensor
    """(N, C, H, W) float32, channels last in memory."""
    places: Tensor
    """(N, K, 2) x, y as shares of the input, 0..1."""
    visible: Tensor
    """(N, K) 1 where the point can be seen, else 0; the place of an unseen point means nothing."""

    def to(self, device: torch.device) -> LandmarkBatch:
        """Return the batch on a device."""
        parts = (self.pixels, self.places, self.visible)
        return LandmarkBatch(*(part.to(device) for part in parts))


@dataclass(frozen=True)
class LandmarkItem:
    """One sample of a batch."""

    pixels: NDArray[np.float32]
    """(H, W, C)."""
    places: NDArray[np.float32]
    """(K, 2)."""
    visible: NDArray[np.float32]
    """(K,)."""


class LandmarkStream(AugmentedStream[LandmarkItem]):
    """Pictures with points as network inputs."""

    def __getitem__(self, position: int) -> LandmarkItem:
        sample = self._sample(position)
        rng = np.random.default_rng((self._seed, 1, position))
        # Stretched at once where the input is: one resampling, not two.
        stretch = self._spec.resize == "stretch"
        size = (self._spec.height, self._spec.width) if stretch else None
        labelled = LabelledPicture(sample.read(), landmarks=sample.landmarks)
        return prepare(augment(labelled, self._options, rng, size), self._spec)


def prepare(picture: LabelledPicture, spec: InputSpec) -> LandmarkItem:
    """Turn a picture and its landmarks into an input and where they are in it."""
    place = placement(size_of(picture.image), spec)
    marks = picture.landmarks
    return LandmarkItem(
        preprocess(picture.image, spec), to_shares(marks[:, :2], place), marks[:, 2]
    )


def collate(items: list[LandmarkItem]) -> LandmarkBatch:
    """Stack samples into a batch."""
    pixels = torch.from_numpy(np.stack([i.pixels for i in items])).permute(0, 3, 1, 2)
    places = torch.from_numpy(np.stack([i.places for i in items]))
    return LandmarkBatch(pixels, places, torch.from_numpy(np.stack([i.visible for i in items])))
