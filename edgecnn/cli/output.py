"""What the verbs share: tables for people, JSON for programs, progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click

from edgecnn.zoo import find_bundle, zoo_folder

__all__ = [
    "find_bundle", "json_option", "note", "parse_shape", "print_json", "print_table",
    "threads_option", "variant_option", "zoo_folder",
]  # fmt: skip

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")
threads_option = click.option(
    "--threads", type=click.IntRange(1, 64), default=1, show_default=True,
    help="Threads of the runtime. One, because small networks gain little from more, and lose when "
    "the other cores have work.",
)  # fmt: skip
variant_option = click.option(
    "--variant", metavar="FORMAT-PRECISION",
    help="Default: the fastest of this machine, measured once and remembered; see `edgecnn bench`.",
)  # fmt: skip


def print_json(value: object) -> None:
    """Write one JSON value on one line to stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1
) -> None:
    """Write a table to stdout; columns behind the first ``left`` are for numbers."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def note(text: str) -> None:
    """Write a line to stderr."""
    click.echo(text, err=True)


def parse_shape(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, int, int] | None:
    """Read an option C,H,W; a click callback."""
    if value is None:
        return None
    parts = value.split(",")
    if len(parts) != 3 or not all(p.strip().isdigit() and int(p) > 0 for p in parts):
        raise click.BadParameter(f"expected C,H,W such as 3,224,224, got {value!r}")
    channels, height, width = (int(p) for p in parts)
    return channels, height, width
