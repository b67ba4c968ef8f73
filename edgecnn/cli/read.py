"""``edgecnn read``: currency and serial number of the banknotes on pictures and videos."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli import note_results as show
from edgecnn.cli.frames import counted_frames
from edgecnn.cli.output import (
    find_bundle,
    json_option,
    note,
    print_json,
    threads_option,
    variant_option,
)
from edgecnn.cli.votes import VideoVotes

if TYPE_CHECKING:
    from edgecnn_device.notes import NoteEvent, NoteReader, NoteReading, NoteVoter
    from edgecnn_device.sources import Frame


@click.command("read")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--detector", metavar="BUNDLE", default="note-detector", show_default=True,
    help="Finds notes and serial numbers: a path or a zoo name.",
)  # fmt: skip
@click.option(
    "--reader", metavar="BUNDLE", default="serial-reader", show_default=True,
    help="Reads a serial number: a path or a zoo name.",
)  # fmt: skip
@variant_option
@threads_option
@click.option(
    "--min-margin", type=click.FloatRange(0), metavar="NATS",
    help="Give a serial only where its evidence exceeds any other's by this: a higher one abstains "
    "more and errs less.",
)  # fmt: skip
@click.option(
    "--vote/--no-vote", default=True, show_default=True,
    help="Let the frames of a video vote, and say of each note once what it is.",
)  # fmt: skip
@click.option(
    "--save", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Draw what was read, into files of the same names in DIR.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files in DIR.")
@json_option
def command(
    sources: tuple[str, ...], detector: str, reader: str, variant: str | None, threads: int,
    min_margin: float | None, vote: bool, save: Path | None, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Read the banknotes on pictures, directories of them, videos, and cameras.

    A camera is usb:N or /dev/videoN, csi:N, rtsp://..., or synthetic:notes in place of one; it
    shows its newest frame each time, and Ctrl-C ends it.

    Of each note the currency and the serial number, or the reason why they are not given: there is
    "no serial" on it, the reading is "unsure", or its two "serials disagree".

    A video has a line for each frame, and one, marked =>, for each note as soon as its frames
    agree, or when it leaves without that.

    With --json, one object per frame, with the key "notes"; the vote's have the key "event"
    instead. A picture that cannot be read is reported on stderr, the rest is done, and the exit
    status is 2; so is a video that breaks off.
    """
    from edgecnn.vision.placement import size_of
    from edgecnn_device.draw import draw
    from edgecnn_device.notes.drawn import as_boxes
    from edgecnn_device.save import Saver

    read, voter = _open(detector, reader, variant, threads, min_margin)
    failed = 0
    votes = VideoVotes(voter, _show_event_json if as_json else _show_event)
    saver = None if save is None else Saver(save, overwrite)
    with saver or contextlib.nullcontext():
        for frame in counted_frames(sources):
            if frame.image is None:
                failed += 1
                votes.finish()
                note(f"edgecnn: {frame.error}")
                continue
            found = read(frame.image)
            (_show_json if as_json else _show)(frame, found)
            if vote:
                votes.take(frame, found)
            if saver is not None:
                boxes = as_boxes(found, size_of(frame.image))
                saver.write(frame, draw(frame.image, boxes))
        votes.finish()
    if failed:
        note(f"edgecnn: {failed} of the sources could not be read, or not to their end")
        sys.exit(2)


def _show(frame: Frame, found: tuple[NoteReading, ...]) -> None:
    click.echo(f"{_place(frame)}  {show.as_text(found)}")


def _show_event(frame: Frame, event: NoteEvent) -> None:
    click.echo(f"{_place(frame)}  {show.event_as_text(event)}")


def _show_json(frame: Frame, found: tuple[NoteReading, ...]) -> None:
    notes = [show.as_json(reading) for reading in found]
    print_json({"source": frame.source, "frame": frame.index, "notes": notes})


def _show_event_json(frame: Frame, event: NoteEvent) -> None:
    print_json({"source": frame.source, "frame": frame.index, **show.event_as_json(event)})


def _place(frame: Frame) -> str:
    return f"{frame.source} #{frame.index}" if frame.rate else frame.source


def _open(
    detector: str, reader: str, variant: str | None, threads: int, min_margin: float | None
) -> tuple[NoteReader, NoteVoter]:
    """Open the bundles; the frames together have to be as sure as each of them."""
    from edgecnn_device.notes import NoteOptions, NoteReader, NoteVoter, VoteOptions

    options, votes = NoteOptions(), VoteOptions()
    if min_margin is not None:
        options = NoteOptions(min_margin=min_margin)
        votes = VoteOptions(min_margin=max(min_margin, votes.min_margin))
    bundles = find_bundle(detector), find_bundle(reader)
    read = NoteReader.open(*bundles, variant, threads, options)
    return read, NoteVoter(read.charset, votes)
