"""The report beside a bundle: JSON for programs, and a plot of accuracy against latency."""

from __future__ import annotations

import io
import json
from pathlib import Path

from edgecnn.files import write_atomic
from edgecnn_export.result import Exported, ExportedVariant


def report(result: Exported) -> dict[str, object]:
    """Return the JSON object of ``edgecnn export``."""
    return {
        "bundle": str(result.bundle),
        "passed": result.passed,
        "seconds": round(result.seconds, 1),
        "gate": {"data": result.gate, "samples": result.float_score.samples,
                 "metric": result.metric, "float": result.float_score.value,
                 "max_drop": result.max_drop},
        "variants": [_variant(v) for v in result.variants],
        "slower": list(result.slower()),
    }  # fmt: skip


def _variant(exported: ExportedVariant) -> dict[str, object]:
    v = exported.variant
    plain = exported.plain
    return {
        "file": v.file, "format": v.format, "precision": v.precision, "scheme": v.scheme,
        "bytes": v.bytes, "ms": round(exported.ms, 3),
        "parity": _numbers(v.parity.max_abs, v.parity.cosine, v.parity.sqnr_db),
        "outputs": [_numbers(p.max_abs, p.cosine, p.sqnr_db) for p in exported.parities],
        "metric": {"name": v.metric.name, "value": v.metric.value, "samples": v.metric.samples,
                   "drop": v.metric.drop, "drop_low": v.metric.drop_low,
                   "drop_high": v.metric.drop_high},
        "rung": exported.rung, "method": exported.method, "improvement": exported.improvement,
        "excluded": list(v.excluded_layers),
        "steps": [{"rung": s.rung, "drop": s.drop, "passed": s.passed, "detail": s.detail}
                  for s in exported.steps],
        "cost": None if plain is None else {"bytes": v.bytes - plain.bytes,
                                            "ms": round(exported.ms - plain.ms, 3)},
        "sensitivity": [{"layer": s.layer, "sqnr_db": round(s.sqnr_db, 2)}
                        for s in exported.sensitivity],
        "passed": exported.verdict.passed, "reason": exported.verdict.reason,
    }  # fmt: skip


def _numbers(max_abs: float, cosine: float, sqnr_db: float) -> dict[str, float]:
    return {"max_abs": max_abs, "cosine": cosine, "sqnr_db": sqnr_db}


def write_report(result: Exported, out: Path) -> None:
    """Write ``OUT.report.json`` and, for a bundle that passed, ``OUT.report.png``.

    Args:
        result: what to report.
        out: the bundle's name as it was asked for; a rejected one's report ends in ``.rejected``.
    """
    stem = out.name.removesuffix(".edge")
    name = f"{stem}.report.json" + ("" if result.passed else ".rejected")
    data = (json.dumps(report(result), indent=2) + "\n").encode()
    write_atomic(out.with_name(name), data, overwrite=True)
    if result.passed:
        write_atomic(out.with_name(f"{stem}.report.png"), draw_plot(result), overwrite=True)


def draw_plot(result: Exported) -> bytes:
    """Return a PNG: each variant's metric, with the interval of its drop, against its latency."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for item in result.variants:
        m = item.variant.metric
        value = 100 * m.value
        span = [[max(0.0, m.drop_high - m.drop)], [max(0.0, m.drop - m.drop_low)]]
        axes.errorbar(item.ms, value, yerr=span, fmt="o", capsize=3, label=item.name)
        axes.annotate(item.name, (item.ms, value), textcoords="offset points", xytext=(6, 6))
    reference = 100 * result.float_score.value
    axes.axhline(reference, linestyle=":", color="grey")
    axes.axhline(reference - result.max_drop, linestyle="--", color="firebrick")
    axes.set_xlabel("median of an inference here, ms, one thread")
    axes.set_ylabel(f"{result.metric}, %")
    axes.set_title("dotted: the float model; dashed: what may be lost", fontsize=9)
    axes.set_xlim(left=0)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return data.getvalue()
