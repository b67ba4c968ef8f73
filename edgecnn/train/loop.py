"""The training loop: one for every task, resumable to the result of an unbroken run."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from edgecnn.data.samples import Fault
from edgecnn.errors import EdgecnnError, RecipeError
from edgecnn.files import remove_leftovers, write_atomic
from edgecnn.train import checkpoint
from edgecnn.train.callbacks import (
    Callback,
    Control,
    CSVLogger,
    Epoch,
    ModelCheckpoint,
    make_callbacks,
)
from edgecnn.train.distributed import Group, join_group
from edgecnn.train.optimizer import autocast, make_average, make_optimizer
from edgecnn.train.registry import Recipe, make_task
from edgecnn.train.run import LOG, METRICS, RECIPE
from edgecnn.train.schedule import learning_rate
from edgecnn.train.sections import BaseRecipe
from edgecnn.train.tasks.base import Batch, HostTask


@dataclass(frozen=True)
class Trained:
    """What a run ended with."""

    run: Path
    epochs: int
    best_epoch: int
    metric: str
    value: float
    """Of the epoch that checkpoint.safetensors holds."""
    seconds: float
    faults: tuple[Fault, ...]
    """Samples that could not be used."""
    first: bool = True
    """Whether this process is the one that speaks for a run of several."""


@dataclass(frozen=True)
class Step:
    """What a progress bar shows."""

    seen: int
    total: int
    loss: float
    unit: str


Report = Callable[[Step], None]
"""Called after each batch, in the first process."""


@dataclass
class _Session:
    """Everything a run changes as it goes."""

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

    def __post_init__(self) -> None:
        self.logger, self.keeper, self.callbacks = make_callbacks(
            self.recipe.callbacks, self.run / LOG, self.save_weights, self.group.first
        )

    @property
    def recipe(self) -> BaseRecipe:
        return self.task.recipe

    @property
    def total(self) -> int:
        options = self.recipe.optimizer
        total = options.samples or (options.epochs or 0) * self.task.epoch_samples
        # Several processes cannot share the last, smaller step evenly.
        return total if self.group.world == 1 else total - total % options.batch

    @property
    def judged(self) -> nn.Module:
        """The weights that are validated and saved."""
        return self.model if self.average is None else self.average.module

    def save_weights(self) -> None:
        if self.group.first:
            facts = checkpoint.facts_of(self.recipe)
            checkpoint.save_weights(self.judged, self.run / checkpoint.WEIGHTS, facts)

    def save_state(self) -> None:
        """Write all that resuming needs; one file, complete in itself."""
        facts = {
            "seen": str(self.seen), "stop": str(int(self.control.stop)),
            "rate_factor": repr(self.control.rate_factor),
            "callbacks": json.dumps([c.state for c in self.callbacks]),
        }  # fmt: skip
        average = None if self.average is None else self.average.module
        path = self.run / checkpoint.STATE
        checkpoint.save_state(self.model, average, self.optimizer, path, facts)

    def load_state(self) -> None:
        average = None if self.average is None else self.average.module
        path = self.run / checkpoint.STATE
        facts = checkpoint.load_state(self.model, average, self.optimizer, path)
        self.seen = int(facts["seen"])
        self.control = Control(bool(int(facts["stop"])), float(facts["rate_factor"]))
        for callback, state in zip(self.callbacks, json.loads(facts["callbacks"]), strict=True):
            callback.state = state
        if self.average is not None:
            self.average.n_averaged.fill_(1)  # the next update averages, and does not copy


def train(
    recipe: Recipe, run: Path, *, resume: bool = False, strict: bool = False,
    report: Report | None = None, notice: Callable[[str], None] = lambda line: None,
) -> Trained:  # fmt: skip
    """Train the network of a recipe.

    Under ``torchrun`` every process calls this, and each step's batch is shared among them.

    Args:
        recipe: what to do.
        run: the folder that gets checkpoint, resolved recipe, log and metrics.
        resume: continue a run that was interrupted; the result is that of an unbroken run.
        strict: an unreadable picture ends the run; otherwise it is reported, counted, left out.
        report: called after each batch.
        notice: told what a person should know, such as each picture that was left out.

    Raises:
        RecipeError: the folder holds a run already and ``resume`` is not set, or holds a run of
            another recipe.
        CheckpointError: the folder to resume holds no run.
        EdgecnnError: the loss is no longer a number.
    """
    _check_folder(run, resume)
    torch.manual_seed(recipe.seed)
    torch.set_flush_denormal(True)  # tiny gradients otherwise cost a CPU many times their worth
    with join_group() as group:
        session = _open(make_task(recipe, strict), run, group)
        for line in session.task.notices if group.first else ():
            notice(line)
        if resume:
            _resume(session)
        if group.first:
            write_atomic(run / RECIPE, session.recipe.to_yaml().encode(), overwrite=True)
        _run(session, report if group.first else None)
    return _finish(session)


def _check_folder(run: Path, resume: bool) -> None:
    exists = (run / RECIPE).exists()
    if exists and not resume:
        raise RecipeError(f"{run} holds a run already: choose another folder or give --resume")
    if resume and not exists:
        raise RecipeError(f"{run}: no run to resume: start it without --resume")


def _open(task: HostTask, run: Path, group: Group) -> _Session:
    group.share(task.recipe.optimizer.batch)
    model = task.build().to(group.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = make_optimizer(model, task.recipe.optimizer)
    return _Session(task, run, group, model, optimizer, make_average(model, task.recipe.optimizer))


def _resume(session: _Session) -> None:
    """Go on from the last whole epoch, or from the start where there is none yet."""
    kept = session.run / RECIPE
    if kept.read_text(encoding="utf-8") != session.recipe.to_yaml():
        raise RecipeError(
            f"{session.run} holds a run of another recipe (see {kept}): resume it with its own"
        )
    if session.group.first:
        remove_leftovers(session.run)
    if (session.run / checkpoint.STATE).exists():
        session.load_state()


def _run(session: _Session, report: Report | None) -> None:
    """Take every step that is left, and end each epoch."""
    if session.control.stop or session.seen >= session.total:
        return
    task, group, total = session.task, session.group, session.total
    network = group.wrap(task.trained(session.model))
    epoch = session.recipe.epoch or task.epoch_samples
    losses: list[float] = []
    waited, begun = 0.0, time.monotonic()
    ready = begun
    for batch in task.batches(session.seen, group.rank, group.world):
        waited += time.monotonic() - ready
        losses.append(_step(session, network, batch))
        before, session.seen = (
            session.seen,
            min(total, session.seen + session.recipe.optimizer.batch),
        )
        if report is not None:
            report(Step(session.seen, total, losses[-1], task.unit))
        if session.seen // epoch > before // epoch or session.seen == total:
            seconds = time.monotonic() - begun
            _end_epoch(session, group.mean(sum(losses) / len(losses)), seconds, waited / seconds)
            if session.control.stop:
                return
            losses, waited, begun = [], 0.0, time.monotonic()
        ready = time.monotonic()


def _step(session: _Session, network: nn.Module, batch: Batch) -> float:
    """Take one step and return its loss."""
    options, seen = session.recipe.optimizer, session.seen
    # Dropout must not depend on how often the run was interrupted.
    torch.manual_seed((session.recipe.seed << 40) + (seen << 8) + session.group.rank)
    rate = _rate(session)
    for group in session.optimizer.param_groups:
        group["lr"] = rate
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


def _rate(session: _Session) -> float:
    options, schedule = session.recipe.optimizer, session.recipe.schedule
    return session.control.rate_factor * learning_rate(
        options, schedule, session.seen, session.total
    )


def _end_epoch(session: _Session, loss: float, seconds: float, waited: float) -> None:
    """Validate, let the callbacks look, and make the epoch last."""
    found = session.task.validate(session.judged) if session.group.first else None
    validation = session.group.agree(found)
    row = Epoch(
        len(session.logger.rows) + 1, session.seen, loss, _rate(session), validation.loss,
        validation.value, seconds, waited,
    )  # fmt: skip
    for callback in session.callbacks:
        callback.on_epoch_end(row, session.control)
    if session.group.first:
        session.save_state()


def _finish(session: _Session) -> Trained:
    rows, options = session.logger.rows, session.recipe.callbacks.model_checkpoint
    best = rows[session.keeper.best.epoch - 1]
    kept = best if options.best else rows[-1]
    seconds = sum(row.seconds for row in rows)
    if session.group.first:
        metrics = {
            "epochs": len(rows), "samples": rows[-1].samples, "metric": session.task.metric,
            "validation": kept.validation, "validation_loss": kept.validation_loss,
            "skipped": len(session.task.faults), "kept_epoch": kept.epoch,
            "loss": rows[-1].loss, "seconds": round(seconds, 1),
        }  # fmt: skip
        data = (json.dumps(metrics, indent=2) + "\n").encode()
        write_atomic(session.run / METRICS, data, overwrite=True)
    return Trained(
        session.run, len(rows), kept.epoch, session.task.metric, kept.validation, seconds,
        session.task.faults, session.group.first,
    )  # fmt: skip
