"""Callbacks: ModelCheckpoint, EarlyStopping, ReduceLROnPlateau, CSVLogger.

Each keeps what it remembers in `state`, which the loop saves, so that a resumed run decides as an
unbroken one does. In a run of several processes all decide alike, and only the first writes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

from edgecnn.files import write_atomic
from edgecnn.train.sections import (
    CallbacksSection,
    EarlyStoppingSection,
    ModelCheckpointSection,
    Monitor,
    ReduceLROnPlateauSection,
)


@dataclass(frozen=True)
class Epoch:
    """One row of log.csv."""

    epoch: int
    samples: int
    """Seen since the start of the run."""
    loss: float
    """Mean over the epoch, in nats."""
    learning_rate: float
    """At its end."""
    validation_loss: float
    validation: float
    """The task's metric on the validation split; more is better."""
    seconds: float
    waited: float
    """Share of the time in which the loop waited for data."""


@dataclass
class Control:
    """What callbacks may change."""

    stop: bool = False
    rate_factor: float = 1.0
    """Multiplies the schedule's learning rate."""


class Callback(Protocol):
    """Something that is told of each epoch."""

    def on_epoch_end(self, epoch: Epoch, control: Control) -> None:
        """Look at an epoch that has just been validated."""
        ...

    @property
    def state(self) -> list[float]:
        """What has to survive an interruption."""
        ...

    @state.setter
    def state(self, value: list[float]) -> None: ...


class _Monitoring:
    """The best value of a monitored column so far, and the epochs since."""

    def __init__(self, monitor: Monitor, min_delta: float = 0.0) -> None:
        self._monitor = monitor
        self._sign = 1.0 if monitor == "validation" else -1.0
        self._min_delta = min_delta
        self.best_epoch = 0
        self._value = float("-inf") * self._sign
        self._waiting = 0

    def _improves(self, epoch: Epoch) -> bool:
        """Take an epoch in; tell whether it is the best so far."""
        value = float(getattr(epoch, self._monitor))
        better = self._sign * (value - self._value) > self._min_delta
        if better:
            self.best_epoch, self._value, self._waiting = epoch.epoch, value, 0
        else:
            self._waiting += 1
        return better

    @property
    def state(self) -> list[float]:
        """The best epoch, its value, and the epochs since."""
        return [float(self.best_epoch), self._value, float(self._waiting)]

    @state.setter
    def state(self, value: list[float]) -> None:
        self.best_epoch, self._value, self._waiting = int(value[0]), value[1], int(value[2])


class ModelCheckpoint(_Monitoring):
    """Keeps the weights of the best epoch, or of the last."""

    def __init__(self, options: ModelCheckpointSection, save: Callable[[], None]) -> None:
        super().__init__(options.monitor)
        self._best_only = options.best
        self._save = save

    def on_epoch_end(self, epoch: Epoch, control: Control) -> None:
        """Save where this epoch is the one to keep."""
        if self._improves(epoch) or not self._best_only:
            self._save()


class EarlyStopping(_Monitoring):
    """Ends a run whose monitored value has not improved for ``patience`` epochs."""

    def __init__(self, options: EarlyStoppingSection) -> None:
        super().__init__(options.monitor, options.min_delta)
        self._patience = options.patience

    def on_epoch_end(self, epoch: Epoch, control: Control) -> None:
        """Ask for the end once patience is used up."""
        if not self._improves(epoch) and self._waiting >= self._patience:
            control.stop = True


class ReduceLROnPlateau(_Monitoring):
    """Multiplies the rate by ``factor`` whenever ``patience`` epochs brought no improvement."""

    def __init__(self, options: ReduceLROnPlateauSection) -> None:
        super().__init__(options.monitor, options.min_delta)
        self._options = options

    def on_epoch_end(self, epoch: Epoch, control: Control) -> None:
        """Lower the rate and wait anew."""
        if not self._improves(epoch) and self._waiting >= self._options.patience:
            lowered = control.rate_factor * self._options.factor
            control.rate_factor = max(self._options.least, lowered)
            self._waiting = 0


class CSVLogger:
    """Writes log.csv, a row per epoch; a resumed run goes on from the rows it had."""

    def __init__(self, path: Path, write: bool = True) -> None:
        self._path = path
        self._write = write
        self.rows: list[Epoch] = []

    def on_epoch_end(self, epoch: Epoch, control: Control) -> None:
        """Add a row; the file is always whole."""
        self.rows.append(epoch)
        if self._write:
            write_atomic(self._path, self._text().encode(), overwrite=True)

    def _text(self) -> str:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow([f.name for f in fields(Epoch)])
        rows.writerows([_cell(getattr(row, f.name)) for f in fields(Epoch)] for row in self.rows)
        return text.getvalue()

    @property
    def state(self) -> list[float]:
        """Every number of every row."""
        return [float(getattr(row, f.name)) for row in self.rows for f in fields(Epoch)]

    @state.setter
    def state(self, value: list[float]) -> None:
        width = len(fields(Epoch))
        cut = [value[i : i + width] for i in range(0, len(value), width)]
        self.rows = [Epoch(int(row[0]), int(row[1]), *row[2:]) for row in cut]


def make_callbacks(
    options: CallbacksSection, log: Path, save: Callable[[], None], write: bool
) -> tuple[CSVLogger, ModelCheckpoint, tuple[Callback, ...]]:
    """Return the logger, the checkpoint, and all callbacks of a recipe in the order of call."""
    logger = CSVLogger(log, write)
    keeper = ModelCheckpoint(options.model_checkpoint, save)
    callbacks: list[Callback] = [logger, keeper]
    if options.reduce_lr_on_plateau is not None:
        callbacks.append(ReduceLROnPlateau(options.reduce_lr_on_plateau))
    if options.early_stopping is not None:
        callbacks.append(EarlyStopping(options.early_stopping))
    return logger, keeper, tuple(callbacks)


def _cell(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
