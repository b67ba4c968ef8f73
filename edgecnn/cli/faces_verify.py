"""``edgecnn faces verify``: whether a picture shows the person claimed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgecnn.cli.faces_gallery import decision_options, open_access, rounded
from edgecnn.cli.output import print_json


@click.command("verify")
@click.argument("person", metavar="NAME")
@click.argument("image", type=click.Path(path_type=Path))
@decision_options
def command(
    person: str, image: Path, fmr: float | None, gallery: Path, keystore: Path,
    key_file: Path | None, bundle: str, detector: str, variant: str | None, threads: int,
    terminal: str, scores: bool, as_json: bool,
) -> None:  # fmt: skip
    """Decide whether IMAGE shows NAME. The exit status is 1 where it does not.

    A photograph may pass for the person: there is no presentation-attack detection. After five
    failures in a row attempts are 30 s apart, and after fifty only edgecnn faces unlock helps.
    """
    from edgecnn.data.images import read_image

    picture = read_image(image)
    with open_access(
        bundle, detector, variant, threads, gallery, keystore, key_file, fmr=fmr, terminal=terminal
    ) as access:
        verdict = access.verify(person, picture)
    if as_json:
        score = {"score": rounded(verdict.score)} if scores else {}
        print_json({"match": verdict.match, "fmr": verdict.fmr, "reason": verdict.reason, **score})
    else:
        told = f", similarity {rounded(verdict.score)}" if scores else ""
        answer = f"yes, it is {person}" if verdict.match else f"no: {verdict.reason}"
        click.echo(f"{answer} (false-match rate {verdict.fmr:g}{told})")
    if not verdict.match:
        sys.exit(1)
