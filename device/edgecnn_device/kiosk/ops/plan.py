"""Tells what differs between two configurations, and which parts of the daemon that touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from edgecnn_device.kiosk.config import KioskConfig

Part: TypeAlias = Literal["everything", "engine", "web", "targets", "storage"]
_Flat: TypeAlias = "Mapping[str, _Value]"
_Value: TypeAlias = "_Flat | object"

_PARTS: tuple[tuple[str, Part], ...] = (
    # The longest key that fits is the one that counts.
    ("name", "everything"),
    ("data", "everything"),
    ("bundles.threads", "everything"),  # BLAS takes them when it is loaded
    ("bundles", "engine"),
    ("notes", "engine"),
    ("faces", "engine"),
    ("faces.consent", "web"),
    ("staleness_s", "engine"),
    ("web", "web"),
    ("storage", "storage"),
    ("mqtt", "targets"),
    ("webhooks", "targets"),
)


@dataclass(frozen=True)
class Changes:
    """Dotted keys, never values."""

    changed: tuple[str, ...] = ()
    """With another value; a file whose content is another counts, too."""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.removed)

    def __str__(self) -> str:
        kinds = (("changed", self.changed), ("added", self.added), ("removed", self.removed))
        return "; ".join(f"{kind}: {', '.join(keys)}" for kind, keys in kinds if keys)


@dataclass(frozen=True)
class Plan:
    """What has to be started again; the rest goes on."""

    everything: bool = False
    """The whole process: systemd starts it again."""
    engine: bool = False
    web: bool = False
    targets: bool = False
    storage: bool = False
    stop_cameras: tuple[str, ...] = ()
    """Those that are gone, or changed."""
    start_cameras: tuple[str, ...] = ()
    """Those that are new, or changed."""

    def __str__(self) -> str:
        if self.everything:
            return "the daemon"
        parts = [p for p in ("engine", "web", "targets", "storage") if getattr(self, p)]
        cameras = dict.fromkeys((*self.stop_cameras, *self.start_cameras))
        return ", ".join([*parts, *(f"camera {name}" for name in cameras)]) or "nothing"


def changes(old: KioskConfig, new: KioskConfig, touched: tuple[str, ...] = ()) -> Changes:
    """Return what differs, in the order of the schema.

    Args:
        old: in use.
        new: to come; both with absolute paths.
        touched: keys of files whose content is another (`files.touched`).
    """
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    found: dict[str, list[str]] = {"changed": [], "added": [], "removed": []}
    for kind, key in _compare(before, after, ""):
        found[kind].append(key)
    known = {key for keys in found.values() for key in keys}
    found["changed"] += [key for key in touched if key not in known]
    return Changes(*(tuple(found[kind]) for kind in ("changed", "added", "removed")))


def make_plan(differing: Changes) -> Plan:
    """Return what has to be started again for these changes."""
    parts: set[Part] = set()
    stop: dict[str, None] = {}
    start: dict[str, None] = {}
    for kind in ("changed", "added", "removed"):
        for key in getattr(differing, kind):
            words = key.split(".")
            if words[0] != "cameras":
                parts.add(part_of(key))
                continue
            whole = len(words) == 2
            if not (whole and kind == "added"):
                stop[words[1]] = None
            if not (whole and kind == "removed"):
                start[words[1]] = None
    return Plan(
        "everything" in parts, "engine" in parts, "web" in parts, "targets" in parts,
        "storage" in parts, tuple(stop), tuple(start),
    )  # fmt: skip


def part_of(key: str) -> Part:
    """Return the part that a key other than a camera's belongs to."""
    fitting = [(k, part) for k, part in _PARTS if key == k or key.startswith(f"{k}.")]
    return max(fitting)[1] if fitting else "everything"


def _compare(old: object, new: object, key: str) -> Iterator[tuple[str, str]]:
    """Yield ("changed" | "added" | "removed", key) for what differs below a key."""
    left, right = _children(old), _children(new)
    if old == new:
        return
    if left is None or right is None:
        came = {True: "added", False: "removed"}
        one_sided = (left is None) != (right is None) and (old is None or new is None)
        yield came[old is None] if one_sided else "changed", key
        return
    for name in dict.fromkeys((*left, *right)):
        inner = f"{key}.{name}" if key else name
        if name not in left:
            yield "added", inner
        elif name not in right:
            yield "removed", inner
        else:
            yield from _compare(left[name], right[name], inner)


def _children(value: object) -> Mapping[str, object] | None:
    """Return what stands below a value by name; None where it is one by itself."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return {str(index): item for index, item in enumerate(value)}
    return None
