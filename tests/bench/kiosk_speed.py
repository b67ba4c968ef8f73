"""What the kiosk's pipeline costs beside its networks: speed, delay and memory.

    python tests/bench/kiosk_speed.py speed [--frames 40] [--rounds 5]
    python tests/bench/kiosk_speed.py overhead [--seconds 12] [--rate 10] [--video FILE]
    python tests/bench/kiosk_speed.py delay [--rate 5] [--notes 10]
    python tests/bench/kiosk_speed.py memory [--settle 5000] [--frames 100000]

On generated notes of 1280 x 720, with the zoo's bundles, their first variant that can run, and one
thread; --faces DETECTOR.edge EMBEDDER.edge adds a watch for faces. speed: rounds of the same frames
in turn through the bare reader (`NoteReader`, and `FaceChain` where faces are watched) in a loop,
and through the engine with its votes, queues and metrics, frames given as fast as they are taken.
Milliseconds per frame, medians over rounds; processor time is that of the whole process, which
other work on the machine does not lengthen as it does wall time. overhead: the same frames of a
camera, on which notes are held for 3.5 s each, or of a video; how much of the engine's time its
networks and their preprocessing take, that is, its frames per second as a share of what they alone
would reach; decoding of their outputs counts as overhead. delay: a camera of so many frames
a second shows one note after another; from the capture of the frame that decided to the stored
event. memory: resident memory after so many frames and at the end; interrupted by Ctrl-C it prints
what it has.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.synth.degrade import Camera
from edgecnn.data.synth.notes.scene import NoteProfile, SceneGenerator
from edgecnn.data.synth.notes.write import default_notes
from edgecnn_device.cameras import CameraFrame, Slot
from edgecnn_device.cameras.synthetic_notes import SyntheticNotes
from edgecnn_device.faces import FaceChain, FaceEmbedder, FaceFinder
from edgecnn_device.gallery import create_master_key
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.events import Event, NoteSeen
from edgecnn_device.kiosk.pipeline import Engine, Models, open_models
from edgecnn_device.notes import NoteReader
from edgecnn_device.processor import processor_name

Picture = NDArray[np.uint8]
_CLEAN = Camera(blur=(0, 0.02), motion=(0, 0), noise=(0, 3), jpeg=(90, 96), shade=(0, 0.2), glare=0)


class EndlessSlot:
    """Gives the next of its frames whenever one is asked for, until it has given enough."""

    def __init__(self, frames: Sequence[Picture]) -> None:
        self._frames = frames
        self._index = self._last = -1
        self._more = threading.Condition()

    def give(self, count: int) -> int:
        """Allow so many more; returns the index of the last one."""
        with self._more:
            self._last += count
            self._more.notify_all()
            return self._last

    def take(self, timeout_s: float, newer_than: int = -1) -> CameraFrame | None:
        """Return a frame that was captured just now."""
        with self._more:
            if not self._more.wait_for(lambda: self._index < self._last, timeout_s):
                return None
        self._index += 1
        image = self._frames[self._index % len(self._frames)]
        return CameraFrame("desk", self._index, image, time.monotonic())


@dataclass
class Kept:
    """A store in memory."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event, thumbnail: bytes | None) -> None:
        """Keep an event."""
        self.events.append(event)


def draw_notes(count: int) -> list[Picture]:
    """Return frames with a note each, large and clean."""
    changes = {"camera": _CLEAN, "contrast": 90, "fill": (0.8, 0.95), "wear": (0, 0.3), "hands": 0}
    draw = SceneGenerator(
        NoteProfile.model_validate({**default_notes().model_dump(), **changes}), 5
    )
    return [draw(index).image for index in range(count)]


@contextmanager
def running(
    slot: Any, faces: Sequence[str] | None, staleness_s: float = 5.0
) -> Iterator[tuple[Engine, Models, Kept]]:
    """Run an engine with a camera on a slot."""
    with tempfile.TemporaryDirectory() as folder:
        section: dict[str, Any] = {}
        if faces:
            create_master_key(Path(folder, "key"))
            section = {"enabled": True, "watch": True, "detector": faces[0], "embedder": faces[1],
                       "key_file": Path(folder, "key")}  # fmt: skip
        config = KioskConfig.model_validate(
            {"data": folder, "cameras": {"desk": {"source": "usb:0"}}, "faces": section,
             "staleness_s": staleness_s, "bundles": {"measure": False}}
        )  # fmt: skip
        models, kept = open_models(config), Kept()
        engine = Engine(config, models, {"desk": slot}, kept)
        engine.start()
        try:
            yield engine, models, kept
        finally:
            engine.stop()


