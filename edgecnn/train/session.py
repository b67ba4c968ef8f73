"""The state of a run, and one step of it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from edgecnn.errors import EdgecnnError
from edgecnn.train import checkpoint
from edgecnn.train.callbacks import Callback, Control, CSVLogger, ModelCheckpoint, make_callbacks
from edgecnn.train.distributed import Group
from edgecnn.train.optimizer import autocast, make_average, make_optimizer
from edgecnn.train.run import LOG
from edgecnn.train.schedule import learning_rate
from edgecnn.train.sections import BaseRecipe
from edgecnn.train.tasks.base import Batch, HostTask


@dataclass
class Session:
    """Everything that a run changes as it goes."""

    task: HostTask
    run: Path
    group: Group
    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: AveragedModel | None
    logger: CSVLogger = field(init=False)
    keeper: ModelCheckpoint = field(init=False)
    callbacks: tuple[Callback, ...] = field(init=False)
    control: Control = field(default_factory=Control)
    seen: int = 0

    @classmethod
    def open(cls, task: HostTask, run: Path, group: Group) -> Session:
        """Build the network of a task where training starts from it.

        Raises:
            RecipeError: the processes cannot share a batch, or the recipe does not fit its data.
        """
        group.share(task.recipe.optimizer.batch)
        model = task.build().to(group.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        base, share = task.base(model)
        optimizer = make_optimizer(model, task.recipe.optimizer, base, share)
        average = make_average(model, task.recipe.optimizer)
        return cls(task, run, group, model, optimizer, average)

    def __post_init__(self) -> None:
        self.logger, self.keeper, self.callbacks = make_callbacks(
            self.recipe.callbacks, self.run / LOG, self.save_weights, self.group.first
        )

    @property
    def recipe(self) -> BaseRecipe:
        """The resolved recipe."""
        return self.task.recipe

    @property
    def total(self) -> int:
        """Samples that the run sees in all."""
        options = self.recipe.optimizer
        total = options.samples or (options.epochs or 0) * self.task.epoch_samples
        # Several processes cannot share the last, smaller step evenly.
        return total if self.group.world == 1 else total - total % options.batch

    @property
    def judged(self) -> nn.Module:
        """The weights that are validated and saved."""
        return self.model if self.average is None else self.average.module

    def save_weights(self) -> None:
        """Write checkpoint.safetensors, in the first process."""
        if self.group.first:
            facts = checkpoint.facts_of(self.recipe)
            checkpoint.save_weights(self.judged, self.run / checkpoint.WEIGHTS, facts)

    def save_state(self) -> None:
        """Write all that resuming needs; one file, complete in itself."""
        facts = {
            "seen": str(self.seen), "stop": str(int(self.control.stop)),
            "rate_factor": repr(self.control.rate_factor),
            "callbacks": json.dumps([c.state for c in self.callbacks]),
            "threads": str(torch.get_num_threads()),
        }  # fmt: skip
        average = None if self.average is None else self.average.module
        path = self.run / checkpoint.STATE
        checkpoint.save_state(self.model, average, self.optimizer, path, facts)

    def load_state(self) -> None:
        """Go back to what `save_state` wrote."""
        average = None if self.average is None else self.average.module
        path = self.run / checkpoint.STATE
        facts = checkpoint.load_state(self.model, average, self.optimizer, path)
        # Sums are split among threads: another number of them rounds differently.
        torch.set_num_threads(int(facts["threads"]))
        self.seen = int(facts["seen"])
        self.control = Control(bool(int(facts["stop"])), float(facts["rate_factor"]))
        for callback, state in zip(self.callbacks, json.loads(facts["callbacks"]), strict=True):
            callback.state = state
        if self.average is not None:
            self.average.n_averaged.fill_(1)  # the next update averages, and does not copy


def take_step(session: Session, network: nn.Module, batch: Batch) -> float:
    """Take one step and return its loss.

    Args:
        session: the run; its count of samples is not changed.
        network: what the task trains, as the processes share it.
        batch: of this process.

    Raises:
        EdgecnnError: the loss is no longer a number.
    """
    options, seen = session.recipe.optimizer, session.seen
    # Dropout must not depend on how often the run was interrupted.
    torch.manual_seed((session.recipe.seed << 40) + (seen << 8) + session.group.rank)
    rate = current_rate(session)
    for group in session.optimizer.param_groups:
        group["lr"] = rate * group["share"]
    network.train()
    session.task.hold(session.model)
    session.optimizer.zero_grad(set_to_none=True)
    with autocast(options, session.group.device):
        loss = session.task.loss(network, batch.to(session.group.device), seen / session.total)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise EdgecnnError(
            f"the loss is {value} after {seen} {session.task.unit}: lower "
            "optimizer.learning_rate or optimizer.clip, and look at the data"
        )
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(session.model.parameters(), options.clip)
    session.optimizer.step()
    if session.average is not None:
        session.average.update_parameters(session.model)
    return value


def current_rate(session: Session) -> float:
    """Return the learning rate of the next step."""
    options, schedule = session.recipe.optimizer, session.recipe.schedule
    return session.control.rate_factor * learning_rate(
        options, schedule, session.seen, session.total
    )
