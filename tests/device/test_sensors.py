from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgecnn_device.sensors import parse_throttled, read_sensors

PI_4 = {
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "61835\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "600000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50004\n",
}
JETSON = {
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48500\n",
    "sys/class/thermal/thermal_zone1/type": "PMIC-Die\n",
    "sys/class/thermal/thermal_zone1/temp": "100000\n",
    "sys/class/thermal/thermal_zone2/type": "cv0-thermal\n",
    "sys/class/thermal/thermal_zone2/temp": "-256000\n",
}


def _board(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_raspberry_pi_tells_everything(tmp_path: Path) -> None:
    reading = read_sensors(_board(tmp_path, PI_4))
    assert (reading.celsius, reading.mhz) == (61.835, 1500)
    assert reading.throttled == frozenset({"throttled"})
    assert reading.throttled_before == frozenset({"under-voltage", "throttled"})


def test_a_pi_5_has_the_firmware_under_an_address(tmp_path: Path) -> None:
    name = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    assert read_sensors(_board(tmp_path, {name: "0\n"})).throttled == frozenset()


def test_constant_and_switched_off_zones_are_left_out(tmp_path: Path) -> None:
    reading = read_sensors(_board(tmp_path, JETSON))
    assert (reading.celsius, reading.mhz, reading.throttled) == (48.5, None, None)


def test_a_board_without_sensors_tells_nothing(tmp_path: Path) -> None:
    reading = read_sensors(tmp_path)
    assert (reading.celsius, reading.mhz, reading.throttled) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "bits"),
    [("throttled=0x50005\n", 0x50005), ("50005\n", 0x50005), ("0", 0), ("", None),
     ("error=1 error_msg=\"Command not registered\"", None)],
)  # fmt: skip
def test_both_spellings_of_the_firmware_are_read(text: str, bits: int | None) -> None:
    assert parse_throttled(text) == bits


def test_vcgencmd_is_asked_where_the_kernel_has_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "vcgencmd"
    command.write_text('#!/bin/sh\n[ $1 = measure_temp ] && echo "temp=48.3\'C" || echo x=0x2\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))
    reading = read_sensors()
    assert (reading.celsius, reading.throttled) == (48.3, frozenset({"frequency capped"}))
