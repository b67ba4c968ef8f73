"""What happened in a fault run, in its order, and what that says about losses and duplicates.

Lines of JSON, one entry each, appended as things happen: a run that was interrupted goes on with
them, and the audit at the end reads nothing else but them and the store.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

What: TypeAlias = Literal[
    "fault", "acknowledged", "delivered", "answered", "interrupted", "enrolled", "sitting"
]


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    what: What
    key: str = ""
    """Of an event its id, of an enrolment the person, of a fault its kind, of an interruption the
    target, or nothing where it hit all of them."""
    number: int = 0
    """Of an event its sequence, of a fault its index."""
    note: str = ""
    """Of a fault its variant, of an event who showed or took it."""
    seconds: float = 0.0
    """Of a fault: from its end to a processed frame of every camera, and to a store that writes."""
    delivering: float = 0.0
    """Of a target's outage: from its end to the next delivery; 0 where none was owed."""
    starved: float = 0.0
    """Of a fault: part of these seconds in which the daemon and its cameras' processes could have
    run and waited for a processor, by the kernel's count."""
    wrong: str = ""
    """Of a fault: what did not go as it must."""


class Journal:
    """Appends entries; any thread may."""

    def __init__(self, path: Path) -> None:
        self.entries: list[Entry] = []
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            self.entries = [Entry(**json.loads(line)) for line in lines]
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Append one."""
        with self._lock:
            self.entries.append(entry)
            self._file.write(json.dumps(asdict(entry)) + "\n")
            self._file.flush()

    def of(self, what: What) -> list[Entry]:
        """Return those of a sort, in their order."""
        with self._lock:
            return [entry for entry in self.entries if entry.what == what]

    def close(self) -> None:
        """End."""
        self._file.close()


@dataclass(frozen=True)
class Audit:
    """What the journal and the store say at the end."""

    acknowledged: int
    lost: tuple[int, ...]
    """Sequences that somebody was shown, and that are not in the store with that id."""
    enrolled: int
    forgotten: int
    """People whose enrolment was acknowledged, and who are not in the gallery."""
    delivered: int
    undelivered: tuple[str, ...]
    """Target and sequence of stored events that never came."""
    repeated: int
    """Deliveries beyond the first of an event."""
    unexcused: tuple[str, ...]
    """Of them, those without an interruption of their own."""
    mixed: tuple[str, ...]
    """Ids with two sequences, or sequences with two ids."""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.forgotten or self.undelivered or self.unexcused or self.mixed)


@dataclass(frozen=True)
class Stored:
    """An event of the store."""

    sequence: int
    id: str
    kind: str


def audit(
    entries: Iterable[Entry], stored: Iterable[Stored], people: Iterable[str],
    targets: Mapping[str, tuple[str, ...]],
) -> Audit:  # fmt: skip
    """Compare what was promised with what is there.

    Args:
        entries: of the journal.
        stored: all events of the store.
        people: everybody enrolled.
        targets: which kinds each wants.
    """
    listed, kept, known = list(entries), {e.sequence: e for e in stored}, frozenset(people)
    shown = {(e.number, e.key) for e in listed if e.what in ("acknowledged", "delivered")}
    lost = {n for n, id in shown if n not in kept or kept[n].id != id}
    enrolled = [e.key for e in listed if e.what == "enrolled"]
    repeated = 0
    unexcused: list[str] = []
    missing: list[str] = []
    for target, kinds in targets.items():
        more, bad = _repeats(listed, target)
        repeated, unexcused = repeated + more, unexcused + bad
        missing += _missing(listed, kept.values(), target, kinds)
    return Audit(
        acknowledged=len(shown), lost=tuple(sorted(lost)), enrolled=len(enrolled),
        forgotten=len(set(enrolled) - known),
        delivered=sum(e.what == "delivered" for e in listed), undelivered=tuple(missing),
        repeated=repeated, unexcused=tuple(unexcused), mixed=tuple(_mixed(listed)),
    )  # fmt: skip


def _repeats(entries: list[Entry], target: str) -> tuple[int, list[str]]:
    """Return how many deliveries were repetitions, and which of them nothing had interrupted."""
    open_at: dict[str, int] = {}  # id -> where its last delivery stands
    answered: set[str] = set()
    breaks: list[int] = []
    count, bad = 0, []
    for at, entry in enumerate(entries):
        cut = entry.what == "interrupted" and entry.key in ("", target)
        if cut or entry.what == "sitting":  # the one before may have been cut off
            breaks = [at]  # an older one excuses nothing any more
        elif entry.note == target and entry.what == "answered":
            answered.add(entry.key)
        elif entry.note == target and entry.what == "delivered":
            begun = open_at.get(entry.key)
            if begun is not None:
                count += 1
                # Through a broker it may come only after the interruption, both times.
                excuse = next((b for b in breaks if b > begun or target == "mqtt"), None)
                if entry.key in answered and excuse is None:
                    bad.append(f"{target} {entry.number}")
                elif entry.key in answered and excuse is not None:
                    breaks.remove(excuse)  # it excuses one event alone
            open_at[entry.key] = at
            answered.discard(entry.key)
    return count, bad


def _missing(
    entries: list[Entry], kept: Iterable[Stored], target: str, kinds: tuple[str, ...]
) -> list[str]:
    """Return what never came, of what was stored after the first that did."""
    came = {e.key for e in entries if e.what == "delivered" and e.note == target}
    found = []
    for kind in kinds:
        of_kind = sorted((e for e in kept if e.kind == kind), key=lambda e: e.sequence)
        first = next((i for i, e in enumerate(of_kind) if e.id in came), len(of_kind))
        found += [f"{target} {e.sequence}" for e in of_kind[first:] if e.id not in came]
    return found


def _mixed(entries: list[Entry]) -> list[str]:
    ids: dict[int, set[str]] = defaultdict(set)
    numbers: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        if entry.what in ("acknowledged", "delivered"):
            ids[entry.number].add(entry.key)
            numbers[entry.key].add(entry.number)
    two = [f"sequence {n}" for n, found in ids.items() if len(found) > 1]
    return two + [f"id {id}" for id, found in numbers.items() if len(found) > 1]
