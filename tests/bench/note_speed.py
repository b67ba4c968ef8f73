"""Times one frame with one note on one core: ours beside rapidocr and tesseract, and their memory.

    EDGECNN_DATA=... python tests/bench/note_speed.py [--frames 5] [--rounds 10] [PICTURE...]

Every reader is a process of its own, pinned to the same core and with one thread; frame by frame
they take turns, so that what else the machine does hits all alike. Without pictures, the frames
are dollar scans on desks, 1280 x 720 (note_warp.py). The time is from pixels to serials, grammars
included; each frame is shown once before it counts. Peak memory is that of the process, with
Python and numpy in it, and of the largest process it started (tesseract; the system counts from
what its parent had).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

READERS = ("edgecnn", "rapidocr", "tesseract")


@dataclass(frozen=True)
class Turn:
    """One frame read once."""

    ms: float
    emitted: tuple[str, ...]


class Child:
    """A reader in a process of its own.

    Raises:
        RuntimeError: it did not start; says why.
    """

    def __init__(self, reader: str, options: argparse.Namespace, pictures: Sequence[Path]) -> None:
        command = [sys.executable, __file__, "--child", reader, "--core", str(options.core),
                   "--detector", options.detector, "--reader", options.reader,
                   "--variant", options.variant, *map(str, pictures)]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ready = self._line()
        if ready.get("error") or not ready:
            self._process.wait()
            raise RuntimeError(ready.get("error") or f"{reader} did not start")
        self.name: str = ready["name"]

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        return found

    def read(self, picture: int) -> Turn:
        """Read a picture, by its place on the command line."""
        assert self._process.stdin is not None
        print(picture, file=self._process.stdin, flush=True)
        said = self._line()
        return Turn(said["ms"], tuple(said["emitted"]))

    def stop(self) -> float:
        """End it and return its peak memory, MiB."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        peak = float(self._line()["peak_mib"])
        self._process.wait()
        return peak


def serve(options: argparse.Namespace) -> None:
    """Be a child: read the pictures whose numbers come in, then say how much memory it took."""
    os.sched_setaffinity(0, {options.core})
    import cv2
    from note_rivals import Engine, RapidocrPages, TesseractPages
    from note_systems import Ours, System

    from edgecnn.data.images import read_image
    from edgecnn.errors import EdgecnnError

    cv2.setNumThreads(1)
    images = [read_image(path) for path in options.pictures]
    system: System
    try:
        if options.child == "edgecnn":
            system = Ours(options.detector, options.reader, options.variant)
        else:
            engine: Engine = RapidocrPages(1) if options.child == "rapidocr" else TesseractPages(1)
            system = _Bare(engine)
    except (RuntimeError, EdgecnnError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    print(json.dumps({"name": system.name}), flush=True)
    for line in sys.stdin:
        begun = time.perf_counter()
        answer = system(images[int(line)])
        taken = 1e3 * (time.perf_counter() - begun)
        print(json.dumps({"ms": taken, "emitted": answer.emitted}), flush=True)
    print(json.dumps({"peak_mib": _peak_mib()}), flush=True)


class _Bare:
    """An engine with the grammars, which keeps nothing."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.name = f"{engine.name}, + grammar"

    def __call__(self, image: Any) -> Any:
        from note_rivals import Page
        from note_systems import with_grammar

        return with_grammar(Page(self._engine(image), None))


def _peak_mib() -> float:
    """Return the peak of this process, as it is since it was started, and of its children."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def measure(options: argparse.Namespace, pictures: Sequence[Path]) -> None:
    """Let the readers take turns, and print a table."""
    from edgecnn.cli.output import note, print_table

    children = []
    for reader in options.readers.split(","):
        try:
            children.append(Child(reader, options, pictures))
        except RuntimeError as error:
            note(f"left out: {error}")
    if not children:
        raise SystemExit("no reader could be started")
    turns: list[list[Turn]] = [[] for _ in children]
    for turn in range(options.rounds + 1):
        for picture in range(len(pictures)):
            for child, found in zip(children, turns, strict=True):
                said = child.read(picture)
                if turn:
                    found.append(said)
    rows = []
    first = [t.ms for t in turns[0]]
    for child, found in zip(children, turns, strict=True):
        ms = [t.ms for t in found]
        ratio = float(np.median(np.divide(ms, first)))
        given = sum(len(t.emitted) > 0 for t in found[: len(pictures)])
        low, middle, high = np.percentile(ms, (10, 50, 90))
        rows.append((child.name, f"{middle:.1f}", f"{low:.1f} to {high:.1f}", f"{ratio:.1f} x",
                     f"{given} / {len(pictures)}", f"{child.stop():.0f}"))  # fmt: skip
    load = os.getloadavg()[0]
    print_table(
        f"{len(pictures)} frames, {options.rounds} rounds, core {options.core}, load {load:.1f}",
        ("", "median ms", "10 to 90 %", "time, turn by turn", "frames read", "peak MiB"), rows,
    )  # fmt: skip


def write_frames(folder: Path, count: int) -> list[Path]:
    """Write dollar scans on desks."""
    import cv2
    from note_sets import evenly, real_scenes
    from note_warp import warped

    data = Path(os.environ.get("EDGECNN_DATA", "../shared/data")) / "banknotes"
    if not data.is_dir():
        raise SystemExit(f"no frames: {data} is absent (set EDGECNN_DATA, or name pictures)")
    paths = []
    for index, scene in enumerate(evenly(real_scenes(data, "USD"), count)):
        paths.append(folder / f"{index}.png")
        cv2.imwrite(str(paths[-1]), warped(scene).read())
    return paths


def main() -> None:
    """Measure, or be a child of a measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", nargs="*", type=Path, help="frames with one note each")
    parser.add_argument("--frames", type=int, default=5, help="made where none are named (5)")
    parser.add_argument("--rounds", type=int, default=10, help="that count (10)")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--readers", default=",".join(READERS), help="the first is compared with")
    parser.add_argument("--detector", default="note-detector", help="bundle or zoo name")
    parser.add_argument("--reader", default="serial-reader", help="bundle or zoo name")
    parser.add_argument("--variant", default="tflite-int8")
    parser.add_argument("--child", choices=READERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        serve(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(options, options.pictures or write_frames(Path(folder), options.frames))


if __name__ == "__main__":
    main()
