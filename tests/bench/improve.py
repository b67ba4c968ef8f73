"""Measures int8 with and without each improvement on MobileNetV2 of ImageNet; prints tables.

    python tests/bench/improve.py [--calibration 32] [--pictures 100] [--formats onnx tflite]
        [--net plain --net copy --net capped] [--spread 64]

Nets: ``plain`` as imported from EDGECNN_DATA; ``copy`` computes the same with rescaled channels
where no ReLU6 stands between; ``capped`` also through ReLU6, with caps per channel. Agreement is
that of the first class with the float net, over pictures that calibration has not seen. The
imported weights lie on an int8 grid of their own, so rounding ``plain`` costs less than it would
cost weights that were trained in float; ``copy`` is the honest test.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tflite_import import FILES, SIDE, read_pictures
from torch import Tensor, nn

from edgecnn.bundle.manifest import Format
from edgecnn.cli.output import print_table
from edgecnn.errors import InputError
from edgecnn.models import create_backbone
from edgecnn.models.weights import WeightsSource, load_pretrained
from edgecnn_device.backends import open_backend
from edgecnn_export.improve.bias import correct_biases
from edgecnn_export.improve.equalize import Caps, Ranges, equalize
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.rescale import rescale
from edgecnn_export.quantize import measure_ranges, quantize
from edgecnn_export.to_onnx import to_onnx
from edgecnn_export.to_tflite import to_tflite

Inputs = NDArray[np.float32]
CONVERTERS: dict[Format, Callable[..., bytes]] = {"onnx": to_onnx, "tflite": to_tflite}
CAPS: tuple[Caps, ...] = ("refuse", "drop", "keep")
RANGES: tuple[Ranges, ...] = ("weights", "activations")
NETS = ("plain", "copy", "capped")


def read_inputs(data: Path, number: int) -> Inputs:
    """Return (N, 224, 224, 3) in -1..1."""
    pictures = [picture for picture, _ in read_pictures(data, number, SIDE)]
    return (np.stack(pictures) / 127.5 - 1).astype(np.float32)


def to_torch(inputs: Inputs) -> Tensor:
    """Bring (N, H, W, C) to torch's order."""
    return torch.from_numpy(inputs).permute(0, 3, 1, 2).contiguous()


def load_net(data: Path, example: Tensor) -> nn.Module:
    """Return the pretrained net, batch normalization folded."""
    model = create_backbone("mobilenet_v2", num_classes=1001, same_padding=True).eval()
    source = WeightsSource(path=data / FILES[0], layout="tflite")
    load_pretrained(model, source, architecture="mobilenet_v2")
    return fold_norms(model, example)


def improvements(net: nn.Module, calibration: Tensor) -> Iterator[tuple[str, nn.Module]]:
    """Yield each way of preparing a net for int8."""
    yield "plain int8", net
    yield "bias", correct_biases(net, calibration).model
    for caps, ranges in itertools.product(CAPS, RANGES):
        try:
            done = equalize(net, calibration, ranges=ranges, caps=caps)
        except InputError as error:
            print(f"equalize, caps {caps}: {error}", flush=True)
            continue
        if caps == "drop" and not any(type(m) is nn.ReLU for m in done.model.modules()):
            continue  # as refuse
        print(f"equalize, caps {caps}: {len(done.report.pairs)} pairs, {len(done.report.refused)} "
              f"refused, difference {done.report.difference:.1e}", flush=True)  # fmt: skip
        yield f"equalize by {ranges}, caps {caps}", done.model
        if caps == "refuse":
            yield f"equalize by {ranges}, bias", correct_biases(done.model, calibration).model


def score(run: Callable[[Inputs], Inputs], inputs: Inputs, wanted: Inputs) -> tuple[str, str]:
    """Return agreement and signal to noise in dB."""
    found = np.concatenate([run(x[None]) for x in inputs])
    agreement = float((found.argmax(1) == wanted.argmax(1)).mean())
    noise = float(np.square(found - wanted).sum())
    return f"{agreement:.2f}", f"{10 * np.log10(np.square(wanted).sum() / noise):.1f}"


def measure(
    net: nn.Module, formats: list[Format], calibration: Inputs, inputs: Inputs, wanted: Inputs
) -> list[list[str]]:
    """Return a row for each improvement."""
    rows = []
    for name, model in improvements(net, to_torch(calibration)):
        row = [name]
        for kind in formats:
            begun = time.monotonic()
            fp32 = CONVERTERS[kind](model, inputs[:1])
            ranges = measure_ranges(kind, fp32, calibration, "minmax")
            backend = open_backend(kind, quantize(kind, fp32, "int8", ranges))
            row += score(lambda x, b=backend: b.run(x)[0], inputs, wanted)  # type: ignore[misc]
            print(f"{kind} {row} {time.monotonic() - begun:.0f} s", flush=True)
        rows.append(row)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calibration", type=int, default=32)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--formats", nargs="+", choices=sorted(CONVERTERS), default=["onnx"])
    parser.add_argument("--net", action="append", choices=NETS)
    parser.add_argument("--spread", type=float, default=64.0)
    arguments = parser.parse_args()
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data"))
    inputs = read_inputs(data, arguments.calibration + arguments.pictures)
    calibration, inputs = np.split(inputs, [arguments.calibration])
    example = to_torch(inputs[:2])
    net = load_net(data, example)
    with torch.inference_mode():
        wanted = np.concatenate([net(to_torch(x[None])).numpy() for x in inputs])
    for name in arguments.net or NETS:
        model = net
        if name != "plain":
            model = rescale(net, example, spread=arguments.spread, through_caps=name == "capped")
        columns = ["int8"]
        for kind in arguments.formats:
            columns += [f"{kind} agreement", "SQNR dB"]
        rows = measure(model, arguments.formats, calibration, inputs, wanted)
        print_table(f"{name}, {len(inputs)} pictures", columns, rows)


if __name__ == "__main__":
    main()
