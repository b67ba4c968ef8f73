"""Compares training from the real loader with training on one batch that lies in memory.

    EDGECNN_DATA=... python tests/bench/pipeline.py [--rounds 5] [--steps 12] [--data DATASET]

MobileNetV2 at 128 px, the loop's own step, the same cores; in turn, medians. A loader as good as
none gives 1.00.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterable
from itertools import islice, repeat
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line sets it

import torch

from edgecnn.train.distributed import Group
from edgecnn.train.recipe import load_recipe
from edgecnn.train.registry import make_task
from edgecnn.train.session import Session, take_step
from edgecnn.train.tasks.base import Batch

RECIPE = Path(__file__).parents[2] / "edgecnn" / "zoo" / "recipes" / "cifar10-mobilenet-v2.yaml"
BATCH = 32
WARM = 3
"""Steps before the clock starts: workers have started, their queue is not yet ahead."""


def main() -> None:
    """Time both ways in turn and print images/s and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--data", default="cifar10_jpg:train")
    options = parser.parse_args()
    # The stream is as long as a round, so that workers end by themselves.
    samples = (WARM + options.steps) * BATCH
    keys = (f"data.train={options.data}", "transfer.batch_norm=live", "model.weights=null",
            "optimizer.epochs=null", f"optimizer.samples={samples}",
            f"optimizer.batch={BATCH}")  # fmt: skip
    recipe = load_recipe(RECIPE, keys)
    rates: dict[str, list[float]] = {"loader": [], "preloaded": []}
    with TemporaryDirectory() as folder:
        session = Session.open(make_task(recipe), Path(folder), Group(0, 1, torch.device("cpu")))
        *_, last = session.task.batches(0, 0, 1)
        for _ in range(options.rounds):
            rates["preloaded"].append(_rate(session, repeat(last), options.steps))
            rates["loader"].append(_rate(session, session.task.batches(0, 0, 1), options.steps))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    ratios = [a / b for a, b in zip(rates["loader"], rates["preloaded"], strict=True)]
    for name, found in rates.items():
        print(f"{name:10} {medians[name]:6.1f} images/s ({min(found):.1f} to {max(found):.1f})")
    print(f"ratio      {statistics.median(ratios):6.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


def _rate(session: Session, batches: Iterable[Batch], steps: int) -> float:
    stream = iter(batches)
    for batch in islice(stream, WARM):
        take_step(session, session.model, batch)
    begun = time.perf_counter()
    for batch in islice(stream, steps):
        take_step(session, session.model, batch)
    return steps * session.recipe.optimizer.batch / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
