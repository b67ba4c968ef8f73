"""The options of ``edgecnn run --windows``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edgecnn_device.windows import SlidingOptions

_OPTIONS = (
    click.option("--windows", is_flag=True,
                 help="Slide a bundle that classifies over the picture, and give boxes."),
    click.option("--window", metavar="W,H",
                 help="Pixels of the picture that a window covers at scale 1; default: the "
                 "bundle's input."),
    click.option("--stride", type=click.IntRange(1), metavar="PIXELS",
                 help="From one window to the next, in pixels of the bundle's input; default: a "
                 "quarter of its shorter side."),
    click.option("--scales", metavar="S,S,...",
                 help="Of the picture; default: 1, 0.71, 0.5, ... while the window fits in."),
    click.option("--min-score", type=click.FloatRange(0, 1),
                 help="Least score of a box; default: 0.5."),
    click.option("--iou", type=click.FloatRange(0, 1),
                 help="Of two boxes of a class that overlap by more, the better stays; default: "
                 "0.3."),
    click.option("--background", multiple=True, metavar="LABEL",
                 help="A class that means that nothing is there; repeatable."),
)  # fmt: skip
_NAMES = ("window", "stride", "scales", "min_score", "iou", "background")


def windows_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a verb these options, and its function one argument ``windows`` for all of them.

    It is None without --windows.
    """

    @functools.wraps(command)
    def wrapped(*args: Any, windows: bool, **options: Any) -> None:
        given = {name: options.pop(name) for name in _NAMES}
        if not windows and any(value not in (None, ()) for value in given.values()):
            wrong = next(name for name, value in given.items() if value not in (None, ()))
            raise click.UsageError(f"--{wrong.replace('_', '-')} is for --windows")
        command(*args, windows=_sliding(**given) if windows else None, **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _sliding(
    window: str | None, stride: int | None, scales: str | None, min_score: float | None,
    iou: float | None, background: tuple[str, ...],
) -> SlidingOptions:  # fmt: skip
    from edgecnn_device.windows import SlidingOptions

    default = SlidingOptions()
    limits = {"min_score": min_score, "iou": iou}
    suppression = default.suppression.model_copy(
        update={name: value for name, value in limits.items() if value is not None}
    )
    sides = _numbers("--window", window, int)
    if sides and (len(sides) != 2 or min(sides) < 1):
        raise click.UsageError(f"--window: expected W,H such as 64,64, got {window!r}")
    return SlidingOptions(
        _numbers("--scales", scales, float), (sides[0], sides[1]) if sides else None, stride,
        background, suppression,
    )  # fmt: skip


def _numbers(option: str, text: str | None, kind: type[Any]) -> tuple[Any, ...]:
    try:
        return () if text is None else tuple(kind(part) for part in text.split(","))
    except ValueError as error:
        raise click.UsageError(f"{option}: expected numbers, got {text!r}") from error
