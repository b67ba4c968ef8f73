"""Writes the systemd unit, its user, and an example configuration, here or into an image."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from edgecnn.errors import InputError
from edgecnn.files import write_atomic
from edgecnn_device.kiosk.ops.load import load_config
from edgecnn_device.kiosk.ops.unit import (
    SECRETS,
    Unit,
    example,
    needs_of,
    render_sysusers,
    render_tmpfiles,
    render_unit,
)

_BACKOFF_SINCE = 254
"""The systemd that learned RestartSteps=."""


@dataclass(frozen=True)
class InstalledFile:
    """One file of the installed system."""

    path: PurePosixPath
    """As that system sees it."""
    text: str
    mode: int = 0o644
    kept: bool = False
    """Whether one that is there stays, whatever is in it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a file."""

    path: Path
    state: Literal["written", "unchanged", "kept"]


def make_unit(root: Path, python: PurePosixPath, config: PurePosixPath) -> Unit:
    """Work out what the unit of a system has to say.

    Args:
        root: of the file system; another one than / for an image.
        python: the interpreter that has edgecnn, as that system sees it.
        config: likewise; where there is one, its credentials and folders go into the unit.

    Raises:
        InputError: the service could not run this interpreter, or see the configuration.
        ConfigError: there is a configuration, and it is bad.
    """
    unit = Unit(python, config, backoff=_systemd_version(root) >= _BACKOFF_SINCE)
    _check_interpreter(root, python)
    place = _inside(root, config)
    if not place.exists():
        return unit
    names, folders = needs_of(load_config(place, Path(config.parent)).config)
    encrypted = tuple(n for n in names if _inside(root, SECRETS / f"{n}.cred").exists())
    return Unit(python, config, names, encrypted, folders, unit.backoff)


def installed_files(unit: Unit) -> tuple[InstalledFile, ...]:
    """Return all that is installed."""
    return (
        InstalledFile(
            PurePosixPath("/etc/systemd/system/edgecnn-kiosk.service"), render_unit(unit)
        ),
        InstalledFile(PurePosixPath("/etc/sysusers.d/edgecnn.conf"), render_sysusers()),
        InstalledFile(PurePosixPath("/etc/tmpfiles.d/edgecnn.conf"), render_tmpfiles(unit)),
        InstalledFile(unit.config, example(), 0o640, kept=True),
    )


def install(unit: Unit, root: Path, overwrite: bool = False) -> tuple[Outcome, ...]:
    """Write the files; a configuration that is there is never touched.

    Args:
        unit: of `make_unit`.
        root: likewise.
        overwrite: whether a unit that somebody changed may be replaced.

    Raises:
        InputError: another unit is there, or nothing can be written; nothing was written then.
    """
    planned = [(file, _target(root, file.path)) for file in installed_files(unit)]
    states = [_state(file, target, overwrite) for file, target in planned]
    for (file, target), state in zip(planned, states, strict=True):
        if state == "written":
            write_atomic(target, file.text.encode(), overwrite=True, mode=file.mode)
    found = zip(planned, states, strict=True)
    return tuple(Outcome(target, state) for (_, target), state in found)


def _state(
    file: InstalledFile, target: Path, overwrite: bool
) -> Literal["written", "unchanged", "kept"]:
    try:
        there = target.read_bytes()
    except FileNotFoundError:
        _check_writable(target)
        return "written"
    except OSError as error:
        raise InputError(f"{target}: cannot be read: {error.strerror}") from error
    if there == file.text.encode():
        return "unchanged"
    if file.kept:
        return "kept"
    if not overwrite:
        raise InputError(
            f"{target} is there, and differs: give --overwrite, and put your own changes into "
            "systemctl edit edgecnn-kiosk"
        )
    _check_writable(target)
    return "written"


def _check_writable(target: Path) -> None:
    there = next(folder for folder in target.parents if folder.exists())
    if not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        raise InputError(
            f"{target}: cannot write there: start it by sudo, or see what it would write: --print"
        )


def _check_interpreter(root: Path, python: PurePosixPath) -> None:
    place = _inside(root, python)
    if not os.path.lexists(place):  # in an image its link may lead nowhere from here
        raise InputError(
            f"{place}: no such interpreter: name the one of the environment that has edgecnn by "
            "--python"
        )
    for folder in (_inside(root, parent) for parent in python.parents):
        if not stat.S_IMODE(folder.stat().st_mode) & 0o001:
            raise InputError(
                f"{folder}: the service's user may not enter it, so it cannot start {python}: "
                "chmod o+x it"
            )


def _target(root: Path, path: PurePosixPath) -> Path:
    """Return where to write; a link inside an image must not lead out of it."""
    place = _inside(root, path)
    if not place.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{place}: a link leads out of {root}: remove it")
    return place


def _inside(root: Path, path: PurePosixPath) -> Path:
    return root / path.relative_to("/")


def _systemd_version(root: Path) -> int:
    """Return the version of a system's systemd, by its library's name; 0 where there is none."""
    name = "systemd/libsystemd-shared-*.so"
    folders = ("usr/lib", "lib", "usr/lib/*", "lib/*")
    found = [path.name for folder in folders for path in root.glob(f"{folder}/{name}")]
    versions = [re.match(r"libsystemd-shared-(\d+)", name) for name in found]
    return max((int(version[1]) for version in versions if version), default=0)