def bare_loop(models: Models) -> Callable[[Picture], object]:
    """Return what does the same work on a frame without the engine."""
    read = NoteReader(models.get("note-detector").runner, models.get("serial-reader").runner)
    if not models.has("faces"):
        return read
    finder = FaceFinder(models.get("face-detector").runner, sure=0)
    chain = FaceChain(finder, FaceEmbedder(models.get("face-embedder").runner))
    return lambda frame: (read(frame), chain.faces(frame))


def measure_speed(options: argparse.Namespace) -> None:
    """Let the bare loop and the engine take turns."""
    frames = draw_notes(options.frames)
    slot = EndlessSlot(frames)
    rows = []
    with running(slot, options.faces) as (engine, models, _):
        bare = bare_loop(models)
        for turn in range(options.rounds + 1):
            networks = -sum(model.runner.spent_s for model in models.loaded)
            wall, cpu = time.perf_counter(), time.process_time()
            for frame in frames:
                bare(frame)
            bare_wall, bare_cpu = time.perf_counter() - wall, time.process_time() - cpu
            networks += sum(model.runner.spent_s for model in models.loaded)
            wall, cpu = time.perf_counter(), time.process_time()
            if engine.live("desk", slot.give(len(frames)) - 1, 600) is None:
                raise SystemExit(f"the engine stopped: {engine.reasons()}")
            whole = time.perf_counter() - wall, time.process_time() - cpu
            if turn:  # the first warms up
                rows.append((bare_wall, whole[0], bare_cpu, whole[1], networks))
    ms = 1e3 * np.array(rows) / len(frames)
    middle = np.median(ms, axis=0)
    print_head(f"{len(frames)} frames, {options.rounds} rounds in turn, ms per frame")
    for name, one, other in (("wall", 0, 1), ("processor", 2, 3)):
        ratio = float(np.median(ms[:, one] / ms[:, other]))
        print(f"{name:10} bare {middle[one]:7.1f}   engine {middle[other]:7.1f}   {ratio:6.1%}")
    share = float(np.median(ms[:, 4] / ms[:, 1]))
    print(f"networks with preprocessing and decoding alone {middle[4]:7.1f} ms wall, {share:6.1%}")


