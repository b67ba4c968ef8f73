"""``edgecnn explain``: what of a picture a RUN looks at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from edgecnn.cli.output import json_option, print_json

if TYPE_CHECKING:
    from edgecnn.explain import Answer
    from edgecnn.explain.picture import View


@click.command("explain")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, metavar="PNG", type=click.Path(path_type=Path),
    help="The picture to write.",
)  # fmt: skip
@click.option(
    "--class", "target", metavar="NAME|INDEX",
    help="The class to look for; default: the predicted one.",
)  # fmt: skip
@click.option(
    "--view", type=click.Choice(["gradcam", "features", "filters"]), default="gradcam",
    show_default=True, help="Evidence for a class, channels of a feature map, or filters.",
)  # fmt: skip
@click.option(
    "--layer", metavar="NAME",
    help="Dotted name; default: the last feature map, for filters the first convolution.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace PNG.")
@json_option
def command(
    run: Path, image: Path, output: Path, target: str | None, view: str, layer: str | None,
    overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show on IMAGE what a RUN that classifies makes its decision of.

    Grad-CAM shows the picture, the overlay and the heat map side by side. With the --class that is
    right it shows a wrong prediction beside the right one.
    """
    import cv2

    from edgecnn.data.images import read_image
    from edgecnn.explain import explain
    from edgecnn.files import refuse_existing, write_atomic
    from edgecnn.train.run import load_run

    if output.suffix.lower() != ".png":
        raise click.UsageError(f"{output}: expected a name that ends in .png")
    refuse_existing(output, overwrite)
    picture = read_image(image)
    found = explain(
        load_run(run), picture, target=target, view=cast("View", view), layer=layer
    )  # fmt: skip
    write_atomic(output, cv2.imencode(".png", found.sheet)[1].tobytes(), overwrite=overwrite)
    if as_json:
        print_json({"source": str(image), "output": str(output), "view": view,
                    "predicted": _as_json(found.predicted),
                    "explained": _as_json(found.explained)})  # fmt: skip
        return
    click.echo(f"predicted: {_line(found.predicted)}")
    click.echo(f"explained: {_line(found.explained)}")
    click.echo(f"{output}: {view}")


def _as_json(answer: Answer) -> dict[str, object]:
    return {"label": answer.label, "index": answer.index, "score": answer.score}


def _line(answer: Answer) -> str:
    return f"{answer.label} ({answer.score:.4f})"
