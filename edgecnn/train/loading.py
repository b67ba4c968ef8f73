"""What the data adaptors of picture tasks share: an endless augmented stream, and its loader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import cv2
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.augment import AugmentOptions
from edgecnn.data.samples import Dataset, Sample
from edgecnn.train.stream import Shuffle, shard

Item = TypeVar("Item")
"""One sample before batching."""


class AugmentedStream(TorchDataset[Item], Generic[Item]):
    """The endless, shuffled, augmented stream of a training split.

    Position ``p`` is always the same picture with the same augmentation, in whichever process. A
    task's stream defines ``__getitem__``.
    """

    def __init__(
        self, dataset: Dataset, spec: InputSpec, options: AugmentOptions, seed: int
    ) -> None:
        self._samples = dataset.samples
        self._spec = spec.model_copy(update={"layout": "nhwc"})
        self._options = options
        self._seed = seed
        self._order = Shuffle(len(dataset.samples), seed)

    def _sample(self, position: int) -> Sample:
        """Return what is shown at a position."""
        return self._samples[self._order(position)]


def load_batches(
    stream: AugmentedStream[Item], collate: Callable[[list[Item]], Any],
    start: int, total: int, batch: int, rank: int, world: int, workers: int,
) -> DataLoader[Item]:  # fmt: skip
    """Return the loader of one process's share of a stream.

    Args:
        stream: what is shown at each position.
        collate: stacks items into a batch.
        start: first position.
        total: positions in all.
        batch: positions of one step, over all processes.
        rank: which process, 0..world-1.
        world: number of processes.
        workers: processes that prepare items; 0: this one.
    """
    return DataLoader(
        stream, batch_sampler=shard(start, total, batch, rank, world), collate_fn=collate,
        num_workers=workers, prefetch_factor=4 if workers else None,
        # A forked child inherits OpenCV's and OpenMP's locks and hangs.
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_start_worker,
    )  # fmt: skip


def _start_worker(number: int) -> None:
    cv2.setNumThreads(1)
