"""How many serial lines a second one core draws, with the recipe that trains the zoo's reader.

python tests/bench/generator.py [--lines 600]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import cv2

from edgecnn.data.synth.lines import LineGenerator
from edgecnn.train.recipe import load_read_recipe
from edgecnn.vision.preprocess import preprocess

RECIPE = Path(__file__).parents[2] / "edgecnn/zoo/recipes/serial-reader.yaml"


def main() -> None:
    """Draw batches of lines, prepared for the network, and print the median rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=600)
    lines = parser.parse_args().lines
    cv2.setNumThreads(1)
    recipe = load_read_recipe(RECIPE)
    generator = LineGenerator(recipe.data.train, 1)
    rates = []
    for start in range(0, lines, 100):
        begun = time.perf_counter()
        for index in range(start, start + 100):
            preprocess(generator(index).image, recipe.input)
        rates.append(100 / (time.perf_counter() - begun))
    warm = rates[1:] or rates  # the first batch also renders the glyphs it meets
    print(f"{statistics.median(warm):.0f} lines/s on one core "
          f"({min(warm):.0f} to {max(warm):.0f}; first hundred {rates[0]:.0f})")  # fmt: skip


if __name__ == "__main__":
    main()
