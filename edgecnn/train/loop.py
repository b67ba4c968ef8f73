"""The training loop: resumable at every epoch, the same result as an unbroken run."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import nn

from edgecnn.data.samples import LineSample
from edgecnn.data.scoring import score_readings
from edgecnn.errors import RecipeError
from edgecnn.files import write_atomic
from edgecnn.train import checkpoint, read
from edgecnn.train.recipe import OptimizerSection, Recipe

RECIPE, LOG, METRICS = "recipe.yaml", "log.csv", "metrics.json"


@dataclass(frozen=True)
class Epoch:
    """One row of log.csv."""

    epoch: int
    samples: int
    loss: float
    """Mean over the epoch, nats per line."""
    learning_rate: float
    """At its end."""
    validation_exact: float
    """Share of validation serials read whole, 0..1."""
    seconds: float
    waited: float
    """Share of the time in which the loop waited for data."""


@dataclass(frozen=True)
class Trained:
    """What a run ended with."""

    run: Path
    epochs: int
    best_epoch: int
    metric: str
    value: float
    seconds: float


Report = Callable[[int, int, float], None]
"""Called after each batch with samples seen, samples in all, loss."""


def learning_rate(options: OptimizerSection, seen: int) -> float:
    """Return the rate after ``seen`` samples: linear warm-up, constant, cosine decay to zero."""
    warm = options.warmup * options.samples
    left = (options.samples - seen) / max(1.0, options.decay * options.samples)
    rate = options.learning_rate * min(1.0, (seen + options.batch) / max(1.0, warm))
    return rate * (0.5 - 0.5 * math.cos(math.pi * min(1.0, max(0.0, left))))


def train(
    recipe: Recipe, run: Path, *, resume: bool = False, report: Report | None = None
) -> Trained:
    """Train the network of a recipe.

    Args:
        recipe: what to do.
        run: the folder that gets checkpoint, resolved recipe, log and metrics.
        resume: continue a run that was interrupted; the result is that of an unbroken run.
        report: called after each batch.

    Raises:
        RecipeError: the folder holds a run already and ``resume`` is not set.
        CheckpointError: the folder to resume holds no such run.
    """
    if (run / RECIPE).exists() and not resume:
        raise RecipeError(f"{run} holds a run already: choose another folder or give --resume")
    torch.manual_seed(recipe.seed)
    torch.set_flush_denormal(True)  # tiny gradients otherwise cost a CPU many times their worth
    model = read.build_reader(recipe).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.init is not None:
        checkpoint.load_weights(model, Path(recipe.init) / checkpoint.WEIGHTS)
    optimizer = _optimizer(model, recipe.optimizer)
    log, seen = _resume(model, optimizer, run) if resume else ([], 0)
    write_atomic(run / RECIPE, recipe.to_yaml().encode(), overwrite=True)
    validation = read.validation_samples(recipe)
    _run(recipe, run, model, optimizer, log, seen, validation, report)
    last = log[-1]
    return Trained(
        run, last.epoch, last.epoch, "serial_exact", last.validation_exact,
        sum(row.seconds for row in log),
    )  # fmt: skip


def _run(
    recipe: Recipe, run: Path, model: nn.Module, optimizer: torch.optim.Optimizer,
    log: list[Epoch], seen: int, validation: list[LineSample], report: Report | None,
) -> None:  # fmt: skip
    options = recipe.optimizer
    losses: list[float] = []
    begun = time.monotonic()
    waited, ready = 0.0, begun
    for batch in read.training_batches(recipe, seen):
        waited += time.monotonic() - ready
        # Dropout must not depend on how often the run was interrupted.
        torch.manual_seed(recipe.seed * 1_000_003 + seen)
        losses.append(_step(model, optimizer, batch, options, seen))
        before, seen = seen, seen + len(batch.lengths)
        if report:
            report(seen, options.samples, losses[-1])
        if before // recipe.epoch != seen // recipe.epoch or seen >= options.samples:
            now = time.monotonic()
            exact = score_readings(
                read.read_lines(model, validation, recipe.input), validation
            ).exact
            log.append(Epoch(
                len(log) + 1, seen, sum(losses) / len(losses), learning_rate(options, seen), exact,
                now - begun, waited / (now - begun),
            ))  # fmt: skip
            _save(recipe, run, model, optimizer, log)
            losses, waited, begun = [], 0.0, time.monotonic()
        ready = time.monotonic()


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: read.LineBatch,
    options: OptimizerSection, seen: int,
) -> float:  # fmt: skip
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(options, seen)
    align = max(0.0, 1 - seen / (options.align * options.samples)) if options.align else 0.0
    optimizer.zero_grad(set_to_none=True)
    value = read.loss(model, batch, align)
    value.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), options.clip)
    optimizer.step()
    return float(value.detach())


def _optimizer(model: nn.Module, options: OptimizerSection) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, ICLR 2019), without decay on biases and norms."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": options.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate)


def _save(
    recipe: Recipe, run: Path, model: nn.Module, optimizer: torch.optim.Optimizer, log: list[Epoch]
) -> None:
    """Write the epoch; the resume file is complete in itself, so any order is safe."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([f.name for f in fields(Epoch)])
    rows.writerows([_cell(getattr(row, f.name)) for f in fields(Epoch)] for row in log)
    last = log[-1]
    facts = {"architecture": recipe.model.architecture, "recipe": recipe.name}
    if recipe.init is not None:
        start = checkpoint.checkpoint_sha256(Path(recipe.init) / checkpoint.WEIGHTS)
        facts["init"] = f"{recipe.init}, sha256 {start}"
    checkpoint.save_weights(model, run / checkpoint.WEIGHTS, facts)
    metrics = {
        "epochs": last.epoch, "samples": last.samples, "metric": "serial_exact",
        "validation": last.validation_exact, "validation_samples": recipe.data.validation_lines,
        "seconds": round(sum(row.seconds for row in log), 1),
    }  # fmt: skip
    write_atomic(run / METRICS, (json.dumps(metrics, indent=2) + "\n").encode(), overwrite=True)
    write_atomic(run / LOG, text.getvalue().encode(), overwrite=True)
    facts |= {"seen": str(last.samples), "log": text.getvalue()}
    checkpoint.save_state(model, optimizer, run / checkpoint.STATE, facts)


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def _resume(
    model: nn.Module, optimizer: torch.optim.Optimizer, run: Path
) -> tuple[list[Epoch], int]:
    state = checkpoint.load_state(model, optimizer, run / checkpoint.STATE)
    rows = csv.DictReader(io.StringIO(state["log"]))
    log = [
        Epoch(int(r["epoch"]), int(r["samples"]), float(r["loss"]), float(r["learning_rate"]),
              float(r["validation_exact"]), float(r["seconds"]), float(r["waited"]))
        for r in rows
    ]  # fmt: skip
    return log, int(state["seen"])
