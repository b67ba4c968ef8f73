"""The exception tree of edgecnn; the command line turns each branch into an exit status.

EdgecnnError                  1  (any failure we foresaw)
├── GateError                 1  a gate or a check failed; nothing was published
├── LockedError               1  too many failed attempts; wait, or ask an administrator
├── InputError                2  usage or bad input
│   ├── BundleError           2  a bundle that is truncated, tampered with or of another schema
│   ├── DataError             2  a picture, dataset or calibration set that cannot be used
│   │   └── FaceError         2  a picture that shows no face to decide by
│   ├── StorageError          2  a database that is locked, full, damaged, of a newer version
│   │   └── GalleryError      2  a gallery of faces, its keystore or master key that cannot be used
│   ├── RecipeError           2  a training recipe that cannot be used
│   └── CheckpointError       2  a checkpoint that does not fit
├── ConfigError              78  a configuration that the daemon cannot start with
└── MissingExtraError         3  a package of an extra is not installed

Every message is one line: what was expected, what came, what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

StorageFault: TypeAlias = Literal["locked", "full", "read-only", "interrupted", "damaged", "other"]
"""What a `StorageError` comes of: all but the last two may pass by themselves."""


class EdgecnnError(Exception):
    """Base of every error edgecnn raises on purpose."""

    exit_status = 1


class GateError(EdgecnnError):
    """A gate or check failed; the result was not published."""


class LockedError(EdgecnnError):
    """Too many attempts failed; this one was refused before anything was compared."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Seconds until the next attempt; None: not before an administrator resets the count."""


class InputError(EdgecnnError):
    """Usage or input that cannot be accepted."""

    exit_status = 2


class BundleError(InputError):
    """A bundle that must not be run."""


class DataError(InputError):
    """A picture, dataset or calibration set that cannot be used."""


class FaceError(DataError):
    """A picture that shows no face to decide by; the message is for whom it was taken of."""


class StorageError(InputError):
    """A database that cannot be used as asked."""

    def __init__(self, message: str, fault: StorageFault = "other") -> None:
        super().__init__(message)
        self.fault = fault


class GalleryError(StorageError):
    """A gallery of faces, its keystore or its master key cannot be used as asked."""


class RecipeError(InputError):
    """A training recipe that cannot be used."""


class CheckpointError(InputError):
    """A checkpoint that does not fit the model or the recipe."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one key of a configuration."""

    key: str
    """Dotted, as in `cameras.door.rate`; empty for the file as a whole."""
    message: str
    """What was expected, what came, what to do; never a secret."""
    line: int | None = None
    """Of the file, from 1, where it is known."""

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        place = f"{self.key} ({line})" if self.key and line else self.key or line
        return f"{place}: {self.message}" if place else self.message


class ConfigError(EdgecnnError):
    """A configuration that cannot be used; 78 is EX_CONFIG of BSD's sysexits."""

    exit_status = 78
    _TOLD = 5

    def __init__(
        self, file: str, faults: tuple[Fault, ...], warnings: tuple[Fault, ...] = ()
    ) -> None:
        told = "; ".join(str(fault) for fault in faults[: self._TOLD])
        more = len(faults) - self._TOLD
        rest = f"; and {more} more: edgecnn kiosk check-config lists them" if more > 0 else ""
        super().__init__(f"{file}: {told}{rest}")
        self.faults = faults
        self.warnings = warnings
        """What the daemon could start with, and somebody should know."""


class MissingExtraError(EdgecnnError):
    """A package that this needs is not installed."""

    exit_status = 3

    def __init__(self, package: str, extra: str | None = None) -> None:
        what = f"'edgecnn[{extra}]'" if extra else package
        super().__init__(f"this needs {package}, which is not installed: pip install {what}")
