from __future__ import annotations

from pathlib import Path

import pytest

from edgecnn.train.callbacks import (
    Control,
    CSVLogger,
    EarlyStopping,
    Epoch,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from edgecnn.train.sections import (
    EarlyStoppingSection,
    ModelCheckpointSection,
    ReduceLROnPlateauSection,
)


def _epoch(number: int, validation: float, loss: float = 1.0) -> Epoch:
    return Epoch(number, number * 10, loss, 0.1, loss, validation, 2.0, 0.0)


@pytest.mark.parametrize(("best", "saves"), [(True, [1, 2, 4]), (False, [1, 2, 3, 4])])
def test_model_checkpoint_keeps_the_best_or_the_last(best: bool, saves: list[int]) -> None:
    saved: list[int] = []
    now = [0]
    keeper = ModelCheckpoint(ModelCheckpointSection(best=best), lambda: saved.append(now[0]))
    for number, value in enumerate((0.1, 0.5, 0.4, 0.6), 1):
        now[0] = number
        keeper.on_epoch_end(_epoch(number, value), Control())
    assert saved == saves
    assert keeper.best_epoch == 4


def test_a_monitored_loss_is_better_when_smaller() -> None:
    saved: list[int] = []
    options = ModelCheckpointSection(monitor="validation_loss")
    keeper = ModelCheckpoint(options, lambda: saved.append(1))
    for number, loss in enumerate((3.0, 2.0, 2.5), 1):
        keeper.on_epoch_end(_epoch(number, 0.0, loss), Control())
    assert (len(saved), keeper.best_epoch) == (2, 2)


def test_early_stopping_waits_for_its_patience() -> None:
    stopper, control = EarlyStopping(EarlyStoppingSection(patience=2)), Control()
    stops = []
    for number, value in enumerate((0.5, 0.6, 0.6, 0.55), 1):
        stopper.on_epoch_end(_epoch(number, value), control)
        stops.append(control.stop)
    assert stops == [False, False, False, True]


def test_the_rate_falls_on_a_plateau_and_no_further_than_told() -> None:
    options = ReduceLROnPlateauSection(patience=1, factor=0.1, least=0.05)
    plateau, control = ReduceLROnPlateau(options), Control()
    factors = []
    for number, value in enumerate((0.5, 0.5, 0.5, 0.7), 1):
        plateau.on_epoch_end(_epoch(number, value), control)
        factors.append(control.rate_factor)
    assert factors == pytest.approx([1.0, 0.1, 0.05, 0.05])


def test_the_log_goes_on_after_an_interruption(tmp_path: Path) -> None:
    first, second = CSVLogger(tmp_path / "log.csv"), CSVLogger(tmp_path / "log.csv")
    first.on_epoch_end(_epoch(1, 0.25), Control())
    second.state = first.state
    second.on_epoch_end(_epoch(2, 0.5), Control())
    lines = (tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "1", "2"]
    assert second.rows[0] == first.rows[0]


def test_what_a_callback_remembers_survives() -> None:
    options = EarlyStoppingSection(patience=2)
    one, two, control = EarlyStopping(options), EarlyStopping(options), Control()
    one.on_epoch_end(_epoch(1, 0.9), control)
    one.on_epoch_end(_epoch(2, 0.1), control)
    two.state = one.state
    two.on_epoch_end(_epoch(3, 0.2), control)
    assert control.stop
