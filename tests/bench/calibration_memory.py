"""Measures by how much calibration raises the peak memory, at 100 and at 1,000 pictures.

    python tests/bench/calibration_memory.py [--numbers 100 1000] [--methods minmax ...]
        [--formats onnx tflite]

The network is MobileNetV2 1.0 of ImageNet at 224x224, from EDGECNN_DATA. The pictures are the 500
of imagenet_sample_even.tar and their mirror images, as files of their own size. Each case runs in
a process of its own, which opens the set, checks it and measures ranges as ``edgecnn export`` does;
the growth is that of the peak of its resident memory above the level just before, and includes the
libraries that calibration alone imports. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.cli.output import print_table
from edgecnn_export.quantize import METHODS, Method

FORMATS: tuple[Format, ...] = ("onnx", "tflite")
SPEC = InputSpec(width=224, height=224, mean=(127.5,) * 3, std=(127.5,) * 3)
LIMIT_MB, LIMIT_SHARE = 600, 0.10
"""Most that calibration may take, and that ten times the pictures may add."""


def write_models(folder: Path, data: Path, formats: list[Format]) -> None:
    """Write the float files."""
    import torch
    from improve import CONVERTERS, load_net

    example = np.zeros((1, 224, 224, 3), np.float32)
    net = load_net(data, torch.zeros(1, 3, 224, 224))
    for kind in formats:
        (folder / f"fp32.{kind}").write_bytes(CONVERTERS[kind](net, example))


def write_pictures(folder: Path, data: Path) -> None:
    """Write every picture and its mirror image."""
    folder.mkdir()
    with tarfile.open(data / "imagenet_sample_even.tar") as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is None or not member.name.endswith(".JPEG"):
                continue
            raw, stem = file.read(), Path(member.name).stem
            (folder / f"{stem}.jpeg").write_bytes(raw)
            picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            cv2.imwrite(str(folder / f"{stem}-mirror.jpeg"), cv2.flip(picture, 1))


def _memory(key: str) -> float:
    """Return a field of the process's status in MB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) * 1024 / 1e6


def run_case(folder: Path, kind: Format, method: Method, number: int) -> None:
    """Measure one case in this process and print the result as JSON."""
    from edgecnn_export.calibration import load_calibration
    from edgecnn_export.quantize import measure_ranges

    model = (folder / f"fp32.{kind}").read_bytes()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts here
    before, begun = _memory("VmRSS"), time.monotonic()
    calibration = load_calibration(folder / "pictures", SPEC, number)
    ranges = measure_ranges(kind, model, calibration.inputs, method, calibration.id)
    assert ranges.calibration.samples == number
    peak, seconds = _memory("VmHWM"), time.monotonic() - begun
    print(json.dumps({"before": before, "growth": peak - before, "seconds": seconds}))


def measure(folder: Path, kind: Format, method: Method, numbers: list[int]) -> list[str]:
    """Return the row of a method in a format."""
    growths, cells = [], []
    for number in numbers:
        case = [sys.executable, __file__, "--case", str(folder), kind, method, str(number)]
        done = subprocess.run(case, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        growths.append(found["growth"])
        cells += [f"{found['growth']:.0f}", f"{found['seconds']:.0f}"]
        print(f"{kind} {method} {number}: {found}", flush=True)
    change = growths[-1] / growths[0] - 1
    met = max(growths) <= LIMIT_MB and change <= LIMIT_SHARE
    return [kind, method, *cells, f"{change:+.1%}", "yes" if met else "NO"]


def main() -> None:
    """Measure every case and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        folder, kind, method, number = options.case
        run_case(Path(folder), kind, method, int(number))
        return
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_models(folder, data, options.formats)
        write_pictures(folder / "pictures", data)
        rows = [
            measure(folder, kind, method, options.numbers)
            for kind in options.formats
            for method in options.methods
        ]
    columns = ["format", "method"]
    for number in options.numbers:
        columns += [f"growth at {number:,}, MB", "s"]
    title = f"at most {LIMIT_MB} MB and {LIMIT_SHARE:.0%} more"
    print_table(title, [*columns, "change", "met"], rows)


if __name__ == "__main__":
    main()
