"""Whole-process time and peak memory of what a user starts: help, one picture, an export.

    python tests/bench/footprint.py [--runs 7] [--export]

Medians over runs after one warm-up (so the disk is warm); the commands take turns, so that noise
hits all alike. This script itself imports nothing large: a child's peak memory, as the system
counts it, starts at its parent's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgecnn.cli.output import print_table

ROOT = Path(__file__).parents[2]


def measure(command: list[str]) -> tuple[float, float]:
    """Return wall seconds and peak MiB of one run."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--export", action="store_true", help="also the whole export, once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "lines"
        edgecnn = [sys.executable, "-m", "edgecnn"]
        synth = [*edgecnn, "data", "synth", "serial-lines"]
        measure([*synth, "-n", "1", "--seed", "3", "-o", str(data)])
        picture = str(data / "line-000000.png")
        commands = {"edgecnn --help": [*edgecnn, "--help"]}
        for variant in ("tflite-int8", "tflite-fp32", "onnx-int8", "onnx-fp32"):
            name = f"edgecnn run, one picture, {variant}"
            commands[name] = [*edgecnn, "run", "serial-reader", picture, "--variant", variant]
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(options.runs + 1):
            for name, command in commands.items():
                result = measure(command)
                if turn:
                    found[name].append(result)
        if options.export:
            gate = Path(folder) / "gate"
            measure([*synth, "-n", "500", "--seed", "31", "-o", str(gate)])
            command = [*edgecnn, "export", str(ROOT / "edgecnn/zoo/runs/serial-reader"),
                       "-o", f"{folder}/x.edge", "--evaluate", str(gate),
                       "--calibration", str(ROOT / "calibration/serial-lines")]  # fmt: skip
            found["edgecnn export, all four variants, 200 + 500 lines"] = [measure(command)]
    rows = []
    for name, results in found.items():
        seconds, memory = ([r[i] for r in results] for i in (0, 1))
        rows.append((name, f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f}",
                     f"{max(seconds):.2f}", f"{max(memory):.0f}"))  # fmt: skip
    print_table("", ("command", "median s", "min", "max", "peak MiB"), rows)


if __name__ == "__main__":
    main()
