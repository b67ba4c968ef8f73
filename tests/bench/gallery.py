"""Times the gallery on one core: identify beside faiss, open, and add then identify elsewhere.

    OMP_NUM_THREADS=1 python tests/bench/gallery.py identify [--sizes 100000 1000000]
    OMP_NUM_THREADS=1 python tests/bench/gallery.py files [--people 20000] [--each 5] [--folder F]

Templates are random unit vectors of 128 numbers: an exact search costs the same whatever they are.
``identify`` searches one matrix with ours (the two best distinct people), with faiss-cpu's
IndexFlatIP (the two best rows; `pip install faiss-cpu`, left out where it is missing), and with
one product by the BLAS that finds nobody, as a floor; they take turns. The time of the processor
stands beside the time that passed, for machines that do other work, too. ``files`` makes a gallery
by enrolling person after person, then opens it in fresh processes, and enrols into it while
another process identifies. Memory is the growth of what is resident, over that of the raw matrix.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.cli.output import print_table
from edgecnn_device.gallery import Gallery, ModelIdentity, create_master_key
from edgecnn_device.gallery.matrix import Matrix

SIZE, EACH, ROUNDS = 128, 5, 21
IDENTITY = ModelIdentity("0" * 64, "bench", SIZE)
Rows = NDArray[np.float32]


def unit_rows(n: int, seed: int = 0) -> Iterator[Rows]:
    """Yield n random unit vectors, a thousand at a time."""
    random = np.random.default_rng(seed)
    for start in range(0, n, 1000):
        rows = random.standard_normal((min(1000, n - start), SIZE)).astype(np.float32)
        yield rows / np.linalg.norm(rows, axis=1, keepdims=True)


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def filled(n: int) -> tuple[Matrix, float]:
    """Return a matrix of n rows, and its memory over that of the raw one after a search."""
    _fill(1000)  # what numpy and the BLAS keep for themselves
    before = resident()
    matrix = _fill(n)
    return matrix, (resident() - before) / (4 * SIZE * n)


def _fill(n: int) -> Matrix:
    matrix = Matrix(SIZE)
    for rows in unit_rows(n):
        matrix.append(rows, np.arange(len(matrix), len(matrix) + len(rows)) // EACH)
    matrix.best(next(unit_rows(5, seed=1)), 2)
    return matrix


Times = list[tuple[float, float]]
"""Milliseconds that passed, and of the processor."""


def in_turn(ways: dict[str, Callable[[Rows], object]], queries: Rows) -> dict[str, Times]:
    """Time every way with every query, after two rounds of warm-up."""
    times: dict[str, Times] = {name: [] for name in ways}
    order = np.random.default_rng(2)
    for turn, query in enumerate(queries):
        for name in order.permutation(list(ways)):
            start, cpu = time.perf_counter(), time.thread_time()
            ways[name](query[None])
            passed, used = time.perf_counter() - start, time.thread_time() - cpu
            if turn > 1:
                times[name].append((1e3 * passed, 1e3 * used))
    return times


def faiss_index(n: int) -> Callable[[Rows], object] | None:
    """Return faiss's exact search over the same rows; None where it is not installed."""
    try:
        import faiss  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(SIZE)
    for rows in unit_rows(n):
        index.add(rows)
    return lambda query: index.search(query, 2)


def identify(sizes: list[int]) -> None:
    """Print how long a search takes, and what it needs."""
    table = []
    for n in sizes:
        matrix, memory = filled(n)
        raw = np.concatenate(list(unit_rows(n)))
        queries = np.concatenate(list(unit_rows(ROUNDS + 2, seed=3)))
        ways: dict[str, Callable[[Rows], object]] = {
            "gallery": lambda query, m=matrix: m.best(query, 2),
            "product alone": lambda query, r=raw: r @ query[0],
        }
        if search := faiss_index(n):
            ways["faiss"] = search
        times = in_turn(ways, queries)
        for query in queries:
            assert matrix.best(query[None], 1)[0][0][1] == int((raw @ query).argmax()) // EACH
        medians = {name: tuple(map(statistics.median, zip(*t, strict=True)))
                   for name, t in times.items()}  # fmt: skip
        for name, (passed, used) in medians.items():
            least, ratio = min(times[name])[0], used / medians["gallery"][1]
            needs = f"{memory:.3f}" if name == "gallery" else ""
            row = (f"{passed:.2f}", f"{least:.2f}", f"{used:.2f}", f"{ratio:.2f}", needs)
            table.append((f"{n:,}", name, *row))
    columns = ("templates", "by", "ms, median", "least", "ms of the processor", "of ours",
               "memory / raw")  # fmt: skip
    print_table("identify one vector", columns, table)


