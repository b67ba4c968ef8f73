"""What the processor is and can do, from what the system tells."""

from __future__ import annotations

import platform
from pathlib import Path

_PARTS = {
    "0xd03": "Cortex-A53", "0xd04": "Cortex-A35", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72", "0xd09": "Cortex-A73", "0xd0a": "Cortex-A75", "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1", "0xd40": "Neoverse-V1", "0xd41": "Cortex-A78", "0xd42": "Cortex-A78AE",
    "0xd49": "Neoverse-N2", "0xd4f": "Neoverse-V2",
}  # fmt: skip
"""Arm's numbers of its own cores (CPU implementer 0x41)."""

_DOT_PRODUCT = frozenset({"asimddp", "avx_vnni", "avx512_vnni", "amx_int8"})


def processor_name() -> str:
    """Return the board's and processor's name as the system tells it."""
    return name_of(cpuinfo(), _read("/proc/device-tree/model"))


def cpuinfo() -> str:
    """Return /proc/cpuinfo; empty where there is none."""
    return _read("/proc/cpuinfo")


def name_of(info: str, board: str = "") -> str:
    """Return a name for the processor.

    Args:
        info: the text of /proc/cpuinfo.
        board: the text of /proc/device-tree/model; empty where there is none.
    """
    # 32-bit and Jetson kernels say "ARMv8 Processor rev 1 (v8l)", which tells boards not apart.
    named = board.strip("\0 \n") or next(iter(_values(info, "Model", "model name")), "")
    parts = dict.fromkeys(_PARTS[p] for p in _values(info, "CPU part") if p in _PARTS)
    core = " + ".join(parts)
    if named and core:
        return f"{named} ({core})"
    return named or core or platform.processor() or platform.machine()


def has_dot_product(info: str) -> bool | None:
    """Tell whether every core has integer dot products; None where the text does not say.

    Args:
        info: the text of /proc/cpuinfo: flags avx_vnni or avx512_vnni on x86, asimddp on Arm.
    """
    cores = _values(info, "flags", "Features")
    return all(_DOT_PRODUCT & set(core.split()) for core in cores) if cores else None


def dot_product_warning(info: str) -> str | None:
    """Return what to say about int8 on this processor, if anything."""
    if has_dot_product(info) is not False:
        return None
    wanted = "asimddp" if _values(info, "Features") else "avx_vnni or avx512_vnni"
    return (
        f"this processor has no integer dot products ({wanted}): int8 may gain little over fp32, "
        "or be slower; the times decide"
    )


def _values(info: str, *keys: str) -> list[str]:
    """Return the values of the first key that occurs, one per core."""
    pairs = [[part.strip() for part in line.split(":", 1)] for line in info.splitlines()]
    for key in keys:
        if found := [pair[1] for pair in pairs if len(pair) == 2 and pair[0] == key]:
            return found
    return []


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
