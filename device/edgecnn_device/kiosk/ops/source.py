"""Tells the kinds of a camera's source apart, by its text alone."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

_DEVICE = re.compile(r"/dev/\S+")
_NUMBERED = re.compile(r"(usb|csi):([0-9]{1,3})")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20}):")
NETWORK = ("rtsp", "rtsps")
SYNTHETIC = ("synthetic:notes", "synthetic:heads")
_SYNTHETIC = re.compile(r"synthetic:(notes|heads)(:[0-9]{1,9})?")
EXPECTED = "usb:0, /dev/video0, csi:0, rtsp://..., a video, a folder, " + " or ".join(SYNTHETIC)


def is_file(source: str) -> bool:
    """Tell whether it is a video or a folder."""
    return not _SCHEME.match(source) and not _DEVICE.fullmatch(source)


def is_known(source: str) -> bool:
    """Tell whether it is of any kind there is."""
    if any(kind.fullmatch(source) for kind in (_SYNTHETIC, _NUMBERED, _DEVICE)):
        return True
    parts = address(source)
    return is_file(source) or (parts is not None and bool(parts.hostname))


def address(source: str) -> SplitResult | None:
    """Return the parts of a network camera's address; None of anything else."""
    if source.partition(":")[0].lower() not in NETWORK:
        return None
    try:
        parts = urlsplit(source)
        _ = parts.port  # it is read late, and may be no number
    except ValueError:
        return None
    return parts


def device(source: str) -> str | None:
    """Return what only one camera can have: usb:0 is /dev/video0, whatever links name it."""
    found = _NUMBERED.fullmatch(source)
    if found and found[1] == "csi":
        return f"csi:{int(found[2])}"
    path = f"/dev/video{int(found[2])}" if found else source
    return str(Path(path).resolve()) if found or _DEVICE.fullmatch(source) else None
