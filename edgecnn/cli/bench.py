"""``edgecnn bench``: every variant of a bundle on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import find_bundle, json_option, print_json, print_table, threads_option

if TYPE_CHECKING:
    from edgecnn_device.bench import Bench


@click.command("bench")
@click.argument("bundle")
@click.option(
    "--rounds",
    type=click.IntRange(10),
    default=300,
    show_default=True,
    help="Inferences per variant; the variants take turns.",
)
@threads_option
@json_option
def command(bundle: str, rounds: int, threads: int, as_json: bool) -> None:
    """Measure BUNDLE's variants and remember the fastest for `edgecnn run`."""
    from edgecnn_device.bench import bench

    found = bench(find_bundle(bundle), rounds=rounds, threads=threads)
    if as_json:
        print_json(_as_json(found))
        return
    columns = (
        "variant",
        "bytes",
        "load ms",
        "first ms",
        "p50 ms",
        "p90",
        "p99",
        "decode ms",
        "peak MB",
    )
    rows = [
        (f"{m.variant.format}-{m.variant.precision}", f"{m.variant.bytes:,}", f"{m.load_ms:.1f}",
         f"{m.first_ms:.2f}", f"{m.p50_ms:.2f}", f"{m.p90_ms:.2f}", f"{m.p99_ms:.2f}",
         f"{m.decode_ms:.3f}", f"{m.peak_mb:.0f}")
        for m in found.variants
    ]  # fmt: skip
    print_table(f"{found.machine}, {found.runtimes}, {found.threads} thread(s)", columns, rows)
    for line in _slower(found):
        click.echo(line)
    click.echo(f"Fastest: {found.chosen.format}-{found.chosen.precision}"
               + (f" (remembered in {found.remembered})" if found.remembered else ""))  # fmt: skip


def _slower(found: Bench) -> list[str]:
    """Say so where int8 does not pay."""
    p50 = {(m.variant.format, m.variant.precision): m.p50_ms for m in found.variants}
    return [
        f"{kind}: int8 is slower here ({ms:.2f} ms against {p50[kind, 'fp32']:.2f} ms)"
        for (kind, precision), ms in p50.items()
        if precision == "int8" and ms > p50.get((kind, "fp32"), ms)
    ]


def _as_json(found: Bench) -> dict[str, object]:
    variants = [
        {"format": m.variant.format, "precision": m.variant.precision, "bytes": m.variant.bytes,
         "load_ms": m.load_ms, "first_ms": m.first_ms, "p50_ms": m.p50_ms, "p90_ms": m.p90_ms,
         "p99_ms": m.p99_ms, "decode_ms": m.decode_ms, "peak_mb": m.peak_mb, "passed": True}
        for m in found.variants
    ]  # fmt: skip
    chosen = {"format": found.chosen.format, "precision": found.chosen.precision}
    return {"machine": found.machine, "runtimes": found.runtimes, "threads": found.threads,
            "variants": variants, "chosen": chosen}  # fmt: skip
