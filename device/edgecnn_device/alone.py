"""What a variant costs a process that runs it alone: load, first inference, memory."""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.errors import EdgecnnError
from edgecnn_device.child import ask_child
from edgecnn_device.choice import Choice
from edgecnn_device.runner import open_choice


@dataclass(frozen=True)
class Alone:
    """Measured in a fresh process; times in milliseconds."""

    load_ms: float
    """Import of the runtime, reading the model, making the session."""
    first_ms: float
    """The first inference of the network alone."""
    peak_mb: float
    """Largest resident memory, MiB."""
    provider: str
    """What computed."""


def measure_alone(bundle: Bundle, choice: Choice, threads: int) -> Alone:
    """Load a variant in a process of its own and run it once.

    Raises:
        EdgecnnError: the process failed.
    """
    name = f"{choice.variant.format}-{choice.variant.precision}"
    try:
        answer = ask_child(
            __name__, (str(bundle.path), name, str(threads), ",".join(choice.providers))
        )
    except EdgecnnError as error:
        raise EdgecnnError(
            f"{name} could not be measured in a process of its own: {error}"
        ) from error
    if not isinstance(answer, dict):
        raise EdgecnnError(f"{name}: expected an object, got {answer}")
    return Alone(**answer)


def peak_mb() -> float:
    """Return the largest resident memory of this process so far, MiB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0]) / 1024
    except (OSError, IndexError, ValueError):
        # Not first: on Linux a child inherits the maximum of the process that started it.
        scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def _measure(path: Path, name: str, threads: int, providers: tuple[str, ...]) -> Alone:
    bundle = read_bundle(path)
    picture = bundle.golden().pictures[0]
    start = time.perf_counter()
    runner = open_choice(bundle, Choice(bundle.variant(name), providers), threads)
    loaded = time.perf_counter()
    inputs = runner.prepare(picture)
    ready = time.perf_counter()
    runner.infer(inputs)
    end = time.perf_counter()
    return Alone(1e3 * (loaded - start), 1e3 * (end - ready), peak_mb(), runner.provider)


if __name__ == "__main__":
    found = _measure(
        Path(sys.argv[1]),
        sys.argv[2],
        int(sys.argv[3]),
        tuple(filter(None, sys.argv[4].split(","))),
    )
    print(json.dumps(asdict(found)))
