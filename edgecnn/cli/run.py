"""``edgecnn run``: a bundle's task on pictures and videos."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.frames import counted_frames
from edgecnn.cli.output import (
    find_bundle,
    json_option,
    note,
    print_json,
    threads_option,
    variant_option,
)
from edgecnn.cli.windows import windows_options

if TYPE_CHECKING:
    from edgecnn_device.windows import SlidingOptions


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
@windows_options
@click.option(
    "--save", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Draw what was found, into files of the same names in DIR.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files in DIR.")
@json_option
def command(
    bundle: str, sources: tuple[str, ...], variant: str | None, threads: int,
    public_key: Path | None, windows: SlidingOptions | None, save: Path | None,
    overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run BUNDLE (a path or a zoo name) on pictures, directories of them, videos, and cameras.

    A camera is usb:N or /dev/videoN, csi:N, rtsp://..., or synthetic:notes and synthetic:heads in
    place of one; it shows its newest frame each time, and Ctrl-C ends it.

    With --windows, a bundle that classifies is slid over each picture and gives boxes.

    With --json, one object per frame. A picture that cannot be read is reported on stderr, the
    rest is done, and the exit status is 2; so is a video that breaks off.
    """
    from edgecnn.bundle.read import read_bundle
    from edgecnn.bundle.sign import load_public_key
    from edgecnn.cli import results as show
    from edgecnn_device.draw import CAPTION_LINES, draw
    from edgecnn_device.runner import open_runner
    from edgecnn_device.save import Saver
    from edgecnn_device.windows import detect_by_windows

    keys = () if public_key is None else (load_public_key(public_key),)
    runner = open_runner(read_bundle(find_bundle(bundle), keys), variant, threads)
    task = runner.manifest.task if windows is None else "detect"
    failed = 0
    saver = None if save is None else Saver(save, overwrite)
    with saver or contextlib.nullcontext():
        for frame in counted_frames(sources):
            if frame.image is None:
                failed += 1
                note(f"edgecnn: {frame.error}")
                continue
            image = frame.image
            found = runner(image) if windows is None else detect_by_windows(runner, image, windows)
            if as_json:
                print_json({"source": frame.source, "frame": frame.index, "task": task,
                            "results": [show.as_json(r) for r in found]})  # fmt: skip
            else:
                number = f" #{frame.index}" if frame.rate else ""
                click.echo(f"{frame.source}{number}  {show.as_text(found)}")
            if saver is not None:
                saver.write(frame, draw(frame.image, found, CAPTION_LINES.get(task, 0)))
    if failed:
        note(f"edgecnn: {failed} of the sources could not be read, or not to their end")
        sys.exit(2)
