"""Labelled pictures as batches: the data adaptor of every task that takes whole pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.augment import AugmentOptions, LabelledPicture, augment
from edgecnn.data.samples import Dataset
from edgecnn.train.loading import AugmentedStream
from edgecnn.vision.preprocess import preprocess


@dataclass(frozen=True)
class PictureBatch:
    """A batch as the network takes it."""

    pixels: Tensor
    """(N, C, H, W) float32, channels last in memory; or (N, F) cached features."""
    labels: Tensor
    """(N,) class indices."""

    def to(self, device: torch.device) -> PictureBatch:
        """Return the batch on a device."""
        return PictureBatch(self.pixels.to(device), self.labels.to(device))


@dataclass(frozen=True)
class _Item:
    pixels: NDArray[np.float32]
    label: int


_NONE = AugmentOptions()


class PictureStream(AugmentedStream[_Item]):
    """Pictures with one label as network inputs."""

    def __getitem__(self, position: int) -> _Item:
        sample = self._sample(position)
        image = sample.read()
        if self._options != _NONE:
            rng = np.random.default_rng((self._seed, 1, position))
            size = (self._spec.height, self._spec.width)
            image = augment(LabelledPicture(image), self._options, rng, size).image
        return _Item(preprocess(image, self._spec), int(sample.label or 0))


def collate(items: list[_Item]) -> PictureBatch:
    """Stack pictures into a batch."""
    pixels = torch.from_numpy(np.stack([i.pixels for i in items])).permute(0, 3, 1, 2)
    return PictureBatch(pixels, torch.tensor([i.label for i in items]))


Views = Callable[[NDArray[np.uint8]], Sequence[NDArray[np.uint8]]]
"""Picks what of a picture is looked at, such as crops; as many of each picture."""


def _whole(image: NDArray[np.uint8]) -> Sequence[NDArray[np.uint8]]:
    return (image,)


def prepared(
    dataset: Dataset, spec: InputSpec, batch: int = 32, views: Views = _whole, threads: int = 2
) -> Iterator[Tensor]:
    """Yield a dataset in its own order as inputs; memory holds a few batches.

    Args:
        dataset: pictures that can all be read; each is read once.
        spec: how they are prepared.
        batch: pictures of one batch.
        views: what of each picture is looked at.
        threads: that read and prepare.

    Yields:
        (pictures x views, C, H, W), the views of a picture side by side.
    """
    nhwc = spec.model_copy(update={"layout": "nhwc"})
    with ThreadPoolExecutor(threads) as pool:
        prepare = partial(_prepare, dataset, nhwc, views)
        for first in range(0, len(dataset.samples), batch):
            places = range(first, min(first + batch, len(dataset.samples)))
            inputs = [view for looks in pool.map(prepare, places) for view in looks]
            yield torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2)


def _prepare(
    dataset: Dataset, spec: InputSpec, views: Views, index: int
) -> list[NDArray[np.float32]]:
    return [preprocess(view, spec) for view in views(dataset.samples[index].read())]
