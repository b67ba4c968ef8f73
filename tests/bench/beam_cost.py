"""Prints what decoding a line costs and how often it is right, for several ways of decoding.

    python tests/bench/beam_cost.py [--lines 500] [--bundle serial-reader]

On held-out lines (held-out.yaml, seed 9001), columns of the bundle's reader: beam search of several
widths, the decoder of readers (the best path where that is a serial, else the search), the best
path alone, and what a look costs that keeps evidence (search with and without a grammar).
Milliseconds are of processor time on one core; exact compares the whole serial, case included. The
floor of the search was chosen on lines of the default profile, seeds 4242 and 4243.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import ReadDecode
from edgecnn.cli.output import find_bundle, print_table
from edgecnn.data.synth.lines import LineGenerator
from edgecnn.data.synth.write import load_profile
from edgecnn.vision.beam import beam_search
from edgecnn.vision.ctc import best_path, decode_serial, log_softmax
from edgecnn.vision.evidence import look, weigh
from edgecnn.vision.serials import parse
from edgecnn_device import open_runner

SEED = 9001
Columns = NDArray[np.float32]
Decoder = Callable[[Columns], str]


def decoders(rules: ReadDecode) -> dict[str, Decoder]:
    """Return the ways to decode, by name."""
    charset, currencies = rules.charset, rules.currencies

    def search(width: int, logits: Columns) -> str:
        found = beam_search(log_softmax(logits), charset, currencies, width)
        return found[0].text if found else ""

    def reader(logits: Columns) -> str:
        found = decode_serial(logits, charset, currencies, 0.0)
        return found.text if found else ""

    def path(logits: Columns) -> str:
        found = parse(best_path(log_softmax(logits), charset)[0], currencies)
        return found.text if found else ""

    def keep(logits: Columns) -> str:
        found = look(logits, charset, currencies).hypotheses
        return found[0].text if found else ""

    def verdict(logits: Columns) -> str:
        found = weigh((look(logits, charset, currencies),), charset)
        return found.text if found else ""

    return {
        **{f"beam search, width {w}": partial(search, w) for w in (4, 12, 32)},
        "decode_serial": reader,
        "best path alone": path,
        "look": keep,
        "look and weigh": verdict,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", default="serial-reader")
    parser.add_argument("--variant", default="tflite-int8")
    parser.add_argument("--lines", type=int, default=500)
    options = parser.parse_args()
    runner = open_runner(find_bundle(options.bundle), options.variant)
    assert isinstance(runner.manifest.decode, ReadDecode)
    generator = LineGenerator(load_profile(Path(__file__).parent / "held-out.yaml"), SEED)
    samples = [generator(i) for i in range(options.lines)]
    columns = [runner.infer(runner.prepare(s.image))[0][0] for s in samples]
    rows = []
    for name, decode in decoders(runner.manifest.decode).items():
        decode(columns[0])  # builds the automaton
        texts, took = [], []
        for logits in columns:
            begun = time.thread_time()
            texts.append(decode(logits))
            took.append(1e3 * (time.thread_time() - begun))
        right = sum(t == s.text for t, s in zip(texts, samples, strict=True))
        spread = (np.median(took), np.mean(took), np.percentile(took, 95))
        rows.append((name, str(right), str(texts.count("")), *(f"{x:.2f}" for x in spread)))
    print_table(f"{options.lines} held-out lines",
                ("", "exact", "nothing", "median ms", "mean", "p95"), rows)  # fmt: skip


if __name__ == "__main__":
    main()
