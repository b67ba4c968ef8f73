"""Reads whole pictures of banknotes with ours, rapidocr and tesseract, in one run.

    EDGECNN_DATA=... python tests/bench/notes.py [--sets inr,warped] [--generated DIR] [--json FILE]

Prints a table per set. The sets:

* generated: with --generated, a folder that `edgecnn data synth notes` wrote (the first lines of
  held-out-notes.yaml, beside this file, give the command);
* inr, krw, jpy, rub: real photographs and scans of banknotes/ in EDGECNN_DATA;
* usd: its flat scans of dollars; warped: the same laid on generated desks, at any angle, tilted by
  up to 25 degrees, 1280 x 720;
* backs: backs of dollars; none: 500 pictures without notes (imagenet_sample_even.tar).

None of these pictures trained or chose anything of ours. Each picture goes to every reader in turn.
The rivals get the grammars of all five currencies (note_grammar.py says how), and their answers are
kept in build/notes/rivals by the picture's hash: a second run costs nothing, and shows times only
for what it measured itself. Every reader has one thread unless --rival-threads says otherwise.

Needs `pip install rapidocr` and Debian's tesseract-ocr; a rival that is not there is left out, and
said. Pictures that ours missed are drawn into build/notes/misses; they may not be passed on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

sys.path.insert(0, str(Path(__file__).parent))

from note_misses import draw_miss
from note_scores import Answer, judge
from note_sets import Scene, evenly, generated_scenes, real_scenes, scenes_without_notes
from note_systems import Ours, System, rivals
from note_tables import Row, Said, rows_of, show, show_details, write_json
from note_warp import warped
from serials import LOOKED_AT_NOTE

from edgecnn.cli.output import note
from edgecnn.errors import EdgecnnError

SETS = ("generated", "inr", "usd", "warped", "krw", "jpy", "rub", "backs", "none")


def load(key: str, options: argparse.Namespace) -> list[Scene]:
    """Return the pictures of a set."""
    data = Path(os.environ.get("EDGECNN_DATA", "../shared/data"))
    if key == "generated":
        return generated_scenes(options.generated) if options.generated else []
    if not data.is_dir():
        note(f"left out: {key}: {data} is absent (set EDGECNN_DATA)")
        return []
    if key == "none":
        return scenes_without_notes(data / "imagenet_sample_even.tar")
    currency = "USD" if key in {"usd", "warped", "backs"} else key.upper()
    scenes = real_scenes(data / "banknotes", currency, key == "backs", options.labels_as_given)
    return [warped(scene) for scene in scenes] if key == "warped" else scenes


def ask(key: str, scenes: Sequence[Scene], ours: System | None, others: Sequence[System],
        options: argparse.Namespace) -> list[Said]:  # fmt: skip
    """Show each picture to every reader in turn; the rivals see an even part of them."""
    theirs = {id(s) for s in evenly(scenes, options.rival_limit)}
    mine = [] if ours is None else [ours]
    for stale in (options.misses / key).glob("*.png") if mine else ():
        stale.unlink()
    said: dict[str, tuple[list[Scene], list[Answer]]] = {s.name: ([], []) for s in (*mine, *others)}
    for number, scene in enumerate(scenes, 1):
        systems = [*mine, *(others if id(scene) in theirs else ())]
        image = scene.read() if systems else None
        for system in systems[:: 1 if number % 2 else -1]:  # nobody is always first
            assert image is not None
            answer = system(image.copy())
            said[system.name][0].append(scene)
            said[system.name][1].append(answer)
            if system is ours:
                _draw(key, scene, image, answer, options.misses)
        _progress(f"{key}: {number} / {len(scenes)}")
    _progress("\n")
    return [Said(name, tuple(a), tuple(b)) for name, (a, b) in said.items()]


def _draw(key: str, scene: Scene, image: Any, answer: Answer, folder: Path) -> None:
    score = judge(scene, answer)
    if score.wrong or not all(n.right for n in score.notes):
        draw_miss(scene, image, answer, score, folder / key)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", default=",".join(SETS), help="of them, with commas between")
    parser.add_argument("--generated", type=Path, help="folder of generated notes")
    parser.add_argument("--limit", type=int, help="most pictures of a set, evenly chosen")
    parser.add_argument("--detector", default="note-detector", help="bundle or zoo name")
    parser.add_argument("--reader", default="serial-reader", help="bundle or zoo name")
    parser.add_argument("--variant", default="tflite-int8")
    parser.add_argument("--no-ours", action="store_true", help="the rivals alone")
    parser.add_argument("--no-rivals", action="store_true")
    parser.add_argument("--rival-limit", type=int, default=100,
                        help="most of a set for the rivals, evenly chosen (100)")  # fmt: skip
    parser.add_argument("--rival-threads", type=int, default=1, help="0: their own default (1)")
    parser.add_argument("--rival-answers", type=Path, default=Path("build/notes/rivals"),
                        help="folder of kept answers")  # fmt: skip
    parser.add_argument("--misses", type=Path, default=Path("build/notes/misses"),
                        help="folder for drawings of what ours missed")  # fmt: skip
    parser.add_argument("--labels-as-given", action="store_true",
                        help="without the corrections of note_corrections.py")  # fmt: skip
    parser.add_argument("--json", type=Path, help="file for every number and answer")
    options = parser.parse_args()
    options.sets = [key for key in options.sets.split(",") if key]
    unknown = sorted(set(options.sets) - set(SETS))
    if unknown:
        parser.error(f"--sets: expected some of {', '.join(SETS)}, got {', '.join(unknown)}")
    if options.generated and not options.generated.is_dir():
        parser.error(f"--generated: expected a folder of `edgecnn data synth notes`, got "
                     f"{options.generated}")  # fmt: skip
    if options.no_ours and options.no_rivals:
        parser.error("--no-ours and --no-rivals leave no reader")
    return options


def main() -> None:
    """Run the sets through every reader that is there."""
    options = parse()
    cv2.setNumThreads(1)
    ours = None if options.no_ours else Ours(options.detector, options.reader, options.variant)
    others, missing = ([], []) if options.no_rivals else rivals(
        options.rival_threads, options.rival_answers
    )  # fmt: skip
    for reason in missing:
        note(f"left out: {reason}")
    print("No picture below trained or chose anything of ours. Looked at before the reader of "
          f"single lines was scored: the first 20 USD scans and the INR note {LOOKED_AT_NOTE}. "
          "Every INR picture was looked at to check its label.")  # fmt: skip
    rows: list[Row] = []
    everything: dict[str, list[Said]] = {}
    for key in options.sets:
        scenes = evenly(load(key, options), options.limit)
        if not scenes:
            continue
        said = ask(key, scenes, ours, others, options)
        found = rows_of(key, said)
        show(key, found)
        show_details(key, said)
        rows += found
        everything[key] = said
        if options.json:  # after each set: a long run may be stopped
            write_json(options.json, rows, everything)


if __name__ == "__main__":
    try:
        main()
    except EdgecnnError as error:
        sys.exit(f"error: {error}")
