"""Times an epoch of head training through a frozen base and on its cached features, in turn.

    EDGECNN_DATA=... python tests/bench/features.py [--rounds 3]

MobileNetV2 at 128 px on cifar10_jpg; the time of making the cache is printed apart.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line sets it

from edgecnn.train.loop import train
from edgecnn.train.recipe import load_recipe

RECIPE = Path(__file__).parents[2] / "edgecnn" / "zoo" / "recipes" / "cifar10-head.yaml"
KEYS = ("transfer.train=classifier", "transfer.cache=null",
        "callbacks.model_checkpoint.best=false")  # fmt: skip


def main() -> None:
    """Train one epoch each way per round, and print seconds, losses and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {"through the base": [], "on the cache": []}
    with TemporaryDirectory() as folder:
        cache = Path(folder) / "features.safetensors"
        begun = time.perf_counter()
        _epoch(Path(folder) / "make", f"transfer.cache={cache}")
        print(f"making the cache, and an epoch: {time.perf_counter() - begun:.1f} s")
        for number in range(rounds):
            for name, keys in (
                ("through the base", ()),
                ("on the cache", (f"transfer.cache={cache}",)),
            ):
                took, loss = _epoch(Path(folder) / f"{name}-{number}", *keys)
                seconds[name].append(took)
                print(f"{name:18} {took:7.2f} s an epoch, loss {loss:.6f}", flush=True)
    slow, fast = (statistics.median(s) for s in seconds.values())
    print(f"ratio {slow / fast:.0f}")


def _epoch(run: Path, *keys: str) -> tuple[float, float]:
    """Return the seconds of an epoch's steps, validation aside, and its loss."""
    train(load_recipe(RECIPE, (*KEYS, "optimizer.epochs=1", *keys)), run)
    rows = list(csv.DictReader((run / "log.csv").read_text(encoding="utf-8").splitlines()))
    return float(rows[0]["seconds"]), float(rows[0]["loss"])


if __name__ == "__main__":
    main()
