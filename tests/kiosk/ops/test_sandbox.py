"""What the unit forbids, the networks' runtimes do without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgecnn_device.kiosk.ops.unit import Unit, render_unit

NO_NEW_CODE = """
import ctypes, sys
# PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: prctl(2), since Linux 6.3
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(77)
import mmap
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    sys.exit("memory could be made executable")
except PermissionError:
    pass
import numpy
from pathlib import Path
from edgecnn.bundle.read import read_bundle
from edgecnn_device import open_runner
bundle = read_bundle(Path(sys.argv[1]))
for variant in bundle.manifest.variants:
    open_runner(bundle, f"{variant.format}-{variant.precision}")(
        numpy.zeros((480, 640, 3), numpy.uint8)
    )
    print(variant.format)
"""


@pytest.mark.parametrize("name", ["note-detector", "serial-reader"])
def test_networks_run_where_memory_cannot_be_made_executable(root: Path, name: str) -> None:
    assert "\nMemoryDenyWriteExecute=yes\n" in render_unit(Unit())
    bundle = root / "edgecnn" / "zoo" / f"{name}.edge"
    done = subprocess.run(
        [sys.executable, "-c", NO_NEW_CODE, str(bundle)], capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("needs Linux 6.3 or newer: prctl knows no PR_SET_MDWE")
    assert done.returncode == 0, done.stderr[-500:]
    assert set(done.stdout.split()) == {"onnx", "tflite"}
