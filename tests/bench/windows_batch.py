"""Times windows in batches beside one at a time: does a batch pay on a CPU?

    python tests/bench/windows_batch.py [--rounds 5]

Random weights, one thread, 32 windows a round; the ways take turns. The ONNX files here leave the
batch open, the TFLite interpreter resizes its input; edgecnn's own files have a batch of 1.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from torch import nn

from edgecnn.cli.output import print_table
from edgecnn.models import create_backbone, find_architecture
from edgecnn_device.backends import open_backend
from edgecnn_device.processor import processor_name
from edgecnn_export.quiet import quiet
from edgecnn_export.to_onnx import to_onnx
from edgecnn_export.to_tflite import to_tflite

WINDOWS = 32
BATCHES = (1, 8, 32)
Run = Callable[[NDArray[np.float32]], object]


def open_batch(net: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """Return an ONNX file of any batch, (N, C, H, W)."""
    with quiet():
        program = torch.onnx.export(
            net, (torch.zeros(2, *shape),), dynamo=True, verbose=False,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )  # fmt: skip
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


def tflite_run(model: bytes, batch: int) -> Run | None:
    """Return a run of an interpreter whose input was resized; None where it cannot be."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    detail = interpreter.get_input_details()[0]
    try:
        interpreter.resize_tensor_input(detail["index"], (batch, *detail["shape"][1:]))
        interpreter.allocate_tensors()
    except RuntimeError:
        return None

    def run(inputs: NDArray[np.float32]) -> object:
        interpreter.set_tensor(detail["index"], inputs)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return run


def measure(ways: dict[str, tuple[int, Run, NDArray[np.float32]]], rounds: int) -> dict[str, float]:
    """Return milliseconds of processor time a window, the median over the rounds."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, (batch, run, inputs) in ways.items():
            begun = time.process_time()
            for first in range(0, WINDOWS, batch):
                run(inputs[first : first + batch])
            if turn:
                found[name].append(1e3 * (time.process_time() - begun) / WINDOWS)
    return {name: float(np.median(times)) for name, times in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rows = []
    for name in ("lenet5", "mnist_convnet", "mobilenet_v2"):
        torch.manual_seed(0)
        net = create_backbone(name).eval()
        shape = find_architecture(name).input_shape
        nchw = np.random.default_rng(0).normal(size=(WINDOWS, *shape)).astype(np.float32)
        nhwc = np.ascontiguousarray(nchw.transpose(0, 2, 3, 1))
        tflite = to_tflite(net, nhwc[:1])
        onnx = open_backend("onnx", open_batch(net, shape)).run
        ways: dict[str, tuple[int, Run, NDArray[np.float32]]] = {
            "onnx, as exported": (1, open_backend("onnx", to_onnx(net, nhwc[:1])).run, nhwc)
        }
        ways |= {f"onnx, {n}": (n, onnx, nchw) for n in BATCHES}
        ways |= {f"tflite, {n}": (n, run, nhwc) for n in BATCHES
                 if (run := tflite_run(tflite, n)) is not None}  # fmt: skip
        times = measure(ways, rounds)
        kinds = ("onnx, as exported", *(f"{k}, {n}" for k in ("onnx", "tflite") for n in BATCHES))
        rows.append([name, *(f"{times[k]:.3f}" if k in times else "refused" for k in kinds)])
    title = f"ms a window, by batch; {processor_name()}, load {os.getloadavg()[0]:.1f}"
    print_table(title, ["network", *kinds], rows)


if __name__ == "__main__":
    main()