class Meter:
    """Times the networks of an engine with their preprocessing: wall, and of the processor."""

    def __init__(self, models: Models) -> None:
        self.wall = self.cpu = 0.0
        for model in models.loaded:
            for part in ("prepare", "infer", "infer_batch"):
                setattr(model.runner, part, self._timed(getattr(model.runner, part)))

    def _timed(self, work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def run(given: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return work(given)
            finally:
                self.wall += time.perf_counter() - wall
                self.cpu += time.thread_time() - cpu

        return run


def measure_overhead(options: argparse.Namespace) -> None:
    """Compare the engine with its own networks."""
    count = round(options.seconds * options.rate)
    if options.video:
        frames = read_video(options.video, count)
    else:
        camera = SyntheticNotes((1280, 720), 3, options.rate)
        frames = [camera.read() for _ in range(count)]
        camera.close()
    slot, rows = EndlessSlot(frames), []
    with running(slot, options.faces) as (engine, models, kept):
        meter = Meter(models)
        for turn in range(options.rounds + 1):
            meter.wall = meter.cpu = 0.0
            wall, cpu = time.perf_counter(), time.process_time()
            if engine.live("desk", slot.give(len(frames)) - 1, 600) is None:
                raise SystemExit(f"the engine stopped: {engine.reasons()}")
            whole = time.perf_counter() - wall, time.process_time() - cpu
            if turn:  # the first warms up
                rows.append((meter.wall, whole[0], meter.cpu, whole[1]))
        notes = sum(isinstance(e.body, NoteSeen) for e in kept.events)
    ms = 1e3 * np.array(rows) / len(frames)
    print_head(f"{len(frames)} frames, {options.rounds} rounds, {notes} notes told; ms per frame")
    for name, one in (("wall", 0), ("processor", 2)):
        networks, whole_ms = np.median(ms[:, one]), np.median(ms[:, one + 1])
        share = float(np.median(ms[:, one] / ms[:, one + 1]))
        print(f"{name:10} networks {networks:7.1f}   engine {whole_ms:7.1f}   {share:6.1%}")


def read_video(path: str, count: int) -> list[Picture]:
    """Return the first frames of a video."""
    video = cv2.VideoCapture(path)
    frames = [np.asarray(image, np.uint8) for good, image in
              (video.read() for _ in range(count)) if good]  # fmt: skip
    video.release()
    if not frames:
        raise SystemExit(f"{path}: expected a video")
    return frames


def measure_delay(options: argparse.Namespace) -> None:
    """Show one note after another at a camera's pace."""
    notes, slot, stop = draw_notes(options.notes), Slot(), threading.Event()
    step = 1 / options.rate

    def play() -> None:
        begun = time.monotonic()
        for index in range(len(notes) * options.each):
            stop.wait(max(0.0, begun + index * step - time.monotonic()))
            slot.put(CameraFrame("desk", index, notes[index // options.each], time.monotonic()))

    with running(slot, options.faces, 0.5) as (engine, models, kept):
        bare = bare_loop(models)
        took = []
        for note in notes:
            begun = time.perf_counter()
            bare(note)
            took.append(time.perf_counter() - begun)
        thread = threading.Thread(target=play)
        thread.start()
        thread.join()
        time.sleep(1)
        (camera,) = engine.cameras()
    delays = [e.delay_s for e in kept.events if isinstance(e.body, NoteSeen) and e.body.serial]
    print_head(f"{options.rate:g} frames/s, {options.notes} notes for {options.each} frames each")
    print(f"captured {camera.captured}, processed {camera.processed}, serials {len(delays)}")
    slow = float(np.percentile(took, 95))
    bar = 2 * step + slow
    for share in (50, 95) if delays else ():
        found = float(np.percentile(delays, share))
        print(f"p{share} {1e3 * found:.0f} ms = {found / step:.2f} frame times")
    print(f"bar: 2 frame times + processing (p95 {1e3 * slow:.0f} ms) = {1e3 * bar:.0f} ms")


def measure_memory(options: argparse.Namespace) -> None:
    """Run many frames, and read the resident memory on the way."""
    slot = EndlessSlot(draw_notes(options.pictures))
    settled, given = 0.0, 0
    with running(slot, options.faces) as (engine, _, kept):
        print_head(f"{options.pictures} pictures, again and again")
        try:
            for count in sorted({options.settle, *np.linspace(0, options.frames, 11).astype(int)}):
                if not count:
                    continue
                last = slot.give(int(count) - given)
                given = int(count)
                while engine.live("desk", last - 1, 10) is None:
                    if reasons := engine.reasons():
                        raise SystemExit(f"the engine stopped: {reasons}")
                kept.events.clear()
                now = resident_mb()
                settled = now if count == options.settle else settled
                change = f"{now / settled - 1:+.1%}" if settled else ""
                print(f"{count:8} frames {now:7.1f} MB {change}", flush=True)
        except KeyboardInterrupt:
            print("interrupted")


def resident_mb() -> float:
    """Return the resident memory of this process, in MB of a million bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def print_head(what: str) -> None:
    """Say what was measured, where, and how busy the machine was."""
    print(f"{processor_name()}, load {os.getloadavg()[0]:.1f}: {what}")


def main() -> None:
    """Measure one of four."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faces", nargs=2, metavar=("DETECTOR", "EMBEDDER"))
    verbs = parser.add_subparsers(required=True)
    speed = verbs.add_parser("speed")
    speed.add_argument("--frames", type=int, default=40)
    speed.add_argument("--rounds", type=int, default=5)
    speed.set_defaults(measure=measure_speed)
    overhead = verbs.add_parser("overhead")
    overhead.add_argument("--seconds", type=float, default=12.0, help="that the frames last (12)")
    overhead.add_argument("--rate", type=float, default=10.0, help="frames per second (10)")
    overhead.add_argument("--video", help="in place of generated notes")
    overhead.add_argument("--rounds", type=int, default=3)
    overhead.set_defaults(measure=measure_overhead)
    delay = verbs.add_parser("delay")
    delay.add_argument("--rate", type=float, default=5.0, help="frames per second (5)")
    delay.add_argument("--notes", type=int, default=10)
    delay.add_argument("--each", type=int, default=10, help="frames that a note is shown for (10)")
    delay.set_defaults(measure=measure_delay)
    memory = verbs.add_parser("memory")
    memory.add_argument("--settle", type=int, default=5000)
    memory.add_argument("--frames", type=int, default=100_000)
    memory.add_argument("--pictures", type=int, default=20)
    memory.set_defaults(measure=measure_memory)
    options = parser.parse_args()
    options.measure(options)


if __name__ == "__main__":
    main()
