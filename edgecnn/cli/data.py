"""``edgecnn data``: generated data."""

from __future__ import annotations

from pathlib import Path

import click

from edgecnn.cli.output import json_option, print_json


@click.group("data")
def command() -> None:
    """Generate data."""


@command.command("synth")
@click.argument("kind", type=click.Choice(["serial-lines"]))
@click.option(
    "-n", "--number", required=True, type=click.IntRange(min=1), help="How many pictures."
)
@click.option(
    "--seed", required=True, type=click.IntRange(min=0), help="Equal seeds, equal pictures."
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that gets pictures and labels.csv; must not exist.",
)
@click.option(
    "--profile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A yaml with fonts, backgrounds and camera; default: fonts that pip brings.",
)
@json_option
def synth(
    kind: str, number: int, seed: int, output: Path, profile: Path | None, as_json: bool
) -> None:
    """Draw labelled pictures of KIND."""
    from edgecnn.data.synth.write import load_profile, write_lines

    written = write_lines(output, number, seed, load_profile(profile))
    if as_json:
        print_json({"folder": str(output), "kind": kind, "pictures": written, "seed": seed})
    else:
        click.echo(f"{output}: {written} pictures and labels.csv")