OPEN = """
import json, sys, time
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from gallery import IDENTITY, place, resident, unit_rows
from edgecnn_device.gallery import Gallery
before, start, cpu = resident(), time.perf_counter(), time.process_time()
with Gallery.open(*place(Path(sys.argv[1])), IDENTITY) as gallery:
    opened = time.perf_counter() - start, time.process_time() - cpu
    gallery.best(next(unit_rows(1, seed=4)))
    print(json.dumps([*opened, (resident() - before) / gallery.templates / 512]), flush=True)
    for line in sys.stdin:
        print(json.dumps(gallery.best(np.array(json.loads(line), np.float32), 1)[0][0].person),
              flush=True)
"""


def place(folder: Path) -> tuple[Path, Path, Path]:
    """Return where gallery, keystore and master key are."""
    return folder / "gallery.db", folder / "keys.db", folder / "master.key"


def make(folder: Path, people: int, each: int) -> float:
    """Enrol people one after the other; returns milliseconds per person."""
    create_master_key(place(folder)[2])
    rows = np.concatenate(list(unit_rows(people * each)))
    start = time.perf_counter()
    with Gallery.open(*place(folder), IDENTITY, create=True) as gallery:
        for number in range(people):
            gallery.enrol(f"person {number}", rows[number * each : (number + 1) * each])
    return 1e3 * (time.perf_counter() - start) / people


def opened(folder: Path) -> subprocess.Popen[str]:
    """Open a gallery in a process of its own."""
    command = [sys.executable, "-c", OPEN, str(folder), str(Path(__file__).parent)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def elsewhere(folder: Path, process: subprocess.Popen[str], rounds: int) -> list[float]:
    """Enrol, then ask the other process; returns milliseconds from the end of enrolling."""
    assert process.stdin and process.stdout
    times = []
    with Gallery.open(*place(folder), IDENTITY) as gallery:
        for number, rows in enumerate(unit_rows(1000 * rounds, seed=5)):
            gallery.enrol(f"late {number}", rows[:EACH])
            line = json.dumps(rows[2].tolist())
            start = time.perf_counter()
            print(line, file=process.stdin, flush=True)
            said = json.loads(process.stdout.readline())
            times.append(1e3 * (time.perf_counter() - start))
            assert said == f"late {number}"
    return times


def files(people: int, each: int, folder: Path | None, rounds: int) -> None:
    """Print how long a gallery takes to fill, to open, and to tell another process."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        enrol = make(Path(name), people, each)
        found = []
        for turn in range(rounds):
            process = opened(Path(name))
            assert process.stdout
            found.append(json.loads(process.stdout.readline()))
            late = elsewhere(Path(name), process, 20) if turn == rounds - 1 else []
            process.communicate()
        wall, cpu, memory = (statistics.median(column) for column in zip(*found, strict=True))
    table = [
        ("enrol, ms a person", f"{enrol:.2f}"), ("open, s", f"{wall:.2f}"),
        ("open, s of the processor", f"{cpu:.2f}"), ("memory / raw", f"{memory:.3f}"),
        ("identify elsewhere after adding, ms", f"{statistics.median(late):.1f}"),
        ("the slowest", f"{max(late):.1f}"),
    ]  # fmt: skip
    print_table(f"{people:,} people, {each} templates each", ("what", "median"), table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("identify", "files"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    if args.what == "identify":
        identify(args.sizes)
    else:
        files(args.people, args.each, args.folder, args.rounds)


if __name__ == "__main__":
    main()
