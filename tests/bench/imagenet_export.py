"""int8 MobileNetV2 of ImageNet, two-fold, beside what others make of the same weights.

    python tests/bench/imagenet_export.py [--seeds 3] [--calibration 100] [--rivals]

The 500 pictures of imagenet_sample_even are halved by position, even and odd. Ranges are measured
on pictures drawn by seed from one half, the other half is scored, then the halves change places.
Nothing is chosen by the scores. Agreement is that of the first class with the float net; the
interval is Student's t over the 2 * seeds runs. The imported weights lie on an int8 grid of their
own, so rounding them costs less than it would cost weights that were trained in float.

Rivals, with their defaults: onnxruntime.quantization's `quantize_static` of our fp32 ONNX file, and
ai-edge-quantizer's `static_wi8_ai8` with its own `calibrate` of our fp32 TFLite file, which is
litert-torch's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from improve import CONVERTERS, Inputs, load_net, to_torch
from tflite_import import SIDE, read_pictures

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.cli.output import print_table
from edgecnn_device.backends import open_backend
from edgecnn_export.calibration import CalibrationSet, sample_hash
from edgecnn_export.choose_method import choose_method
from edgecnn_export.latency import measure_latency
from edgecnn_export.quiet import quiet
from edgecnn_export.workshop import Plan, Workshop

SPEC = InputSpec(width=224, height=224, mean=(127.5,) * 3, std=(127.5,) * 3)
T_975 = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 9: 2.262, 10: 2.228}
"""Student's t, 97.5 %, by degrees of freedom."""


class _Ready:
    """A source whose float file is there already."""

    network = None

    def __init__(self, fp32: bytes) -> None:
        self._fp32 = fp32

    def convert(self, *arguments: object) -> bytes:
        """Return the file."""
        return self._fp32


def ours(kind: Format, fp32: bytes, calibration: Inputs) -> bytes:
    """Quantize as `edgecnn export` does by default."""
    hashes = tuple(map(sample_hash, calibration))
    found = CalibrationSet("drawn", calibration, hashes)
    workshop = Workshop(_Ready(fp32), SPEC, found)  # type: ignore[arg-type]
    method = choose_method(workshop, kind, "int8", "auto")
    print(f"{kind}: {method}", flush=True)
    return workshop.build(Plan(kind, "int8", method))


def by_onnxruntime(kind: Format, fp32: bytes, calibration: Inputs) -> bytes:
    """Quantize by quantize_static's defaults."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rows: Iterator[Any] = iter(calibration)

        def get_next(self) -> dict[str, Any] | None:
            x = next(self._rows, None)
            return None if x is None else {"input": x[None]}

    with tempfile.TemporaryDirectory() as folder, quiet():
        source, made = Path(folder) / "a.onnx", Path(folder) / "b.onnx"
        source.write_bytes(fp32)
        quantize_static(source, made, Reader())
        return made.read_bytes()


def by_ai_edge_quantizer(kind: Format, fp32: bytes, calibration: Inputs) -> bytes:
    """Quantize by the library's own calibration."""
    with quiet(), tempfile.TemporaryDirectory() as folder:
        from ai_edge_litert.interpreter import Interpreter
        from ai_edge_quantizer import quantizer, recipe

        path = Path(folder) / "a.tflite"
        path.write_bytes(fp32)
        signature, runner = next(iter(Interpreter(str(path)).get_signature_list().items()))
        name = runner["inputs"][0]
        tool = quantizer.Quantizer(str(path))
        tool.load_quantization_recipe(recipe.static_wi8_ai8())
        ranges = tool.calibrate({signature: [{name: x[None]} for x in calibration]})
        return bytes(tool.quantize(ranges).quantized_model)


WAYS: dict[str, tuple[Format, Callable[[Format, bytes, Inputs], bytes]]] = {
    "edgecnn, ONNX": ("onnx", ours),
    "edgecnn, TFLite": ("tflite", ours),
    "onnxruntime.quantization": ("onnx", by_onnxruntime),
    "litert-torch + ai-edge-quantizer": ("tflite", by_ai_edge_quantizer),
}


def run_all(kind: Format, data: bytes, inputs: Inputs) -> Inputs:
    """Return the outputs for all pictures."""
    backend = open_backend(kind, data)
    return np.concatenate([backend.run(x[None])[0] for x in inputs])


def interval(values: list[float]) -> str:
    """Return mean and 95 % interval in per cent or points."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:.2f}"
    half = T_975[len(values) - 1] * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.2f} ({mean - half:.2f} to {mean + half:.2f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--calibration", type=int, default=100)
    parser.add_argument("--rivals", action="store_true")
    arguments = parser.parse_args()
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data"))
    pictures = list(read_pictures(data, 500, SIDE))
    inputs = (np.stack([p for p, _ in pictures]) / 127.5 - 1).astype(np.float32)
    labels = 1 + np.array([label for _, label in pictures])  # class 0 is the background
    net = load_net(data, to_torch(inputs[:2]))
    with torch.inference_mode():
        float_net = np.concatenate([net(to_torch(x[None])).numpy() for x in inputs]).argmax(1)
    print(f"float: {100 * (float_net == labels).mean():.1f} % of {len(labels)}", flush=True)
    fp32 = {}
    for kind, convert in CONVERTERS.items():
        begun = time.monotonic()
        fp32[kind] = convert(net, inputs[:1])
        print(f"{kind} fp32: {time.monotonic() - begun:.0f} s", flush=True)
    ways = {n: w for n, w in WAYS.items() if arguments.rivals or w[1] is ours}
    agreement, drop, seconds = (defaultdict[str, list[float]](list) for _ in range(3))
    last: dict[str, tuple[Format, bytes]] = {}
    for seed in range(arguments.seeds):
        for fold in (0, 1):
            half = np.arange(fold, len(inputs), 2)
            scored = np.arange(1 - fold, len(inputs), 2)
            drawn = np.random.default_rng(seed).choice(half, arguments.calibration, replace=False)
            for name, (kind, make) in ways.items():
                begun = time.monotonic()
                made = make(kind, fp32[kind], inputs[drawn])
                seconds[name].append(time.monotonic() - begun)
                found = run_all(kind, made, inputs[scored]).argmax(1)
                agreement[name].append(100 * float((found == float_net[scored]).mean()))
                lost = (float_net[scored] == labels[scored]).mean() - (
                    found == labels[scored]
                ).mean()
                drop[name].append(100 * float(lost))
                last[name] = (kind, made)
                print(f"seed {seed}, fold {fold}, {name}: {agreement[name][-1]:.1f} % agree, "
                      f"{drop[name][-1]:.1f} points lost", flush=True)  # fmt: skip
    floats = {f"{kind} fp32": (kind, data) for kind, data in fp32.items()}
    timed = measure_latency(last | floats, SPEC)
    rows = [
        [name, interval(agreement[name]), interval(drop[name]), f"{len(last[name][1]):,}",
         f"{timed[name]:.2f}", f"{statistics.median(seconds[name]):.1f}"]
        for name in ways
    ] + [[name, "100", "0", f"{len(data):,}", f"{timed[name]:.2f}", ""]
         for name, (_, data) in floats.items()]  # fmt: skip
    columns = ["", "agree with float, %", "points lost", "bytes", "ms", "s"]
    print_table(f"MobileNetV2, {2 * arguments.seeds} runs of 250 pictures", columns, rows)


if __name__ == "__main__":
    main()
