"""Bundles for a fault run: good, damaged and unfit ones, and faces that cost next to nothing.

The detector finds one face in the middle of every picture, as a YuNet whose answer is a constant;
the embedder's vector is the picture in 4 x 4 squares. Both are real networks in real bundles, so
that enrolments go all the way into the gallery; they tell nothing about recognition.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgecnn.bundle import write_bundle
from edgecnn.bundle.decode import MatchCurve, TensorsDecode, VectorDecode
from edgecnn.bundle.manifest import CARD, GOLDEN, InputSpec, Manifest
from edgecnn.bundle.read import Golden, read_bundle
from edgecnn.bundle.write import pack_golden
from edgecnn.zoo import find_bundle
from edgecnn_device.faces.align import TEMPLATE
from edgecnn_device.faces.yunet import NAMES

SIDE, STRIDE, EYES = 320, 32, 40.0
_CHIP, _SQUARES = 112, 4
_CARD = b"# Of the fault run: a constant\n"


def write_faces(folder: Path) -> tuple[Path, Path]:
    """Write a detector and an embedder; returns their paths."""
    curve = MatchCurve(points=((0.1, 0.8), (1e-3, 0.9)), pairs=3000, people=80, data="drawn",
                       default_fmr=0.01)  # fmt: skip
    size = 3 * _SQUARES**2
    return (
        _write(folder / "finds.edge", _detector(), "tensors", TensorsDecode(names=NAMES), SIDE, 16),
        _write(folder / "embeds.edge", _embedder(), "embed",
               VectorDecode(size=size, curve=curve), _CHIP, size),
    )  # fmt: skip


def write_choices(folder: Path) -> None:
    """Write detectors of notes to choose from, by name: good.edge, damaged.edge, other.edge."""
    shipped = find_bundle("note-detector")
    bundle = read_bundle(shipped)
    like = bundle.manifest
    members = {v.file: bundle.model(v) for v in like.variants}
    members |= {GOLDEN: bundle.golden_file(), CARD: b"# The same network\n"}
    changes = {"name": "note-detector-again",
               "card_sha256": hashlib.sha256(members[CARD]).hexdigest()}  # fmt: skip
    write_bundle(folder / "good.edge", like.model_copy(update=changes), members)
    content = bytearray(shipped.read_bytes())
    content[len(content) // 3] ^= 0xFF
    (folder / "damaged.edge").write_bytes(content)
    (folder / "other.edge").write_bytes(find_bundle("serial-reader").read_bytes())


def draw_person(number: int) -> bytes:
    """Return a JPEG of somebody with colours of their own."""
    draw = np.random.default_rng(number)
    coarse = draw.integers(30, 225, (8, 8, 3), np.uint8)
    picture = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    picture += draw.normal(0, 25, picture.shape)
    done, data = cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8))
    assert done
    return data.tobytes()


def _write(
    path: Path, model: bytes, task: str, decode: TensorsDecode | VectorDecode, side: int, size: int
) -> Path:
    like: Manifest = read_bundle(find_bundle("serial-reader")).manifest
    spec = InputSpec(width=side, height=side, mean=(0,) * 3, std=(1,) * 3, layout="nchw",
                     resize="letterbox")  # fmt: skip
    zeros = (("model.onnx", np.zeros((1, size), np.float32)),)
    golden = pack_golden(Golden((np.zeros((2, 2, 3), np.uint8),), zeros))
    variant = like.variants[0].model_copy(update={
        "file": "model.onnx", "format": "onnx", "precision": "fp32", "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest()})  # fmt: skip
    manifest = like.model_copy(update={
        "name": f"constant-{task}", "task": task, "decode": decode, "input": spec,
        "variants": (variant,), "golden_sha256": hashlib.sha256(golden).hexdigest(),
        "card_sha256": hashlib.sha256(_CARD).hexdigest()})  # fmt: skip
    write_bundle(path, manifest, {"model.onnx": model, GOLDEN: golden, CARD: _CARD})
    return path


def _detector() -> bytes:
    answer = _one_face()
    nodes = [helper.make_node("Identity", [f"{name}_is"], [name]) for name in NAMES]
    given = [numpy_helper.from_array(answer[name], f"{name}_is") for name in NAMES]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, answer[name].shape) for name in NAMES
    ]
    return _model(nodes, SIDE, outputs, given)


def _embedder() -> bytes:
    step = _CHIP // _SQUARES
    nodes = [
        helper.make_node("AveragePool", ["input"], ["squares"], kernel_shape=[step] * 2,
                         strides=[step] * 2),
        helper.make_node("Flatten", ["squares"], ["flat"]),
        helper.make_node("Sub", ["flat", "grey"], ["vector"]),
    ]  # fmt: skip
    grey = numpy_helper.from_array(np.array(128, np.float32), "grey")
    shape = (1, 3 * _SQUARES**2)
    output = helper.make_tensor_value_info("vector", TensorProto.FLOAT, shape)
    return _model(nodes, _CHIP, [output], [grey])


def _model(
    nodes: list[onnx.NodeProto], side: int, outputs: list[onnx.ValueInfoProto],
    given: list[onnx.TensorProto],
) -> bytes:  # fmt: skip
    taken = helper.make_tensor_value_info("input", TensorProto.FLOAT, (1, 3, side, side))
    graph = helper.make_graph(nodes, "constant", [taken], outputs, given)
    opset = [helper.make_opsetid("", 13)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


def _one_face() -> dict[str, NDArray[np.float32]]:
    """Return what a YuNet answers to a face in the middle."""
    numbers = zip(NAMES, (1,) * 6 + (4,) * 3 + (10,) * 3, strict=True)
    table = {name: np.zeros((1, (SIDE // int(name.split("_")[1])) ** 2, n), np.float32)
             for name, n in numbers}  # fmt: skip
    column = row = SIDE // 2 // STRIDE
    cell, corner = row * (SIDE // STRIDE) + column, np.array((column, row))
    side = 2.6 * EYES / STRIDE
    table["cls_32"][0, cell] = table["obj_32"][0, cell] = 0.95
    table["bbox_32"][0, cell] = (0.0, 0.0, *np.log((side,) * 2))
    points = (TEMPLATE - 56) / 35.24 * EYES + SIDE // 2
    table["kps_32"][0, cell] = (points / STRIDE - corner).ravel()
    return table
