"""How much is written: an SD card bears only so much."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_HOUR_S = 3600.0
_SAMPLES = 61
_SECTOR = 512  # bytes, of /sys/dev/block/*/stat whatever the device has


@dataclass(frozen=True)
class Written:
    """Bytes written; None where the system does not tell."""

    process: int | None
    """By this process, since it began: what it sent towards the disk."""
    device: int | None
    """By everybody, to the device of the folder, since the machine began."""
    process_per_hour: float | None
    """Of the last hour, or of the time since the first sample."""
    device_per_hour: float | None


class WriteCounter:
    """Counts what is written; `sample` it once a minute.

    Args:
        folder: whose device is meant.
        monotonic: seconds.
    """

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        device = os.stat(folder).st_dev
        self._device = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
        self._monotonic = monotonic
        self._samples: deque[tuple[float, int | None, int | None]] = deque(maxlen=_SAMPLES)
        self.sample()

    def sample(self) -> Written:
        """Return what was written by now."""
        now, process, device = self._monotonic(), process_bytes(), _device_bytes(self._device)
        while len(self._samples) > 1 and now - self._samples[1][0] >= _HOUR_S:
            self._samples.popleft()
        first, process_then, device_then = (self._samples or [(now, process, device)])[0]
        if not self._samples or now - self._samples[-1][0] >= _HOUR_S / (_SAMPLES - 1):
            self._samples.append((now, process, device))
        return Written(
            process, device, _rate(process, process_then, now - first),
            _rate(device, device_then, now - first),
        )  # fmt: skip


def process_bytes() -> int | None:
    """Return the bytes that this process had written to storage; proc(5), /proc/pid/io."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))
    except (OSError, StopIteration, ValueError):
        return None


def _device_bytes(path: Path) -> int | None:
    """Return what was written to a block device; the kernel's Documentation/block/stat.rst."""
    try:
        return int(path.read_text(encoding="ascii").split()[6]) * _SECTOR
    except (OSError, IndexError, ValueError):  # an overlay, a network's disk
        return None


def _rate(now: int | None, then: int | None, seconds: float) -> float | None:
    if now is None or then is None or seconds <= 0:
        return None
    return (now - then) * _HOUR_S / seconds
