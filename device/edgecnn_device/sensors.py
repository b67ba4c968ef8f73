"""Temperature, clock and throttling, where the board tells them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_IGNORED_ZONES = ("pmic-die", "fan-est")
"""Jetson's power chip reports a constant, its fan a mixture of others."""

_NOW = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
_SINCE_BOOT = 16
"""The same four bits, 16 higher, say what has happened since the board started."""

_FIRMWARE = ("sys/devices/platform/soc*/soc*firmware/get_throttled",)
"""Raspberry Pi's kernel; the folder's name carries an address on a Pi 5."""


@dataclass(frozen=True)
class Reading:
    """What the board told at one moment; None where it does not tell."""

    celsius: float | None
    """Of the hottest thermal zone."""
    mhz: float | None
    """Of the core with the fastest clock."""
    throttled: frozenset[str] | None
    """What holds the processor back now, by the firmware's names."""
    throttled_before: frozenset[str] | None
    """What has done so since the board started."""


def read_sensors(root: Path = Path("/")) -> Reading:
    """Ask the board.

    Args:
        root: the file system that has ``sys``; another one in tests.
    """
    bits = _throttled(root)
    now = None if bits is None else _names(bits)
    before = None if bits is None else _names(bits >> _SINCE_BOOT)
    return Reading(_celsius(root), _mhz(root), now, before)


def _celsius(root: Path) -> float | None:
    found = []
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        kind = (_text(zone / "type") or "").lower()
        millidegrees = _number(_text(zone / "temp"))
        if millidegrees is None or any(name in kind for name in _IGNORED_ZONES):
            continue
        if -40_000 < millidegrees < 150_000:  # a zone that is switched off gives nonsense
            found.append(millidegrees / 1000)
    if found:
        return max(found)
    return _vcgencmd_number("measure_temp") if root == Path("/") else None


def _mhz(root: Path) -> float | None:
    kilohertz = [
        _number(_text(path))
        for path in root.glob("sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq")
    ]
    return max((k / 1000 for k in kilohertz if k is not None), default=None)


def _throttled(root: Path) -> int | None:
    for pattern in _FIRMWARE:
        for path in root.glob(pattern):
            if (bits := parse_throttled(_text(path) or "")) is not None:
                return bits
    return parse_throttled(_vcgencmd("get_throttled")) if root == Path("/") else None


def parse_throttled(text: str) -> int | None:
    """Return the firmware's bits from ``throttled=0x50005`` (vcgencmd) or ``50005`` (sysfs)."""
    try:
        return int(text.strip().rpartition("=")[2], 16)
    except ValueError:
        return None


def _names(bits: int) -> frozenset[str]:
    return frozenset(name for bit, name in _NOW.items() if bits >> bit & 1)


def _vcgencmd_number(what: str) -> float | None:
    """Return 48.3 from ``temp=48.3'C``."""
    return _number(_vcgencmd(what).rpartition("=")[2].partition("'")[0])


def _vcgencmd(what: str) -> str:
    """Ask Raspberry Pi's firmware; empty where there is no such command."""
    command = shutil.which("vcgencmd")
    if command is None:
        return ""
    try:
        done = subprocess.run(
            [command, what], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # a Jetson zone that is switched off answers EAGAIN
        return None


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
