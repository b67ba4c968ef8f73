"""``edgecnn bench``: every variant of a bundle on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from edgecnn.cli.output import find_bundle, json_option, note, print_json, threads_option
from edgecnn.targets import TARGETS

if TYPE_CHECKING:
    from edgecnn.bundle.read import Bundle
    from edgecnn_device.bench import Bench
    from edgecnn_device.sustained import Sustained


class _Minutes(click.FloatRange):
    """Says what to do where ``--sustained BUNDLE`` takes the bundle for the minutes."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return float(super().convert(value, param, ctx))
        except click.BadParameter as error:
            said = f"expected minutes, 0.01 to 120, got {value}: write BUNDLE before --sustained"
            raise click.BadParameter(said, ctx, param) from error


@click.command("bench")
@click.argument("bundle")
@click.option(
    "--variant",
    metavar="FORMAT-PRECISION",
    help="Measure this one alone, and remember nothing.",
)
@click.option(
    "--rounds",
    type=click.IntRange(10),
    default=300,
    show_default=True,
    help="Inferences per variant; the variants take turns.",
)
@click.option(
    "--sustained",
    "minutes",
    type=_Minutes(0.01, 120),
    is_flag=False,
    flag_value=10.0,
    metavar="[MINUTES]",
    help="Then run the chosen variant without a pause (ten minutes unless said) and report drift, "
    "temperature, clock and throttling. After BUNDLE.",
)
@click.option(
    "--target",
    type=click.Choice(sorted(TARGETS)),
    help="Say what to export and run for this board, and use its threads and providers.",
)
@threads_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, bundle: str, variant: str | None, rounds: int, minutes: float | None,
    target: str | None, threads: int, as_json: bool,
) -> None:  # fmt: skip
    """Measure BUNDLE's variants and remember the fastest for `edgecnn run`.

    Times are of the network alone, after a warm-up; load, first inference and peak memory are of
    a process that runs the variant alone.
    """
    from edgecnn.bundle.read import read_bundle
    from edgecnn.cli.bench_output import as_object, print_bench, print_sustained, target_lines
    from edgecnn_device.bench import bench

    opened = read_bundle(find_bundle(bundle))
    preset = TARGETS[target] if target else None
    if preset and ctx.get_parameter_source("threads") is click.core.ParameterSource.DEFAULT:
        threads = preset.threads
    found = bench(
        opened, variant=variant, rounds=rounds, threads=threads,
        providers=preset.providers if preset else (),
    )  # fmt: skip
    advice = target_lines(preset, opened.manifest, found.machine) if preset else []
    for line in (*found.warnings, *advice):
        note(f"edgecnn: {line}")
    if not as_json:
        print_bench(found)
    pace = _sustain(opened, found, minutes) if minutes else None
    if as_json:
        print_json(as_object(found, preset, pace))
    elif pace:
        print_sustained(found, pace)


def _sustain(bundle: Bundle, found: Bench, minutes: float) -> Sustained:
    from edgecnn_device.runner import open_choice
    from edgecnn_device.sustained import sustain

    runner = open_choice(bundle, found.chosen.choice, found.threads)
    with _progress(60 * minutes) as progress:
        return sustain(runner, bundle.golden().pictures, 60 * minutes, progress=progress)


@contextmanager
def _progress(seconds: float) -> Iterator[Callable[[float], None]]:
    """Show a bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("sustained"), BarColumn(), TimeRemainingColumn())
    # Drawn when told and not by a thread of its own, which would disturb what is measured.
    bar = Progress(
        *columns, console=Console(stderr=True), auto_refresh=False,
        disable=not sys.stderr.isatty(),
    )  # fmt: skip
    with bar:
        task = bar.add_task("sustained", total=seconds)
        yield lambda done_s: bar.update(task, completed=done_s, refresh=True)
