"""How much a look-alike may count: prints a table for shares of RIVAL_SHARE.

    python tests/bench/lookalikes.py serial-reader.edge

On generated lines of the default profile, seed 5150, which scores nothing: how often the likeliest
serial is right, and of those that are sure (margin of 3 nats, fit of -4) how many are right and
wrong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edgecnn.bundle.decode import ReadDecode
from edgecnn.data.synth.lines import LineGenerator
from edgecnn.data.synth.write import default_profile
from edgecnn.vision import evidence
from edgecnn.vision.evidence import look, weigh
from edgecnn_device.runner import open_runner

SHARES = (0.8, 0.3, 0.1, 0.03, 0.01, 0.003)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--variant", default="tflite-int8")
    parser.add_argument("--lines", type=int, default=1000)
    given = parser.parse_args()
    runner = open_runner(given.bundle, given.variant)
    rules = runner.manifest.decode
    assert isinstance(rules, ReadDecode)
    generator = LineGenerator(default_profile(), 5150)
    samples = [generator(i) for i in range(given.lines)]
    columns = [runner.infer(runner.prepare(s.image))[0][0] for s in samples]
    print(f"{given.lines} lines\n{'share':>6} {'right':>6} {'sure, right':>12} {'sure, wrong':>12}")
    for share in SHARES:
        vars(evidence)["RIVAL_SHARE"] = share
        counts = [0, 0, 0]
        for sample, logits in zip(samples, columns, strict=True):
            verdict = weigh((look(logits, rules.charset, rules.currencies),), rules.charset)
            if verdict is None:
                continue
            right = verdict.text.casefold() == sample.text.casefold()
            sure = verdict.margin >= 3 and verdict.fit >= -4
            for place, hit in enumerate((right, right and sure, sure and not right)):
                counts[place] += hit
        print(f"{share:6} {counts[0]:6} {counts[1]:12} {counts[2]:12}")


if __name__ == "__main__":
    main()
