"""Reads the same serial lines with ours, rapidocr and tesseract, in one run, and prints tables.

    python tests/bench/serials.py [--lines 1000] [--rival-lines 200] [--variant tflite-int8]

Two sets, neither of which trained or chose anything of ours:

* held-out generated lines (held-out.yaml: other fonts, other backgrounds, harder camera);
* every serial of banknotes/ in EDGECNN_DATA whose quad is known, cut out and straightened. Their
  first edge is not always the reading direction, so each crop is offered both ways up to each
  reader, and its surer reading counts; a crop that stands upright is first laid on its side.

Rivals get the grammars too: `edgecnn.vision.serials.snap` repairs their text by position. Needs
`pip install rapidocr` and Debian's tesseract-ocr; a rival that is not there is left out, and said.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

from rivals import Rival, rapidocr_recognizer, tesseract_line

from edgecnn.cli.output import find_bundle, print_table
from edgecnn.data.lines import load_lines
from edgecnn.data.samples import LineSample
from edgecnn.data.scoring import same_serial, wilson_interval
from edgecnn.data.synth.lines import LineGenerator
from edgecnn.data.synth.write import load_profile
from edgecnn.vision.serials import GRAMMARS, snap
from edgecnn_device import Runner, open_runner
from edgecnn_device.tasks.read import serial_of

HERE = Path(__file__).parent
SEED = 9001
LOOKED_AT = ("KRW_1000.jpg", *(f"USD_{number:04d}.jpg" for number in range(1, 21)))
"""Pictures that were looked at while generator and decoder were written (the decoder's look-alikes
come from the dollars among them); the INR note below likewise."""
LOOKED_AT_NOTE = "7AR441695"

Image = NDArray[np.uint8]
Guess = tuple[str, float]
"""Serial (empty: none) and confidence."""
Reader = Callable[[Image], Guess]


def ours(runner: Runner) -> Reader:
    """Read with a bundle."""

    def read(image: Image) -> Guess:
        found = serial_of(runner(image))
        return (found.text, found.confidence) if found else ("", 0.0)

    return read


def with_grammar(rival: Rival) -> Reader:
    """Read with a rival and repair its text by the grammars."""

    def read(image: Image) -> Guess:
        reading = rival.read(image)
        found = snap(reading.text)
        return (found.text, reading.confidence) if found else ("", 0.0)

    return read


def either_way(read: Reader) -> Reader:
    """Offer a crop both ways up and take the surer reading."""

    def both(image: Image) -> Guess:
        lying = np.rot90(image) if image.shape[0] > image.shape[1] else image
        ways = (np.ascontiguousarray(lying), np.ascontiguousarray(np.rot90(lying, 2)))
        return max((read(way) for way in ways), key=lambda guess: (bool(guess[0]), guess[1]))

    return both


def score(
    read: Reader, samples: Sequence[LineSample], fold_case: bool
) -> tuple[list[bool], list[bool], float]:
    """Return right and wrong (given, not right) per sample, and the mean ms."""
    right, wrong = [], []
    begun = time.perf_counter()
    for sample in samples:
        text, _ = read(sample.image)
        label = sample.text
        if fold_case:
            text, label = text.casefold(), label.casefold()
        right.append(same_serial(text, label))
        wrong.append(bool(text) and not right[-1])
    return right, wrong, 1e3 * (time.perf_counter() - begun) / max(1, len(samples))


def report(title: str, name: str, samples: Sequence[LineSample], right: Sequence[bool],
           wrong: Sequence[bool], ms: float, by: Callable[[LineSample], str]) -> None:  # fmt: skip
    """Print shares with their intervals, per group and in all."""
    groups: dict[str, list[int]] = {}
    for index, sample in enumerate(samples):
        groups.setdefault(by(sample), []).append(index)
    rows = []
    for group, members in (*sorted(groups.items()), ("all", list(range(len(samples))))):
        hits = sum(right[i] for i in members)
        low, high = wilson_interval(hits, len(members))
        rows.append((group, f"{hits} / {len(members)}", f"{100 * hits / len(members):.1f} %",
                     f"{100 * low:.1f} to {100 * high:.1f}",
                     str(sum(wrong[i] for i in members))))  # fmt: skip
    print_table(f"{title}: {name}, {ms:.1f} ms a line", ("", "exact", "", "95 %", "wrong"), rows)


def held_out(per_currency: int) -> list[LineSample]:
    """Draw the held-out lines; currencies take turns."""
    generator = LineGenerator(load_profile(HERE / "held-out.yaml"), SEED)
    return [generator(i) for i in range(per_currency * len(GRAMMARS))]


def looked_at(sample: LineSample) -> bool:
    """Tell whether a real crop was looked at while the generator was written."""
    return sample.name.split("#")[0] in LOOKED_AT or sample.group == LOOKED_AT_NOTE


def main() -> None:
    """Run both sets through every reader that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", default="serial-reader")
    parser.add_argument("--variant", default="tflite-int8")
    parser.add_argument("--lines", type=int, default=1000, help="per currency, for ours")
    parser.add_argument("--rival-lines", type=int, default=200, help="per currency, for rivals")
    options = parser.parse_args()
    runner = open_runner(find_bundle(options.bundle), options.variant)
    readers: dict[str, Reader] = {f"edgecnn {options.variant}": ours(runner)}
    for make in (rapidocr_recognizer, tesseract_line):
        try:
            rival = make()
        except RuntimeError as error:
            print(f"left out: {error}")
            continue
        readers[f"{rival.name} + grammar"] = with_grammar(rival)

    lines = held_out(options.lines)
    for index, (name, read) in enumerate(readers.items()):
        count = options.lines if index == 0 else min(options.lines, options.rival_lines)
        part = lines[: count * len(GRAMMARS)]
        right, wrong, ms = score(read, part, fold_case=False)
        report("held-out lines", name, part, right, wrong, ms, lambda s: s.currency or "")
        if index == 0:  # the rivals' own part, for a like-for-like row
            few = lines[: options.rival_lines * len(GRAMMARS)]
            hits = sum(right[: len(few)])
            print(f"of the rivals' {len(few)} lines: {hits} ({100 * hits / len(few):.1f} %)")

    notes = Path(os.environ.get("EDGECNN_DATA", "../shared/data")) / "banknotes"
    if not notes.is_dir():
        print(f"no real notes: {notes} is absent (set EDGECNN_DATA)")
        return
    crops = load_lines(notes)
    unseen = [not looked_at(c) for c in crops]
    for name, read in readers.items():
        right, wrong, ms = score(either_way(read), crops, fold_case=True)
        report("real crops, either way up", name, crops, right, wrong, ms,
               lambda s: s.currency or "")  # fmt: skip
        kept = [i for i, fresh in enumerate(unseen) if fresh]
        parts = [crops[i] for i in kept]
        print(f"without the {len(crops) - len(kept)} crops looked at before:")
        report("never looked at", name, parts, [right[i] for i in kept],
               [wrong[i] for i in kept], ms, lambda s: s.currency or "")  # fmt: skip
        inr = [i for i, c in enumerate(crops) if c.currency == "INR"]
        report("INR per physical note", name, [crops[i] for i in inr], [right[i] for i in inr],
               [wrong[i] for i in inr], ms, lambda s: s.group)  # fmt: skip


if __name__ == "__main__":
    main()
