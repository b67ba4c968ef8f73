"""Writes the model card that a person reads; nothing timed stands in it."""

from __future__ import annotations

from collections.abc import Sequence

from edgecnn.bundle.manifest import Manifest, ReadDecode, Variant
from edgecnn.data.scoring import wilson_interval
from edgecnn_export.tasks.base import GateScore
from edgecnn_export.tolerances import FEW_SAMPLES


def write_card(
    manifest_facts: Sequence[tuple[str, str]], variants: Sequence[Variant], group: str,
    reference: GateScore, gate: str, notes: str,
) -> str:  # fmt: skip
    """Return the card as markdown.

    Args:
        manifest_facts: name and value of each fact to list.
        variants: what was exported.
        group: what the parts of the score are.
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
    lines += ["", *_variant_table(variants), "", *_group_table(group, reference)]
    if notes:
        lines += ["", notes.strip()]
    return "\n".join(lines) + "\n"


def _variant_table(variants: Sequence[Variant]) -> list[str]:
    rows = ["| variant | scheme | bytes | right | drop, points (95 %) | cosine | SQNR dB |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    for v in variants:
        m, p = v.metric, v.parity
        rows.append(
            f"| {v.format}-{v.precision} | {v.scheme} | {v.bytes} | {m.value:.4f} | {m.drop:.2f} "
            f"({m.drop_low:.2f} to {m.drop_high:.2f}) | {p.cosine:.5f} | {p.sqnr_db:.1f} |"
        )
    return rows


def _group_table(group: str, reference: GateScore) -> list[str]:
    rows = [f"| {group} | n | right, float | 95 % interval |", "|---|---|---|---|"]
    for part in reference.groups:
        low, high = wilson_interval(round(part.value * part.samples), part.samples)
        rows.append(
            f"| {part.name} | {part.samples} | {part.value:.4f} | {low:.4f} to {high:.4f} |"
        )
    return rows


def facts_of(manifest: Manifest) -> list[tuple[str, str]]:
    """Return the facts that the card lists, title first."""
    spec = manifest.input
    return [
        ("name", manifest.name),
        ("task", manifest.task),
        ("architecture", manifest.architecture),
        ("input", f"{spec.height} x {spec.width} x {spec.channels}, {spec.colour}"),
        _outputs(manifest),
        ("licence", manifest.licence),
        ("training data", manifest.provenance.strip()),
        ("calibration", _calibration(manifest)),
        ("source checkpoint", f"sha256 {manifest.source_sha256}"),
    ]


def _outputs(manifest: Manifest) -> tuple[str, str]:
    if isinstance(manifest.decode, ReadDecode):
        return "currencies", ", ".join(manifest.decode.currencies)
    return "classes", ", ".join(manifest.decode.labels)


def _calibration(manifest: Manifest) -> str:
    found = manifest.calibration
    return f"{found.id}, {found.samples} samples, sha256 {found.sha256}" if found else "none"
