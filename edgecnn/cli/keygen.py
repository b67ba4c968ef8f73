"""``edgecnn keygen``: an Ed25519 pair for signing bundles."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("keygen")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The private key, PEM; the public one is written beside it as .pub.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing keys.")
def command(output: Path, overwrite: bool) -> None:
    """Make a key pair. Keep the private key off the boards; give them the .pub."""
    from edgecnn.bundle.sign import generate_key_pair

    public = generate_key_pair(output, overwrite=overwrite)
    click.echo(f"{output} (private, mode 0600), {public}")
