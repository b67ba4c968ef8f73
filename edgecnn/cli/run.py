"""``edgecnn run``: a bundle's task on pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import (
    find_bundle,
    json_option,
    note,
    print_json,
    threads_option,
    variant_option,
)

if TYPE_CHECKING:
    from edgecnn_device.tasks import Result


@click.command("run")
@click.argument("bundle")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@variant_option
@threads_option
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Refuse a bundle that this key did not sign.",
)
@json_option
def command(
    bundle: str, sources: tuple[str, ...], variant: str | None, threads: int,
    public_key: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Run BUNDLE (a path or a zoo name) on pictures and directories of them.

    With --json, one object per picture. A picture that cannot be read is reported on stderr, the
    rest is done, and the exit status is 2.
    """
    from edgecnn.bundle.read import read_bundle
    from edgecnn.bundle.sign import load_public_key
    from edgecnn_device.runner import open_runner
    from edgecnn_device.sources import open_source

    keys = () if public_key is None else (load_public_key(public_key),)
    runner = open_runner(read_bundle(find_bundle(bundle), keys), variant, threads)
    failed = 0
    for source in sources:
        for frame in open_source(source):
            if frame.image is None:
                failed += 1
                note(f"edgecnn: {frame.error}")
                continue
            results = runner(frame.image)
            if as_json:
                print_json({"source": frame.source, "frame": frame.index,
                            "task": runner.manifest.task,
                            "results": [_as_json(r) for r in results]})  # fmt: skip
            else:
                click.echo(f"{frame.source}  {_as_text(results)}")
    if failed:
        note(f"edgecnn: {failed} of the pictures could not be read")
        sys.exit(2)


def _as_json(result: Result) -> dict[str, object]:
    from edgecnn_device.tasks.classify import Label

    if isinstance(result, Label):
        return {"label": result.label, "index": result.index, "score": round(result.score, 4)}
    return {
        "text": result.text,
        "confidence": round(result.confidence, 4),
        "currency": result.currency,
    }


def _as_text(results: tuple[Result, ...]) -> str:
    from edgecnn_device.tasks.classify import Label

    found = (
        f"{r.label} ({r.score:.3f})" if isinstance(r, Label)
        else f"{r.currency} {r.text}  ({r.confidence:.3f})"
        for r in results
    )  # fmt: skip
    return ", ".join(found) or "nothing read"
