"""What ``edgecnn export`` prints for a person."""

from __future__ import annotations

import click

from edgecnn.cli.output import print_table
from edgecnn_export import Exported
from edgecnn_export.result import ExportedVariant
from edgecnn_export.tolerances import FEW_SAMPLES


def show(exported: Exported) -> None:
    """Print the verdicts, what each climb took and cost, and where int8 does not pay."""
    score = exported.float_score
    columns = ("variant", "rung", "bytes", "ms", exported.metric, "drop, points (95 %)",
               "SQNR dB", "gate")  # fmt: skip
    rows = []
    for item in exported.variants:
        v, m, p = item.variant, item.variant.metric, item.variant.parity
        drop = f"{m.drop:.2f} ({m.drop_low:.2f} to {m.drop_high:.2f})"
        verdict = "passed" if item.verdict.passed else "MISSED"
        rows.append((item.name, item.rung, f"{v.bytes:,}", f"{item.ms:.2f}", f"{m.value:.4f}",
                     drop, f"{p.sqnr_db:.1f}", verdict))  # fmt: skip
    title = f"Gate on {exported.gate}: n = {score.samples}, float {score.value:.4f}"
    print_table(title, columns, rows)
    for item in exported.variants:
        _show_climb(item)
    for line in exported.slower():
        click.echo(line)
    if score.samples < FEW_SAMPLES:
        click.echo(f"The gate scored {score.samples} samples, fewer than {FEW_SAMPLES}: "
                   "the intervals are wide.")  # fmt: skip
    click.echo(f"{exported.bundle}: {exported.seconds:.0f} s")


def _show_climb(item: ExportedVariant) -> None:
    """Say which rungs were tried, and what the last one cost."""
    for step in item.steps:
        drop = "" if step.drop is None else f"drop {step.drop:.2f}: "
        click.echo(f"{item.variant.format}, {step.rung}: {drop}{step.detail or 'passed'}")
    if item.plain is not None:
        size = item.variant.bytes - item.plain.bytes
        click.echo(f"{item.name}: {item.rung} costs {size:+,} bytes and "
                   f"{item.ms - item.plain.ms:+.2f} ms against plain int8, and was scored on "
                   f"{item.variant.metric.samples} samples that chose nothing.")  # fmt: skip
