"""``edgecnn faces curve``: which similarity goes with which rate of false matches."""

from __future__ import annotations

from pathlib import Path

import click

from edgecnn.cli.faces_common import (
    bundle_option,
    detector_option,
    open_embedders,
    open_finder,
    progress,
)
from edgecnn.cli.output import json_option, note, print_json, print_table, threads_option

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("curve")
@click.option(
    "--images", required=True, type=click.Path(path_type=Path),
    help="A folder with a folder of pictures for each person, or a tar or zip of one.",
)  # fmt: skip
@click.option("--people", type=_FILE, help="Take those of this list alone, a name on each line.")
@click.option("-o", "--output", required=True, type=_FILE, help="The bundle with its curve.")
@bundle_option
@detector_option
@click.option(
    "--default-fmr", type=click.FloatRange(0, 1, min_open=True), default=1e-4, show_default=True,
    help="Rate at which to decide where none is asked for; raised to the curve's end.",
)  # fmt: skip
@threads_option
@click.option("--sign", "key", type=_FILE, metavar="KEY", help="A private key of edgecnn keygen.")
@click.option("--overwrite", is_flag=True, help="Replace an existing bundle.")
@json_option
def command(
    images: Path, people: Path | None, output: Path, bundle: str, detector: str,
    default_fmr: float, threads: int, key: Path | None, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Measure a curve on people nobody trained with, and write the bundle again with it.

    Every picture of a person is compared with every picture of all others. The curve holds for all
    variants that run here, and ends at 3 in the number of those pairs.
    """
    from edgecnn.bundle.rewrite import with_decode
    from edgecnn.bundle.sign import load_private_key
    from edgecnn.data.face_pairs import find_people
    from edgecnn.files import refuse_existing
    from edgecnn_device.faces.decision import describe_default
    from edgecnn_device.faces.evaluate import gather, measure_curves

    refuse_existing(output, overwrite)
    signer = None if key is None else load_private_key(key)
    chosen = _chosen(find_people(images), people)
    files = [(name, path) for name, paths in chosen.items() for path in paths]
    finder, (opened, embedders) = open_finder(detector, threads), open_embedders(
        bundle, None, threads
    )  # fmt: skip
    with progress("pictures") as show:
        gathered = gather(finder, list(embedders.values()), [path for _, path in files], show)
    seen = int(gathered.found.sum())
    data = f"{seen} pictures of {images.name} through {finder.name}, {', '.join(embedders)}"
    curve = measure_curves(gathered, [name for name, _ in files], data, default_fmr)
    decode = opened.manifest.decode.model_copy(update={"curve": curve})
    with_decode(opened, decode, output, key=signer, overwrite=overwrite)
    if as_json:
        print_json({"bundle": str(output), **curve.model_dump()})
        return
    rows = [(f"{rate:.2g}", f"{score:.4f}") for rate, score in curve.points]
    print_table(str(output), ("false-match rate", "cosine above"), rows)
    note(f"edgecnn: {data}: {describe_default(curve)}")


def _chosen(found: dict[str, tuple[Path, ...]], people: Path | None) -> dict[str, tuple[Path, ...]]:
    """Return the people of a list, or all."""
    from edgecnn.errors import DataError

    if people is None:
        return found
    try:
        names = [line.strip() for line in people.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{people}: cannot be read as a list of names: {error}") from error
    wanted = [name for name in names if name]
    if missing := [name for name in wanted if name not in found]:
        raise DataError(
            f"{people}: {len(missing)} of {len(wanted)} people have no pictures, such as "
            f"{missing[0]!r}"
        )
    return {name: found[name] for name in sorted(set(wanted))}
