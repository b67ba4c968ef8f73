"""Stops the daemon in order, each part within its budget, and says what did not end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LOG = logging.getLogger(__name__)
MOST_S = 5.0
"""Within which all must have ended."""


@dataclass(frozen=True)
class Step:
    """A part of the daemon that has to end."""

    name: str
    stop: Callable[[], object]
    """Tells it to end, and waits until it did."""
    budget_s: float
    """What it may take; then the next one is told, and this one is left behind."""


@dataclass(frozen=True)
class Stopped:
    """What came of it."""

    seconds: float
    failed: tuple[str, ...]
    """Steps that raised."""
    hung: tuple[str, ...]
    """Steps that were still at it at the end: leave by `os._exit`, or the process stays."""


def stop_all(steps: Sequence[Step], most_s: float = MOST_S) -> Stopped:
    """Run the steps one after another; one that hangs or raises does not keep the next from it.

    Args:
        steps: in order, sources first and the store last.
        most_s: seconds for all; the budgets together are at most that.

    Raises:
        ValueError: the budgets are more than ``most_s``.
    """
    if sum(step.budget_s for step in steps) > most_s + 1e-9:
        raise ValueError(f"expected budgets of {most_s} s together, got more")
    started = time.monotonic()
    failed: list[str] = []
    threads = []
    for step in steps:
        thread = threading.Thread(target=_run, args=(step, failed), daemon=True,
                                  name=f"stop {step.name}")  # fmt: skip
        thread.start()
        thread.join(step.budget_s)
        if thread.is_alive():
            _LOG.error("%s did not end within %.1f s", step.name, step.budget_s)
        threads.append(thread)
    hung = tuple(s.name for s, thread in zip(steps, threads, strict=True) if thread.is_alive())
    return Stopped(time.monotonic() - started, tuple(failed), hung)


def _run(step: Step, failed: list[str]) -> None:
    try:
        step.stop()
    except Exception:
        failed.append(step.name)
        _LOG.exception("%s could not be stopped", step.name)
