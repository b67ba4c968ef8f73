"""Writes the model card that a person reads; nothing timed stands in it."""

from __future__ import annotations

from collections.abc import Sequence

from edgecnn.bundle.manifest import Manifest, Variant
from edgecnn.data.scoring import ReadScore, wilson_interval
from edgecnn_export.tolerances import FEW_SAMPLES


def write_card(manifest_facts: Sequence[tuple[str, str]], variants: Sequence[Variant],
               reference: ReadScore, gate: str, notes: str) -> str:  # fmt: skip
    """Return the card as markdown.

    Args:
        manifest_facts: name and value of each fact to list.
        variants: what was exported.
        reference: the score of the float model on the gate set.
        gate: what the gate set is.
        notes: further sections, from the card.md of the run, or nothing.
    """
    title, *facts = manifest_facts
    lines = [f"# {title[1]}", ""]
    lines += [f"- {name}: {value}" for name, value in facts]
    lines += ["", "## The gate", "", f"Scored on {gate}, n = {reference.samples}."]
    if reference.samples < FEW_SAMPLES:
        lines.append(f"Fewer than {FEW_SAMPLES} samples: the intervals are wide.")
    lines += ["", *_variant_table(variants), "", *_currency_table(reference)]
    if notes:
        lines += ["", notes.strip()]
    return "\n".join(lines) + "\n"


def _variant_table(variants: Sequence[Variant]) -> list[str]:
    rows = ["| variant | scheme | bytes | exact | drop, points (95 %) | cosine | SQNR dB |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    for v in variants:
        m, p = v.metric, v.parity
        rows.append(
            f"| {v.format}-{v.precision} | {v.scheme} | {v.bytes} | {m.value:.4f} | {m.drop:.2f} "
            f"({m.drop_low:.2f} to {m.drop_high:.2f}) | {p.cosine:.5f} | {p.sqnr_db:.1f} |"
        )
    return rows


def _currency_table(reference: ReadScore) -> list[str]:
    rows = ["| currency | n | exact, float | 95 % interval |", "|---|---|---|---|"]
    for name, share in reference.per_currency.items():
        n = reference.counts[name]
        low, high = wilson_interval(round(share * n), n)
        rows.append(f"| {name} | {n} | {share:.4f} | {low:.4f} to {high:.4f} |")
    return rows


def facts_of(manifest: Manifest) -> list[tuple[str, str]]:
    """Return the facts that the card lists, title first."""
    spec = manifest.input
    return [
        ("name", manifest.name),
        ("task", manifest.task),
        ("architecture", manifest.architecture),
        ("input", f"{spec.height} x {spec.width} x {spec.channels}, {spec.colour}"),
        ("currencies", ", ".join(manifest.decode.currencies)),
        ("licence", manifest.licence),
        ("training data", manifest.provenance.strip()),
        ("calibration", _calibration(manifest)),
        ("source checkpoint", f"sha256 {manifest.source_sha256}"),
    ]


def _calibration(manifest: Manifest) -> str:
    found = manifest.calibration
    return f"{found.id}, {found.samples} samples, sha256 {found.sha256}" if found else "none"
