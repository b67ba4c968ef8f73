"""``edgecnn faces evaluate``: how well pairs of one person are told from pairs of two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.faces_common import (
    bundle_option,
    detector_option,
    open_embedders,
    open_finder,
    progress,
)
from edgecnn.cli.output import (
    json_option,
    note,
    print_json,
    print_table,
    threads_option,
    variant_option,
)

if TYPE_CHECKING:
    from edgecnn.data.verification import Interval, VerificationScore

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("evaluate")
@click.option("--pairs", required=True, type=_FILE, help="A file of pairs, as LFW writes them.")
@click.option(
    "--images", required=True, type=click.Path(path_type=Path),
    help="A folder with a folder of pictures for each person, or a tar or zip of one.",
)  # fmt: skip
@click.option(
    "--fold", type=click.IntRange(1),
    help="Score this fold alone, at the threshold that is best on the others: for a network that "
    "saw people of theirs.",
)  # fmt: skip
@bundle_option
@detector_option
@variant_option
@threads_option
@click.option(
    "--save", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Draw the receiver operating characteristic into roc.png there.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an earlier roc.png.")
@json_option
def command(
    pairs: Path, images: Path, fold: int | None, bundle: str, detector: str, variant: str | None,
    threads: int, save: Path | None, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Score a detector and an embedder on pairs of pictures, by the protocol of LFW.

    Each fold is judged at the threshold that is best on the others. A face that is not found is an
    error at every threshold. Where a picture shows several, the one nearest to its middle counts.
    Intervals are of 95 %, with people drawn with replacement.

    Without --variant every variant of the embedder is scored; with --json that is one object per
    line.
    """
    from edgecnn.bundle.decode import VectorDecode
    from edgecnn.data.face_pairs import find_people, find_portraits, read_pairs
    from edgecnn.data.verification import score_pairs
    from edgecnn.files import refuse_existing, write_atomic
    from edgecnn_device.faces.decision import describe_default
    from edgecnn_device.faces.evaluate import gather, highest_stranger, similarities

    plot = None if save is None else save / "roc.png"
    if plot is not None:
        refuse_existing(plot, overwrite)
    wanted = read_pairs(pairs)
    files = find_portraits(find_people(images), wanted.portraits)
    finder, (opened, embedders) = open_finder(detector, threads), open_embedders(
        bundle, variant, threads
    )  # fmt: skip
    with progress("pictures") as show:
        gathered = gather(finder, list(embedders.values()), list(files.values()), show)
    people = [portrait.person for portrait in files]
    scores: dict[str, VerificationScore] = {}
    for name, vectors in zip(embedders, gathered.vectors, strict=True):
        alike = similarities(vectors, tuple(files), wanted)
        scores[name] = score_pairs(alike, wanted, fold=None if fold is None else fold - 1)
        stranger = highest_stranger(vectors, people)
        if as_json:
            print_json(_as_json(name, scores[name], stranger))
        else:
            _print(name, scores[name], stranger)
    missed = int((~gathered.found).sum())
    note(f"edgecnn: {missed} of {len(files)} pictures without a face; the quality check would turn "
         f"away {gathered.turned_away} more")  # fmt: skip
    if isinstance(rules := opened.manifest.decode, VectorDecode) and rules.curve is not None:
        note(f"edgecnn: {describe_default(rules.curve)}")
    if plot is not None:
        from edgecnn.data.roc_plot import draw_roc

        title = (
            f"{opened.manifest.name} through {finder.name}, {len(people)} pictures, {pairs.name}"
        )
        write_atomic(plot, draw_roc(scores, title), overwrite=overwrite)
        note(f"edgecnn: {plot}")


def _as_json(name: str, score: VerificationScore, stranger: float) -> dict[str, object]:
    tar = {_rate(far): interval for far, interval in score.tar.items()}
    return {
        "pairs": score.pairs, "folds": score.folds,
        "accuracy_mean": round(score.accuracy.value, 5),
        "accuracy_std": round(score.accuracy_std, 5), "eer": round(score.eer.value, 5),
        "tar": {rate: round(one.value, 5) for rate, one in tar.items()},
        "failures": score.failures, "variant": name,
        "intervals": {
            "accuracy": _ends(score.accuracy), "eer": _ends(score.eer),
            "tar": {rate: _ends(one) for rate, one in tar.items()},
        },
        "highest_stranger": round(stranger, 4),
    }  # fmt: skip


def _ends(interval: Interval) -> list[float]:
    return [round(interval.low, 5), round(interval.high, 5)]


def _rate(far: float) -> str:
    return f"{far:.0e}".replace("e-0", "e-")


def _print(name: str, score: VerificationScore, stranger: float) -> None:
    rows = [("accuracy", *_percent(score.accuracy)), ("equal error rate", *_percent(score.eer))]
    rows += [(f"accepted at {_rate(f)} false accepts", *_percent(t)) for f, t in score.tar.items()]
    title = f"{name}: {score.pairs} pairs in {score.folds} folds"
    print_table(title, ("%", "", "95 % interval"), rows)
    click.echo(
        f"accuracy's standard deviation over folds {100 * score.accuracy_std:.2f} points; "
        f"{score.failures} pairs without a face; two people are alike by {stranger:.3f} at most"
    )


def _percent(one: Interval) -> tuple[str, str]:
    return f"{100 * one.value:.2f}", f"{100 * one.low:.2f} to {100 * one.high:.2f}"
