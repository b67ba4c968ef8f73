"""The process: private, alone with its data, stopped in time, and deaf to no signal."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgecnn.errors import EdgecnnError, InputError
from edgecnn_device.kiosk.ops.process import only_instance, pin_threads
from edgecnn_device.kiosk.ops.signals import RELOAD, Signals
from edgecnn_device.kiosk.ops.stopping import Step, stop_all

HOLD = """
import sys
from pathlib import Path
from edgecnn_device.kiosk.ops.process import only_instance
with only_instance(Path(sys.argv[1]), 0):
    print("held", flush=True)
    sys.stdin.read()
"""
PINNED = """
import sys
from edgecnn_device.kiosk.ops.process import pin_threads
pin_threads(int(sys.argv[1]))
import numpy, cv2, threading
from pathlib import Path
many = numpy.ones((1500, 1500), numpy.float32)
many @ many
print(len(list(Path("/proc/self/task").iterdir())), cv2.getNumThreads())
"""


def test_a_data_folder_has_one_daemon(tmp_path: Path) -> None:
    data = tmp_path / "state" / "data"
    with only_instance(data):
        modes = [stat.S_IMODE(p.stat().st_mode) for p in (data, data / "kiosk.lock")]
        assert modes == [0o700, 0o600]
        done = subprocess.run(
            [sys.executable, "-c", HOLD, str(data)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert f"another kiosk uses this folder (process {os.getpid()})" in done.stderr
    with only_instance(data, 0):
        pass


def test_a_daemon_that_was_killed_leaves_the_folder_free(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout and other.stdout.readline() == b"held\n"
        with pytest.raises(EdgecnnError, match=f"process {other.pid}"), only_instance(tmp_path, 0):
            pass
        other.kill()
        with only_instance(tmp_path, 30):
            pass


def test_a_folder_that_cannot_be_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), only_instance(tmp_path / "file"):
        pass


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_pinned_threads_are_all_there_are() -> None:
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", PINNED, "1"], capture_output=True, text=True, check=True, env=free
    )
    assert done.stdout.split() == ["1", "1"]


def test_pinning_too_late_is_a_fault_of_the_program() -> None:
    import numpy  # noqa: F401

    with pytest.raises(RuntimeError, match="before"):
        pin_threads(1)


def test_steps_stop_in_order_whatever_the_others_do() -> None:
    order: list[str] = []
    release = threading.Event()

    def web() -> None:
        order.append("web")
        raise OSError("no")

    def camera() -> None:
        order.append("camera")
        release.wait(60)

    steps = (
        Step("web", web, 1.0),
        Step("camera", camera, 0.1),
        Step("store", lambda: order.append("store"), 1.0),
    )
    stopped = stop_all(steps)
    release.set()
    assert order == ["web", "camera", "store"]
    assert (stopped.failed, stopped.hung) == (("web",), ("camera",))
    assert 0.1 <= stopped.seconds < 5


def test_a_step_that_ends_late_is_not_hung() -> None:
    release = threading.Event()

    def engine() -> None:
        release.set()
        time.sleep(0.2)

    steps = (Step("camera", lambda: release.wait(60), 0.05), Step("engine", engine, 4.0))
    assert stop_all(steps).hung == ()


def test_budgets_that_exceed_the_whole_are_a_fault_of_the_program() -> None:
    with pytest.raises(ValueError, match=r"5\.0 s together"):
        stop_all([Step("a", lambda: None, 3.0), Step("b", lambda: None, 2.5)])


def test_signals_wait_in_order_and_none_is_lost() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        assert [signals.wait(30), signals.wait(30)] == [RELOAD, signal.SIGTERM]
        assert signals.wait(0.01) is None
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        assert signals.wait(30) is signal.SIGINT
    assert signal.getsignal(signal.SIGTERM) is before
