"""The training loop: one for every task, resumable to the result of an unbroken run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from edgecnn.data.samples import Fault
from edgecnn.errors import RecipeError
from edgecnn.files import remove_leftovers, write_atomic
from edgecnn.train import checkpoint
from edgecnn.train.callbacks import Epoch
from edgecnn.train.distributed import join_group
from edgecnn.train.memory import keep_freed_memory
from edgecnn.train.registry import Recipe, make_task
from edgecnn.train.run import METRICS, RECIPE
from edgecnn.train.session import Session, current_rate, take_step


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
    keep_freed_memory()
    # Said aloud, or MKL takes fewer threads when it likes, and sums round differently.
    torch.set_num_threads(torch.get_num_threads())
    torch.set_flush_denormal(True)  # tiny gradients otherwise cost a CPU many times their worth
    try:
        with join_group() as group:
            session = Session.open(make_task(recipe, strict), run, group)
            for line in session.task.notices if group.first else ():
                notice(line)
            if resume:
                _resume(session)
            if group.first:
                write_atomic(run / RECIPE, session.recipe.to_yaml().encode(), overwrite=True)
            _run(session, report if group.first else None)
    finally:
        torch.set_flush_denormal(False)
    return _finish(session)


def _check_folder(run: Path, resume: bool) -> None:
    exists = (run / RECIPE).exists()
    if exists and not resume:
        raise RecipeError(f"{run} holds a run already: choose another folder or give --resume")
    if resume and not exists:
        raise RecipeError(f"{run}: no run to resume: start it without --resume")


def _resume(session: Session) -> None:
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


def _run(session: Session, report: Report | None) -> None:
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
        losses.append(take_step(session, network, batch))
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


def _end_epoch(session: Session, loss: float, seconds: float, waited: float) -> None:
    """Validate, let the callbacks look, and make the epoch last."""
    found = session.task.validate(session.judged) if session.group.first else None
    validation = session.group.agree(found)
    row = Epoch(
        len(session.logger.rows) + 1, session.seen, loss, current_rate(session), validation.loss,
        validation.value, seconds, waited,
    )  # fmt: skip
    for callback in session.callbacks:
        callback.on_epoch_end(row, session.control)
    if session.group.first:
        session.save_state()


def _finish(session: Session) -> Trained:
    rows, options = session.logger.rows, session.recipe.callbacks.model_checkpoint
    best = rows[session.keeper.best_epoch - 1]
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
