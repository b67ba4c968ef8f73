"""Times one whole export of MobileNetV2 at 224 px: both formats, fp32 and int8, all checks.

    python tests/bench/export_time.py [--bake]

100 pictures calibrate and 500 are scored by the gate, those of imagenet_sample_even in
EDGECNN_DATA; the pictures that calibrate are mirrored ones of the same, so the agreement that is
printed is not held out. Use imagenet_export.py for that; this is about seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
from tflite_import import SIDE, read_pictures


def main() -> None:
    """Write the pictures, export and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bake", action="store_true")
    arguments = parser.parse_args()
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("gate", "calibration"):
            (folder / part).mkdir()
        for index, (picture, _) in enumerate(read_pictures(data, 500, SIDE)):
            bgr = picture[:, :, ::-1]
            cv2.imwrite(str(folder / f"gate/{index:03}.png"), bgr)
            if index % 5 == 0:
                cv2.imwrite(str(folder / f"calibration/{index:03}.png"), cv2.flip(bgr, 1))
        labels = ", ".join(f'"{i}"' for i in range(1001))
        described = f"mean: [127.5]\nstd: [127.5]\nlabels: [{labels}]\n"
        (folder / "described.yaml").write_text(described, encoding="utf-8")
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "edgecnn", "export", "imagenet_net:mobilenet_v2",
             "-o", str(folder / "m.edge"), "--input", f"3,{SIDE},{SIDE}",
             "--preprocess", str(folder / "described.yaml"),
             "--calibration", str(folder / "calibration"), "--evaluate", str(folder / "gate"),
             "--max-drop", "5", *(["--bake"] if arguments.bake else [])],
            check=False, cwd=Path(__file__).parent,
            env=os.environ | {"EDGECNN_DATA": str(data.absolute())},
        )  # fmt: skip
        print(f"status {done.returncode}, {time.monotonic() - begun:.0f} s, load average "
              f"{os.getloadavg()[0]:.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
