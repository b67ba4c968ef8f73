"""The frames of what a verb was given, with a count of them on stderr."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecnn_device.sources import Frame


def counted_frames(sources: tuple[str, ...]) -> Iterator[Frame]:
    """Yield all frames; count them on a terminal that does not show the results themselves.

    Ctrl-C ends a camera as its end does a video: what was begun is finished.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from edgecnn_device.cameras import is_camera, redact
    from edgecnn_device.sources import open_source

    bar = Progress(
        SpinnerColumn(), TextColumn("{task.completed} frames, {task.description}"),
        TimeElapsedColumn(), console=Console(stderr=True), redirect_stdout=False,
        disable=not sys.stderr.isatty() or sys.stdout.isatty(), transient=True,
    )  # fmt: skip
    with bar, _interruptible(any(map(is_camera, sources))) as stop:
        count = bar.add_task("", total=None)
        for source in sources:
            bar.update(count, description=redact(source))
            for frame in open_source(source, stop):
                yield frame
                bar.advance(count)
            if stop.is_set():
                break


@contextmanager
def _interruptible(wanted: bool) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event; the second one is as ever."""
    stop = threading.Event()
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupted(*_: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
