"""Finds the bundles that ship in the wheel."""

from __future__ import annotations

from pathlib import Path

from edgecnn.errors import InputError


def zoo_folder() -> Path:
    """Return the folder of the bundles that ship in the wheel."""
    return Path(__file__).parent


def find_bundle(name: str) -> Path:
    """Return the path of a bundle given as a path or as the name of a zoo bundle.

    Raises:
        InputError: neither exists; the message lists the zoo.
    """
    path = Path(name)
    if path.exists():
        return path
    shipped = {p.stem: p for p in sorted(zoo_folder().glob("*.edge"))}
    if name in shipped:
        return shipped[name]
    known = ", ".join(shipped) or "none"
    raise InputError(f"{name}: no such file, and no bundle of the zoo ({known})")
