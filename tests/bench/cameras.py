"""Measures cameras: what generated ones cost, what a process of its own costs, and memory.

    python tests/bench/cameras.py speed [--frames 300] [--width 1280] [--core 0]
    python tests/bench/cameras.py memory [--frames 10000] [--each 50]
    python tests/bench/cameras.py read [--notes 20]

speed: processor time per frame on one core, first of the generator alone, then of everything from
the generator to the slot of the daemon, both processes together; every frame is taken. A note is
drawn anew every few seconds, which is in the mean and not in the median.

memory: a camera whose process is killed after every so many frames, as often as it takes; what the
daemon's process holds at a tenth of the frames and at the end, and its peak.

read: in how many frames of the generated notes the shipped bundles read the serial that is there.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from edgecnn.cli.output import print_table
from edgecnn_device.cameras import Capture
from edgecnn_device.cameras.feed import ChildFeed
from edgecnn_device.cameras.source import Wanted
from edgecnn_device.cameras.synthetic_heads import SyntheticHeads
from edgecnn_device.cameras.synthetic_notes import SyntheticNotes
from edgecnn_device.kiosk.config import CameraConfig

KINDS: dict[str, type[SyntheticNotes] | type[SyntheticHeads]] = {
    "synthetic:notes": SyntheticNotes,
    "synthetic:heads": SyntheticHeads,
}
RATE = 15.0
PATIENCE_S = 120.0


def measure_speed(options: argparse.Namespace) -> None:
    """Time the generators, and the whole way."""
    os.sched_setaffinity(0, {options.core})
    cv2.setNumThreads(1)
    size = options.width, options.width * 9 // 16
    rows = []
    for name, kind in KINDS.items():
        begun = _spent_s()
        source = kind(size, 0, RATE)
        opened = _spent_s() - begun
        each = []
        for _ in range(options.frames):
            before = _spent_s()
            source.read()
            each.append(1e3 * (_spent_s() - before))
        source.close()
        whole = _whole_ms(name, options)
        mean = float(np.mean(each))
        rows.append((name, f"{1e3 * opened:.0f}", f"{np.median(each):.1f}", f"{mean:.1f}",
                     f"{1e3 / mean:.0f}", f"{whole:.1f}", f"{1e3 / whole:.0f}"))  # fmt: skip
    print_table(
        f"{options.frames} frames of {size[0]} x {size[1]}, core {options.core}, load "
        f"{os.getloadavg()[0]:.1f}; ms of processor time",
        ("source", "to open", "median", "mean", "frames/s", "to the slot", "frames/s"), rows,
    )  # fmt: skip


def _whole_ms(name: str, options: argparse.Namespace) -> float:
    """Return what a frame costs from its generator to the slot, in both processes."""
    config = CameraConfig(source=name, width=options.width, paced=False)
    capture = Capture("bench", config)
    capture.start()
    _take(capture, 10)
    own, others = _spent_s(), _children_s()
    _take(capture, options.frames, 9)
    total = _spent_s() - own + _children_s() - others
    capture.stop()
    capture.join(PATIENCE_S)
    return float(1e3 * total / options.frames)


def _take(capture: Capture, count: int, last: int = -1) -> None:
    end = last + count
    while last < end:
        frame = capture.slot.take(PATIENCE_S, last)
        if frame is None:
            raise SystemExit(f"no frame came: {capture.snapshot()}")
        last = frame.index


def _spent_s() -> float:
    return time.process_time()


def _children_s() -> float:
    """Return the processor time of the processes that this one started and that still run."""
    ticks, own = os.sysconf("SC_CLK_TCK"), os.getpid()
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[1]) == own:
            total += int(fields[11]) + int(fields[12])
    return float(total / ticks)


class Killed:
    """Opens feeds, and can kill the process of the last one."""

    def __init__(self) -> None:
        self.opened = 0
        self._last: ChildFeed | None = None

    def __call__(self, wanted: Wanted, secrets: tuple[str, ...]) -> ChildFeed:
        self.opened += 1
        self._last = ChildFeed(wanted, secrets)
        return self._last

    def kill(self) -> None:
        """Kill it."""
        assert self._last is not None
        os.kill(self._last._process.pid, signal.SIGKILL)


def measure_memory(options: argparse.Namespace) -> None:
    """Lose a camera again and again."""
    with tempfile.TemporaryDirectory() as folder:
        for index in range(4):
            cv2.imwrite(f"{folder}/{index}.png", np.full((360, 640, 3), 60 * index, np.uint8))
        feeds = Killed()
        config = CameraConfig(source=folder, loop=True, paced=False, backoff_s=0.01,
                              most_backoff_s=0.02)  # fmt: skip
        capture = Capture("bench", config, open_feed=feeds)
        capture.start()
        rows, last, taken = [], -1, 0
        while taken < options.frames:
            frame = capture.slot.take(PATIENCE_S, last)
            if frame is None:
                raise SystemExit(f"no frame came: {capture.snapshot()}")
            last, taken = frame.index, taken + 1
            if taken % options.each == 0:
                feeds.kill()
            if taken in {options.frames // 10, options.frames // 2, options.frames}:
                rows.append((f"{taken:,}", str(feeds.opened), f"{_held_mib():.1f}",
                             str(len(os.listdir("/proc/self/fd"))),
                             str(threading.active_count())))  # fmt: skip
        capture.stop()
        capture.join(PATIENCE_S)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print_table(
        f"killed after every {options.each} frames; peak {peak:.1f} MiB",
        ("frames", "processes so far", "MiB held", "files open", "threads"), rows,
    )  # fmt: skip


def measure_reading(options: argparse.Namespace) -> None:
    """Read three frames of each note."""
    from edgecnn.cli.output import find_bundle
    from edgecnn_device.notes import NoteReader

    read = NoteReader.open(find_bundle("note-detector"), find_bundle("serial-reader"), None, 1)
    source = SyntheticNotes((1280, 720), 0, RATE)
    right = wrong = 0
    each = round(RATE * 4)  # frames from one note to the next
    for note in range(options.notes):
        for frame in (15, 25, 38):
            shown = source.shown(each * note + frame)
            assert shown is not None
            found = {r.serial for r in read(source.picture(each * note + frame)) if r.serial}
            right += shown.serial in found
            wrong += bool(found - {shown.serial})
    source.close()
    frames = 3 * options.notes
    print(f"of {frames} frames {right} read right, {wrong} wrong, {frames - right} not or wrong")


def _held_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(required=True)
    speed = kinds.add_parser("speed")
    speed.add_argument("--frames", type=int, default=300)
    speed.add_argument("--width", type=int, default=1280)
    speed.add_argument("--core", type=int, default=0)
    speed.set_defaults(measure=measure_speed)
    memory = kinds.add_parser("memory")
    memory.add_argument("--frames", type=int, default=10_000)
    memory.add_argument("--each", type=int, default=50, help="frames between two kills (50)")
    memory.set_defaults(measure=measure_memory)
    read = kinds.add_parser("read")
    read.add_argument("--notes", type=int, default=20)
    read.set_defaults(measure=measure_reading)
    options = parser.parse_args()
    options.measure(options)


if __name__ == "__main__":
    main()
