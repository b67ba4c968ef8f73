"""The product of bytes that searches: what its file is made of, and that it bounds every score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgecnn_device.gallery import bounds
from edgecnn_device.gallery.block import Block
from edgecnn_device.gallery.bounds import Bounds

Draw = Callable[..., np.typing.NDArray[np.float32]]
MODEL = Path(bounds.__file__).with_name("product.onnx")


def product() -> bytes:
    """Return the file of the product; `python tests/device/gallery/test_product.py` writes it."""
    onnx = pytest.importorskip("onnx")
    make = onnx.helper
    byte, signed, number = (getattr(onnx.TensorProto, k) for k in ("UINT8", "INT8", "FLOAT"))
    nodes = [
        make.make_node("MatMulInteger", ["rows", "digits", "zero"], ["whole"]),
        make.make_node("Cast", ["whole"], ["products"], to=number),
    ]
    inputs = [
        make.make_tensor_value_info("rows", byte, ["n", "d"]),
        make.make_tensor_value_info("digits", signed, ["d", "m"]),
        make.make_tensor_value_info("zero", byte, []),
    ]
    output = make.make_tensor_value_info("products", number, ["n", "m"])
    graph = make.make_graph(nodes, "product of bytes", inputs, [output])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def test_the_file_is_what_is_written_here() -> None:
    assert MODEL.read_bytes() == product()


FLOATS = st.floats(-1, 1, width=32)


@settings(max_examples=200, deadline=None)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(16)), elements=FLOATS),
    arrays.arrays(np.float32, st.tuples(st.integers(1, 4), st.just(16)), elements=FLOATS),
)
def test_no_score_exceeds_its_bound(
    rows: np.typing.NDArray[np.float32], queries: np.typing.NDArray[np.float32]
) -> None:
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    queries = queries[np.abs(queries).max(1) > 1e-3]
    queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    block = Block(len(rows), 16)
    block.put(0, rows, np.zeros(len(rows), np.int64))
    scores = queries.astype(np.float64) @ rows.T.astype(np.float64)
    upper = Bounds.of(queries).upper(block.first, block.greatest)
    assert (scores <= upper).all()
    assert np.allclose(block.get(np.arange(len(rows))), rows, rtol=0, atol=1e-9)


def test_the_bounds_of_a_unit_vectors_numbers_are_near(vectors: Draw) -> None:
    rows, queries = vectors(0, 1000), vectors(1, 3)
    block = Block(1000, 16)
    block.put(0, rows, np.zeros(1000, np.int64))
    slack = Bounds.of(queries).upper(block.first, block.greatest) - queries @ rows.T
    assert slack.min() >= 0
    assert slack.max() < 0.03


def test_bytes_at_their_ends_do_not_saturate() -> None:
    """Where two products are added in 16 bits: the greatest there can be, side by side."""
    rows = np.full((40, 16), -0.25, np.float32)
    rows[1::2] *= -1
    block = Block(40, 16)
    block.put(0, rows, np.zeros(40, np.int64))
    queries = np.array([rows[0], rows[1]])
    upper = Bounds.of(queries).upper(block.first, block.greatest)
    assert upper == pytest.approx(queries @ rows.T, abs=0.02)
    assert (upper >= queries @ rows.T).all()


if __name__ == "__main__":
    MODEL.write_bytes(product())
