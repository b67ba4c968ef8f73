"""What a source's address means; see `CameraConfig.source`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from edgecnn.data.images import SUFFIXES as PICTURES
from edgecnn.errors import InputError
from edgecnn_device.cameras.redact import redact
from edgecnn_device.videos import SUFFIXES as VIDEOS

Kind = Literal["usb", "csi", "rtsp", "notes", "heads", "video", "pictures"]
RECORDED = frozenset({"notes", "heads", "video", "pictures"})
"""They wait to be read, as a camera does not."""

_NUMBERED = re.compile(r"(usb|csi):(\d{1,3})")
_SYNTHETIC = re.compile(r"synthetic:(notes|heads)(?::(\d{1,9}))?")
_VIDEO = "/dev/video"
_CAMERA = re.compile(r"(?i)(usb:|csi:|rtsps?:|synthetic:|/dev/)")


@dataclass(frozen=True)
class Address:
    """A source's kind, and where it is."""

    kind: Kind
    target: str = ""
    """Device, number of the camera, address or path; with credentials, where there are any."""
    seed: int = 0
    """Of what is generated."""


def is_camera(source: str) -> bool:
    """Tell whether a source is a camera, or stands for one, rather than a file by its path."""
    return _CAMERA.match(source) is not None


def parse_address(source: str) -> Address:
    """Tell what a source is by its form alone; nothing is opened.

    Raises:
        InputError: it is of no known form; names them, and never the credentials.
    """
    if found := _NUMBERED.fullmatch(source):
        number = str(int(found[2]))
        return Address("csi", number) if found[1] == "csi" else Address("usb", _VIDEO + number)
    if found := _SYNTHETIC.fullmatch(source):
        return Address("notes" if found[1] == "notes" else "heads", seed=int(found[2] or 0))
    if source.startswith("/dev/"):
        return Address("usb", source)
    if re.match(r"(?i)rtsps?:", source):
        return Address("rtsp", _checked(source))
    kind = _kind_of_file(source)
    if kind is not None:
        return Address(kind, source)
    raise InputError(
        f"{redact(source)!r}: expected usb:N, /dev/videoN, csi:N, rtsp://..., synthetic:notes, "
        "synthetic:heads, a video or a folder of pictures"
    )


def _kind_of_file(source: str) -> Kind | None:
    if not source or is_camera(source) or "://" in source or "\0" in source:
        return None
    suffix = Path(source).suffix.lower()
    if Path(source).is_dir() or suffix in PICTURES:
        return "pictures"
    return "video" if suffix in VIDEOS else None


def with_password(source: str, password: str | None) -> str:
    """Return an address of RTSP with a password put behind its user, percent-encoded.

    Raises:
        InputError: there is no user for it, or a password already.
    """
    if password is None:
        return source
    parts = urlsplit(source if parse_address(source).kind == "rtsp" else "")
    if not parts.username or parts.password is not None:
        raise InputError(
            f"{redact(source)}: expected rtsp://USER@HOST/... for its password_file, got an "
            f"address with {'a password of its own' if parts.username else 'no user'}"
        )
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.rstrip(':')}:{quote(password, safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=netloc))


def _checked(source: str) -> str:
    """Refuse what is no address (RFC 3986), so that nothing else ever reads it differently."""
    shown = redact(source, (source.split(":", 1)[1],) if "@" in source else ())
    if re.search(r"[\s\x00-\x1f\x7f\"\\]", source):
        raise InputError(f"{shown}: expected spaces, quotes and the like percent-encoded")
    try:
        parts = urlsplit(source)
        port = parts.port
    except ValueError as error:
        raise InputError(
            f"{shown}: expected rtsp://HOST[:PORT]/...: percent-encode '@', ':', '/', '?' and '#' "
            "in a password"
        ) from error
    if not parts.hostname or not source.lower().startswith(("rtsp://", "rtsps://")) or port == 0:
        raise InputError(f"{shown}: expected rtsp://HOST[:PORT]/...")
    return source
