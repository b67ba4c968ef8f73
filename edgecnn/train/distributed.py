"""Several processes as one: DistributedDataParallel under torchrun.

A process started alone is a group of one, and nothing of this costs it anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from edgecnn.errors import RecipeError
from edgecnn.train.tasks.base import Validation


@dataclass(frozen=True)
class Group:
    """The processes of a run."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes, reports and validates."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """Return the samples of a step that fall to each process.

        Raises:
            RecipeError: the batch cannot be shared evenly.
        """
        if batch % self.world:
            raise RecipeError(
                f"optimizer.batch: {batch} cannot be shared by {self.world} processes"
            )
        return batch // self.world

    def wrap(self, model: nn.Module) -> nn.Module:
        """Average gradients over the processes."""
        trains = any(p.requires_grad for p in model.parameters())
        if self.world == 1 or not trains:
            return model
        return DistributedDataParallel(model)

    def mean(self, value: float) -> float:
        """Return the mean of a number over the processes."""
        if self.world == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return float(total) / self.world

    def agree(self, found: Validation | None) -> Validation:
        """Give every process what the first one found."""
        box = [found]
        if self.world > 1:
            distributed.broadcast_object_list(box, src=0)
        result = box[0]
        assert result is not None
        return result


@contextmanager
def join_group() -> Iterator[Group]:
    """Join the processes that torchrun started, by gloo or, with GPUs, NCCL; leave at the end."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    cuda = torch.cuda.is_available()
    device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if cuda else "cpu")
    if cuda:
        torch.cuda.set_device(device)
    if world == 1:
        yield Group(0, 1, device)
        return
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Group(distributed.get_rank(), world, device)
    finally:
        distributed.destroy_process_group()
