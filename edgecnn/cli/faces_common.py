"""What the verbs of ``edgecnn faces`` share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import find_bundle
from edgecnn.errors import InputError

if TYPE_CHECKING:
    from edgecnn.bundle.read import Bundle
    from edgecnn_device.faces import FaceEmbedder, FaceFinder

bundle_option = click.option(
    "--bundle", metavar="BUNDLE", default="face-embedder", show_default=True,
    help="Turns a face into a vector: a path or a zoo name.",
)  # fmt: skip
detector_option = click.option(
    "--detector", metavar="BUNDLE[+BUNDLE]", default="face-detector+face-points",
    show_default=True,
    help="Finds faces with five points; behind a + what looks at the points once more. An exported "
    "YuNet needs no second one. Paths or zoo names.",
)  # fmt: skip


def open_finder(detector: str, threads: int) -> FaceFinder:
    """Open what finds faces."""
    from edgecnn_device.faces import FaceFinder, PointRefiner
    from edgecnn_device.runner import open_runner

    found, points = find_detector(detector)
    refine = PointRefiner(open_runner(points, None, threads)) if points else None
    return FaceFinder(open_runner(found, None, threads), refine=refine)


def find_detector(text: str) -> tuple[Path, Path | None]:
    """Return the bundles that `detector_option` names: a detector, and perhaps one for points.

    Raises:
        InputError: there is no such bundle.
    """
    whole = Path(text)  # a file may have a + in its name
    detector, plus, points = (text, "", "") if whole.is_file() else text.partition("+")
    if plus and not points:
        raise InputError(
            f"{text}: expected a bundle for points behind the +, got none: leave it out"
        )
    return find_bundle(detector), find_bundle(points) if plus else None


def open_embedders(
    bundle: str, variant: str | None, threads: int
) -> tuple[Bundle, dict[str, FaceEmbedder]]:
    """Open one variant of an embedder, or all whose runtime is installed, by name.

    Raises:
        InputError: no variant can run here.
    """
    from edgecnn.bundle.read import read_bundle
    from edgecnn_device.backends.open import can_run
    from edgecnn_device.faces import FaceEmbedder
    from edgecnn_device.runner import open_runner

    opened = read_bundle(find_bundle(bundle))
    able = [v for v in opened.manifest.variants if can_run(v.format)]
    names = [variant] if variant else [f"{v.format}-{v.precision}" for v in able]
    if not names:
        raise InputError(f"{bundle}: no runtime is installed for any of its variants")
    return opened, {n: FaceEmbedder(open_runner(opened, n, threads)) for n in names}


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
