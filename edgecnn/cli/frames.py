"""The frames of what a verb was given, with a count of them on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecnn_device.sources import Frame


def counted_frames(sources: tuple[str, ...]) -> Iterator[Frame]:
    """Yield all frames; count them on a terminal that does not show the results themselves."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from edgecnn_device.sources import open_source

    bar = Progress(
        SpinnerColumn(), TextColumn("{task.completed} frames, {task.description}"),
        TimeElapsedColumn(), console=Console(stderr=True), redirect_stdout=False,
        disable=not sys.stderr.isatty() or sys.stdout.isatty(), transient=True,
    )  # fmt: skip
    with bar:
        count = bar.add_task("", total=None)
        for source in sources:
            bar.update(count, description=source)
            for frame in open_source(source):
                yield frame
                bar.advance(count)
