"""Writes the model card that a person reads; nothing timed stands in it."""

from __future__ import annotations

from collections.abc import Sequence

from edgecnn.bundle.decode import (
    AnchorsDecode,
    BoxDecode,
    LabelsDecode,
    PointsDecode,
    ReadDecode,
    TensorsDecode,
    VectorDecode,
    WindowsDecode,
)
from edgecnn.bundle.manifest import Manifest, Variant
from edgecnn.data.scoring import wilson_interval
from edgecnn_export.tasks.base import TaskScore
from edgecnn_export.tolerances import FEW_SAMPLES


def write_card(
    manifest_facts: Sequence[tuple[str, str]], variants: Sequence[tuple[Variant, str]], group: str,
    reference: TaskScore, gate: str, notes: str,
) -> str:  # fmt: skip
    """Return the card as markdown.

    Args:
        manifest_facts: name and value of each fact to list.
        variants: what was exported, each with its rung of the ladder.
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
    lines += ["", *_variant_table(variants)]
    lines += _float_layers(variants)
    if reference.groups:
        lines += ["", *_group_table(group, reference)]
    if notes:
        lines += ["", notes.strip()]
    return "\n".join(lines) + "\n"


def _variant_table(variants: Sequence[tuple[Variant, str]]) -> list[str]:
    metric = variants[0][0].metric.name
    rows = [f"| variant | scheme | rung | bytes | n | {metric} | drop, points (95 %) | cosine | "
            "SQNR dB |", "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for v, rung in variants:
        m, p = v.metric, v.parity
        rows.append(
            f"| {v.format}-{v.precision} | {v.scheme} | {rung} | {v.bytes} | {m.samples} | "
            f"{m.value:.4f} | {m.drop:.2f} ({m.drop_low:.2f} to {m.drop_high:.2f}) | "
            f"{p.cosine:.5f} | {p.sqnr_db:.1f} |"
        )
    return rows


def _float_layers(variants: Sequence[tuple[Variant, str]]) -> list[str]:
    """Name the layers that stayed in float, and say what a climb was scored on."""
    lines = [
        f"{v.format}-{v.precision} keeps in float: {', '.join(v.excluded_layers)}."
        for v, _ in variants
        if v.excluded_layers
    ]
    if any(rung != "plain" for _, rung in variants):
        lines.append(
            "Where the rung is not plain, half of the gate set chose it and the other half, which "
            "no choice has seen, scored it."
        )
    return ["", *lines] if lines else []


def _group_table(group: str, reference: TaskScore) -> list[str]:
    title = f"| {group} | n | {reference.group_value}, float | 95 % interval |"
    rows = [title, "|---|---|---|---|"]
    for part in reference.groups:
        right = round(part.value * part.samples)
        low, high = part.interval or wilson_interval(right, part.samples)
        rows.append(
            f"| {part.name} | {part.samples} | {part.value:.4f} | {low:.4f} to {high:.4f} |"
        )
    return rows


def facts_of(manifest: Manifest) -> list[tuple[str, str]]:
    """Return the facts that the card lists, title first."""
    spec = manifest.input
    least = "at least " if spec.resize == "none" else ""
    return [
        ("name", manifest.name),
        ("task", manifest.task),
        ("architecture", manifest.architecture),
        ("input", f"{least}{spec.height} x {spec.width} x {spec.channels}, {spec.colour}"),
        _outputs(manifest),
        *_matching(manifest),
        ("licence", manifest.licence),
        ("training data", manifest.provenance.strip()),
        ("calibration", _calibration(manifest)),
        ("source checkpoint", f"sha256 {manifest.source_sha256}"),
    ]


def _outputs(manifest: Manifest) -> tuple[str, str]:
    match manifest.decode:
        case ReadDecode(currencies=currencies):
            return "currencies", ", ".join(currencies)
        case LabelsDecode(labels=labels):
            return "classes", ", ".join(labels)
        case VectorDecode(size=size):
            return "output", f"a vector of {size} numbers"
        case TensorsDecode(names=names):
            return "outputs", ", ".join(names)
        case PointsDecode(names=names):
            return "points", ", ".join(names)
        case AnchorsDecode(labels=labels) | WindowsDecode(labels=labels) | BoxDecode(labels=labels):
            return "classes", ", ".join(labels)


def _matching(manifest: Manifest) -> list[tuple[str, str]]:
    """Say how rarely two different people match, where it was measured."""
    if not isinstance(manifest.decode, VectorDecode) or manifest.decode.curve is None:
        return []
    curve = manifest.decode.curve
    return [
        ("false matches", f"measured down to {curve.end:.2g} on {curve.pairs} pairs of "
         f"{curve.people} people ({curve.data}); {curve.default_fmr:.2g} where nothing is asked")
    ]  # fmt: skip


def _calibration(manifest: Manifest) -> str:
    found = manifest.calibration
    return f"{found.id}, {found.samples} samples, sha256 {found.sha256}" if found else "none"
