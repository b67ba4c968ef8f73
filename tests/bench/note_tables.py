"""Turns what readers said into tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from note_scores import (
    Answer,
    PictureScore,
    SetScore,
    View,
    judge,
    of_currency,
    printed_digits,
    rub_digits,
    rub_letters,
    summarize,
    whole,
)
from note_sets import Scene
from serials import LOOKED_AT, LOOKED_AT_NOTE

from edgecnn.cli.output import print_table
from edgecnn.data.scoring import wilson_interval

TITLES = {
    "generated": "generated notes", "inr": "INR photographs", "usd": "USD flat scans",
    "warped": "USD scans on desks, 1280x720", "krw": "KRW pictures", "jpy": "JPY pictures",
    "rub": "RUB pictures", "backs": "backs of USD notes", "none": "pictures without notes",
}  # fmt: skip
VIEWS: dict[str, tuple[tuple[str, View], ...]] = {
    "rub": (("", whole), ("digits", rub_digits), ("letters", rub_letters))
}
"""Parts of the serial that a set is scored by; elsewhere, the whole."""
COLUMNS = ("", "exact", "", "95 %", "clean", "abst.", "wrong", "char. errors", "ms")
EMPTY_COLUMNS = ("", "pictures with a serial", "", "95 %", "ms")
"""Of sets without notes."""


@dataclass(frozen=True)
class Said:
    """What a reader said of the pictures of a set."""

    system: str
    scenes: tuple[Scene, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Row:
    """A line of a table."""

    set: str
    system: str
    part: str
    score: SetScore


def rows_of(key: str, said: Sequence[Said]) -> list[Row]:
    """Score a set: per reader, per part of the serial, and parts of the set."""
    rows = []
    fewest = min((s.scenes for s in said), key=len)
    for one in said:
        for part, view in VIEWS.get(key, (("", whole),)):
            scores = [judge(s, a, view) for s, a in zip(one.scenes, one.answers, strict=True)]
            total = summarize(scores, view)
            rows.append(Row(key, one.system, part, total))
            if part:
                continue
            if one.answers[0].unrepaired is not None:
                plain = [replace(a, emitted=a.unrepaired or ()) for a in one.answers]
                judged = [judge(*pair) for pair in zip(one.scenes, plain, strict=True)]
                rows.append(Row(key, one.system, "without repairs", summarize(judged)))
            if len(fewest) < len(scores):
                names = {s.name for s in fewest}
                same = summarize([s for s in scores if s.name in names])
                rows.append(Row(key, one.system, "the rivals' pictures", same))
            unseen = summarize([s for s in scores if not _looked_at(s)])
            if unseen.notes < total.notes:
                rows.append(Row(key, one.system, "not looked at before", unseen))
            currencies = sorted({n.currency for s in scores for n in s.notes})
            for currency in currencies if len(currencies) > 1 else ():
                rows.append(Row(key, one.system, currency,
                                summarize(of_currency(scores, currency))))  # fmt: skip
        if key == "rub":
            anywhere = [printed_digits(*pair) for pair in zip(one.scenes, one.answers, strict=True)]
            rows.append(Row(key, one.system, "digits in any text", summarize(anywhere, rub_digits)))
    return rows


def _looked_at(score: PictureScore) -> bool:
    shown = score.name.split(",")[0] in LOOKED_AT
    return shown or any(n.label == LOOKED_AT_NOTE for n in score.notes)


def show(key: str, rows: Sequence[Row]) -> None:
    """Print the table of a set."""
    scores = [row.score for row in rows]
    title = f"{TITLES[key]}: {scores[0].pictures}"
    if any(s.clusters for s in scores):
        title += f", {max(s.clusters for s in scores)} physical notes (intervals over these)"
    names = [row.system if not row.part else f"  {row.part}" for row in rows]
    columns, cells = (COLUMNS, _cells) if scores[0].notes else (EMPTY_COLUMNS, _empty_cells)
    print_table(title, columns, [(n, *cells(s)) for n, s in zip(names, scores, strict=True)])


def _cells(score: SetScore) -> tuple[str, ...]:
    share = f"{100 * score.exact / max(1, score.notes):.1f} %"
    span = f"{100 * score.low:.1f} to {100 * score.high:.1f}"
    counts = (str(score.clean), str(score.abstained), str(score.wrong))
    errors = f"{100 * score.errors:.2f} %"
    return f"{score.exact} / {score.notes}", share, span, *counts, errors, _time(score)


def _empty_cells(score: SetScore) -> tuple[str, ...]:
    low, high = wilson_interval(score.wrong_pictures, score.pictures)
    share = f"{100 * score.wrong_pictures / score.pictures:.1f} %"
    span = f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{score.wrong_pictures} / {score.pictures}", share, span, _time(score)


def _time(score: SetScore) -> str:
    if score.ms is None:
        return "kept"
    few = f" ({score.measured})" if score.measured < score.pictures else ""
    return f"{score.ms:.0f}{few}"


def show_details(key: str, said: Sequence[Said], most: int = 12) -> None:
    """Print the wrong serials, and how each physical note of INR was read."""
    scored = {
        s.system: [judge(*pair) for pair in zip(s.scenes, s.answers, strict=True)] for s in said
    }
    for system, pictures in scored.items():
        wrong = [p for p in pictures if p.wrong]
        for p in wrong[:most]:
            there = " ".join(n.label for n in p.notes) or "nothing"
            print(f"wrong: {system}: {p.name}: {' '.join(p.wrong)}; there is {there}")
        if len(wrong) > most:
            print(f"wrong: {system}: {len(wrong) - most} pictures more, see --json")
    if key != "inr":
        return
    labels = sorted({n.label for pictures in scored.values() for p in pictures for n in p.notes})
    rows = []
    for label in labels:
        hits = [[n.right for p in s for n in p.notes if n.label == label] for s in scored.values()]
        rows.append((label, *(f"{sum(h)} / {len(h)}" for h in hits)))
    print_table("INR, per physical note", ("", *scored), rows)


def write_json(path: Path, rows: Sequence[Row], said: dict[str, list[Said]]) -> None:
    """Write every row and every answer."""
    pictures = [
        {"set": key, "system": one.system, **asdict(judge(scene, answer)),
         "emitted": answer.emitted, "read": answer.texts if one.system[:7] == "edgecnn" else ()}
        for key, ones in said.items() for one in ones
        for scene, answer in zip(one.scenes, one.answers, strict=True)
    ]  # fmt: skip
    content = {"rows": [asdict(row) for row in rows], "pictures": pictures}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
