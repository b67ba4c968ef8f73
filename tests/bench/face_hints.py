"""Makes MobileFaceNet a teacher that is asked while its student learns: vectors and a map.

    EDGECNN_DATA=... python tests/bench/face_hints.py -o build/face-teacher.onnx

The last map is what the teacher's global depthwise convolution weighs, 512 x 7 x 7 features.
--stages gives those behind each of its five stages of bottlenecks, too. Its input is the recipes'
(pixels of 0..255 as -1..1), brought to the teacher's own first.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import onnx
from faces_data import MEAN, STD
from onnx import TensorProto, helper, numpy_helper

SIDE, SIZE = 7, 128
STAGES = {4: (64, 28), 5: (128, 14), 11: (128, 14), 12: (128, 7), 14: (128, 7)}
"""Channels and side of what comes out of the last bottleneck of each stage."""
NEW = "pixels"


def map_before_pooling(graph: onnx.GraphProto) -> str:
    """Return what the convolution over the whole map takes in."""
    kernels = {t.name: tuple(t.dims) for t in graph.initializer}
    (node,) = (n for n in graph.node
               if n.op_type == "Conv" and kernels[n.input[1]][2:] == (SIDE, SIDE))  # fmt: skip
    return str(node.input[0])


def stage_outputs(graph: onnx.GraphProto) -> list[tuple[str, list[int]]]:
    """Return name and sides of each stage's output: the last one of its last bottleneck."""
    found = []
    for block, (channels, side) in STAGES.items():
        names = [n.output[0] for n in graph.node if f"/features.{block}/" in n.output[0]]
        found.append((names[-1], [channels, side, side]))
    return found


def make_teacher(path: Path, stages: bool) -> onnx.ModelProto:
    """Return the network with the recipes' input and maps for its other outputs."""
    model = onnx.load(str(path))
    graph, old = model.graph, model.graph.input[0].name
    scale = (127.5 / STD).reshape(1, 3, 1, 1).astype(np.float32)
    shift = ((127.5 - MEAN) / STD).reshape(1, 3, 1, 1).astype(np.float32)
    graph.initializer.extend((numpy_helper.from_array(scale, "scale"),
                              numpy_helper.from_array(shift, "shift")))  # fmt: skip
    graph.node.insert(0, helper.make_node("Add", ["scaled", "shift"], [old]))
    graph.node.insert(0, helper.make_node("Mul", [NEW, "scale"], ["scaled"]))
    del graph.input[:]
    shape = ["N", 3, 16 * SIDE, 16 * SIDE]
    graph.input.append(helper.make_tensor_value_info(NEW, TensorProto.FLOAT, shape))
    last = [n for n in graph.node if n.op_type == "Conv"][-1].output[0]
    del graph.output[:]
    # The file's own last step takes a batch for one long vector.
    graph.node.append(helper.make_node("Flatten", [last], ["vectors"]))
    maps = stage_outputs(graph) if stages else []
    last_map = (map_before_pooling(graph), [512, SIDE, SIDE])
    for name, sides in (("vectors", [SIZE]), *maps, last_map):
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sides]))
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--stages", action="store_true")
    options = parser.parse_args()
    data = Path(os.environ["EDGECNN_DATA"])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(
        make_teacher(data / "mobilefacenet" / "MobileFaceNet.onnx", options.stages),
        str(options.output),
    )


if __name__ == "__main__":
    main()
