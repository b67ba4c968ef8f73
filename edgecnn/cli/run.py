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
    from edgecnn_device.tasks import Box, Embedding, Label, Landmarks, OutputTensor

    match result:
        case Box():
            box = [round(v, 2) for v in result.box]
            found = {"label": result.label, "score": round(result.score, 4), "box": box}
            return found if result.quad is None else {**found, "quad": result.quad}
        case Label():
            return {"label": result.label, "index": result.index, "score": round(result.score, 4)}
        case Landmarks(points=points):
            return {"points": [[round(p.x, 2), round(p.y, 2)] for p in points],
                    "names": [p.name for p in points],
                    "scores": [round(p.score, 4) for p in points]}  # fmt: skip
        case Embedding():
            return {"vector": result.vector.tolist()}
        case OutputTensor():
            return {"name": result.name, "shape": list(result.values.shape),
                    "values": result.values.tolist()}  # fmt: skip
    return {
        "text": result.text,
        "confidence": round(result.confidence, 4),
        "currency": result.currency,
    }


def _as_text(results: tuple[Result, ...]) -> str:
    return ", ".join(_text_of(r) for r in results) or "nothing read"


def _text_of(result: Result) -> str:
    from edgecnn_device.tasks import Box, Embedding, Label, Landmarks, OutputTensor

    match result:
        case Box():
            corners = " ".join(f"{v:.0f}" for v in result.box)
            return f"{result.label} ({result.score:.3f}) at {corners}"
        case Label():
            return f"{result.label} ({result.score:.3f})"
        case Landmarks(points=points):
            return " ".join(f"{p.name} ({p.score:.3f}) at {p.x:.1f} {p.y:.1f}" for p in points)
        case Embedding():
            return f"a vector of {len(result.vector)} numbers (--json shows them)"
        case OutputTensor():
            return f"{result.name} {result.values.shape}"
    return f"{result.currency} {result.text}  ({result.confidence:.3f})"
