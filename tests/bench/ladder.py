"""Exports a classifier, and a copy that computes the same and that plain int8 spoils; prints why.

    python tests/bench/ladder.py RUN --calibration DATASET --evaluate DATASET
        [--spread 64] [--samples 100] [--formats tflite onnx] [--nets run copy]

The copy's channels are rescaled where no ReLU6 stands between two layers, so that its float outputs
are the same and the ranges of its weights and activations are not. RUN was trained on the training
split; calibration data come from there too; what is given to --evaluate must not have chosen
anything. Of it one half chooses the rung of the ladder and the other half scores.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from edgecnn.cli.export_table import show
from edgecnn_export import ExportOptions, export
from edgecnn_export.improve import fold_norms, rescale
from edgecnn_export.sources.torch import TorchSource, open_run

NETS = ("run", "copy")


def rescaled(source: TorchSource, spread: float) -> TorchSource:
    """Return the source with a rescaled copy of its network."""
    spec = source.facts.input
    example = torch.randn(2, spec.channels, spec.height, spec.width)
    network = rescale(fold_norms(source.network, example), example, spread=spread)
    return replace(source, network=network)


def main() -> None:
    """Export and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--calibration", type=Path, required=True)
    parser.add_argument("--evaluate", type=Path, required=True)
    parser.add_argument("--spread", type=float, default=64.0)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--formats", nargs="+", choices=("tflite", "onnx"), default=[])
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    arguments = parser.parse_args()
    torch.manual_seed(0)
    source = open_run(arguments.run)
    options = ExportOptions(
        calibration=arguments.calibration, evaluate=arguments.evaluate,
        samples=arguments.samples,
        formats=tuple(arguments.formats), precisions=("int8", "fp32"),
    )  # fmt: skip
    for name in arguments.nets:
        print(f"== {name}", flush=True)
        net = source if name == "run" else rescaled(source, arguments.spread)
        with tempfile.TemporaryDirectory() as folder:
            show(export(net, Path(folder) / "out.edge", options, lambda line: None))


if __name__ == "__main__":
    main()
