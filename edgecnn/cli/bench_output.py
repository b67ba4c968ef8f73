"""What ``edgecnn bench`` says, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import print_table

if TYPE_CHECKING:
    from edgecnn.bundle.manifest import Manifest
    from edgecnn.targets import Target
    from edgecnn_device.bench import Bench, Measured
    from edgecnn_device.sensors import Reading
    from edgecnn_device.sustained import Sustained

_COLUMNS = (
    "variant", "bytes", "load ms", "first ms", "p50 ms", "p90", "p99", "decode ms", "peak MiB",
    "golden",
)  # fmt: skip


def print_bench(found: Bench) -> None:
    """Print the table, where int8 does not pay, and the choice."""
    rows = []
    for m in found.variants:
        a, t = m.alone, m.timed
        rows.append((_name(m), f"{m.variant.bytes:,}", f"{a.load_ms:.1f}", f"{a.first_ms:.2f}",
                     f"{t.p50_ms:.2f}", f"{t.p90_ms:.2f}", f"{t.p99_ms:.2f}",
                     f"{t.decode_ms:.3f}", f"{a.peak_mb:.0f}",
                     "passed" if m.passed else "FAILED"))  # fmt: skip
    threads = f"{found.threads} thread{'s' if found.threads > 1 else ''}"
    print_table(f"{found.machine}, {found.runtimes}, {threads}", _COLUMNS, rows)
    for m in found.variants:
        if m.build_ms is not None:
            click.echo(f"{_name(m)}: the engine was built in {m.build_ms / 1e3:.0f} s, once")
    for line in slower(found):
        click.echo(line)
    kept = f" (remembered in {found.remembered})" if found.remembered else ""
    click.echo(f"Fastest: {_name(found.chosen)}{kept}")


def slower(found: Bench) -> list[str]:
    """Say so where int8 does not pay."""
    p50 = {(m.variant.format, m.variant.precision, m.alone.provider): m.timed.p50_ms
           for m in found.variants}  # fmt: skip
    lines = []
    for (kind, precision, provider), ms in p50.items():
        fp32 = p50.get((kind, "fp32", provider), ms)
        if precision.startswith("int8") and ms > fp32:
            on = "" if provider == "CPU" else f" on {provider}"
            lines.append(f"{kind}: {precision} is slower here{on} ({ms:.2f} ms against "
                         f"{fp32:.2f} ms)")  # fmt: skip
    return lines


def target_lines(target: Target, manifest: Manifest, machine: str) -> list[str]:
    """Say what to export and run for a board."""
    formats = " ".join(f"--format {f}" for f in target.formats)
    precisions = " ".join(f"--precision {p}" for p in target.precisions)
    lines = [
        f"{target.name}: export with --target {target.name} ({formats} {precisions}); run with "
        f"{target.threads} thread{'s' if target.threads > 1 else ''}",
        *(f"{target.name}: {text}" for text in target.notes),
    ]
    missing = target.missing(tuple((v.format, v.precision) for v in manifest.variants))
    if missing:
        lines.append(f"{target.name}: this bundle has no {', '.join(missing)}")
    if target.board not in machine:
        lines.append(f"{target.name}: this is {machine}, not that board: its times are measured "
                     "there")  # fmt: skip
    return lines


def print_sustained(found: Bench, pace: Sustained) -> None:
    """Print a row per window, then what it comes to, and what the board does not tell."""
    rows = [
        (f"{w.end_s:.1f}", f"{w.runs:,}", f"{w.p50_ms:.2f}", f"{w.p99_ms:.2f}",
         _or_dash(w.reading.celsius, ".1f"), _or_dash(w.reading.mhz, ".0f"),
         _states(w.reading.throttled))
        for w in pace.windows
    ]  # fmt: skip
    title = f"{_name(found.chosen)} without a pause"
    columns = ("until s", "runs", "p50 ms", "p99", "°C", "MHz", "throttled")
    print_table(title, columns, rows)
    first, last = pace.windows[0], pace.windows[-1]
    click.echo(f"Drift: {pace.drift_percent:+.1f} % (median {first.p50_ms:.2f} ms in the first "
               f"window, {last.p50_ms:.2f} in the last; {pace.worst_percent:+.1f} % in the "
               "slowest)")  # fmt: skip
    if pace.hottest is not None:
        click.echo(f"Hottest: {pace.hottest:.1f} °C")
    if pace.throttled is not None:
        click.echo(f"Held back by: {', '.join(sorted(pace.throttled)) or 'nothing'}")
    for what in not_told(pace):
        click.echo(f"This machine does not tell its {what}")


def not_told(pace: Sustained) -> list[str]:
    """List what the board kept to itself."""
    last = pace.windows[-1].reading
    told = {"temperature": pace.hottest, "clock": last.mhz, "throttling": pace.throttled}
    return [what for what, value in told.items() if value is None]


def as_object(found: Bench, target: Target | None, pace: Sustained | None) -> dict[str, object]:
    """Return the JSON object of the verb."""
    result: dict[str, object] = {
        "machine": found.machine, "runtimes": found.runtimes, "threads": found.threads,
        "integer_dot_product": found.dot_product,
        "variants": [_row(m) for m in found.variants],
        "chosen": _key(found.chosen),
        "warnings": list(found.warnings),
    }  # fmt: skip
    if target is not None:
        result["target"] = target.name
    if pace is not None:
        result["sustained"] = {
            "variant": _key(found.chosen), "seconds": pace.windows[-1].end_s,
            "drift_percent": pace.drift_percent, "worst_percent": pace.worst_percent,
            "celsius_max": pace.hottest,
            "throttled": None if pace.throttled is None else sorted(pace.throttled),
            "not_told": not_told(pace), "start": _reading(pace.start),
            "windows": [
                {"end_s": w.end_s, "runs": w.runs, "p50_ms": w.p50_ms, "p99_ms": w.p99_ms,
                 **_reading(w.reading)}
                for w in pace.windows
            ],
        }  # fmt: skip
    return result


def _row(m: Measured) -> dict[str, object]:
    return {
        **_key(m), "bytes": m.variant.bytes, "load_ms": m.alone.load_ms,
        "first_ms": m.alone.first_ms, "p50_ms": m.timed.p50_ms, "p90_ms": m.timed.p90_ms,
        "p99_ms": m.timed.p99_ms, "decode_ms": m.timed.decode_ms, "peak_mb": m.alone.peak_mb,
        "passed": m.passed, "build_ms": m.build_ms,
    }  # fmt: skip


def _key(m: Measured) -> dict[str, object]:
    found: dict[str, object] = {"format": m.variant.format, "precision": m.variant.precision}
    return found if m.alone.provider == "CPU" else {**found, "provider": m.alone.provider}


def _reading(reading: Reading) -> dict[str, object]:
    throttled = None if reading.throttled is None else sorted(reading.throttled)
    return {"celsius": reading.celsius, "mhz": reading.mhz, "throttled": throttled}


def _name(m: Measured) -> str:
    on = "" if m.alone.provider == "CPU" else f" on {m.alone.provider}"
    return f"{m.variant.format}-{m.variant.precision}{on}"


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _states(states: frozenset[str] | None) -> str:
    return "-" if states is None else ", ".join(sorted(states)) or "no"
