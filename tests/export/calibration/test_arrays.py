from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import DataError
from edgecnn_export.calibration import load_calibration
from edgecnn_export.calibration.arrays import open_arrays

SHAPE = (9, 32, 192, 3)


@pytest.fixture
def array() -> NDArray[np.float32]:
    return np.random.default_rng(4).uniform(-1, 1, SHAPE).astype(np.float32)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "packed.npz"])
def test_samples_come_one_by_one_in_any_order(
    name: str, array: NDArray[np.float32], tmp_path: Path, spec: InputSpec
) -> None:
    save = {"a.npy": np.save, "a.npz": np.savez, "packed.npz": np.savez_compressed}[name]
    save(tmp_path / name, array)
    inputs = open_arrays(tmp_path / name, spec)
    assert np.array_equal(np.stack(list(inputs)), array)
    assert np.array_equal(np.stack(list(inputs)), array)
    assert np.array_equal(inputs[7], array[7])
    backwards = inputs.origin.read(range(8, -1, -1))
    assert np.array_equal(np.stack(list(backwards)), array[::-1])


def test_the_arrays_of_an_npz_follow_each_other(
    array: NDArray[np.float32], tmp_path: Path, spec: InputSpec
) -> None:
    np.savez(tmp_path / "a.npz", array[:4], array[4:4], array[4:])
    assert np.array_equal(np.stack(list(load_calibration(tmp_path / "a.npz", spec).inputs)), array)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (np.zeros((9, 3, 32, 192), np.float32),
         r"expected float32 \(N, 32, 192, 3\), got float32 .*the layout is nchw"),
        (np.zeros((9, 33, 192, 3), np.float32), r"got float32 \(9, 33, 192, 3\)$"),
        (np.zeros((32, 192, 3), np.float32), "the axis N comes first"),
        (np.zeros(SHAPE, np.uint8), "got uint8 .*pixels become"),
        (np.zeros(SHAPE, object), "expected float32 .*, got object"),
        (np.full(SHAPE, np.nan, np.float32), r"a.npy\[0\]: holds NaN"),
        (np.asfortranarray(np.zeros(SHAPE, np.float32)), "Fortran"),
        (np.zeros((7, *SHAPE[1:]), np.float32), "7 samples, expected at least 8"),
    ],
)  # fmt: skip
def test_arrays_of_another_shape_type_or_value_are_refused(
    tmp_path: Path, made: NDArray[Any], says: str, spec: InputSpec
) -> None:
    np.save(tmp_path / "a.npy", made)
    with pytest.raises(DataError, match=says):
        load_calibration(tmp_path / "a.npy", spec)


def test_a_network_that_takes_nchw_is_given_nhwc(tmp_path: Path, spec: InputSpec) -> None:
    np.save(tmp_path / "a.npy", np.zeros(SHAPE, np.float32))
    with pytest.raises(DataError, match="the layout is nhwc, the network takes nchw"):
        load_calibration(tmp_path / "a.npy", spec.model_copy(update={"layout": "nchw"}))


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "packed.npz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_half_a_file_is_refused(
    name: str, share: float, array: NDArray[np.float32], tmp_path: Path, spec: InputSpec
) -> None:
    save = {"a.npy": np.save, "a.npz": np.savez, "packed.npz": np.savez_compressed}[name]
    save(tmp_path / name, array)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(DataError, match=r"damaged|cut short"):
        load_calibration(tmp_path / name, spec)


def test_a_damaged_member_is_refused(
    array: NDArray[np.float32], tmp_path: Path, spec: InputSpec
) -> None:
    np.savez_compressed(tmp_path / "a.npz", array)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        load_calibration(tmp_path / "a.npz", spec)
    np.savez(tmp_path / "a.npz")
    with pytest.raises(DataError, match="no array in it"):
        load_calibration(tmp_path / "a.npz", spec)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "packed.npz"])
def test_memory_holds_a_few_samples_of_any_number(name: str, tmp_path: Path) -> None:
    spec = InputSpec(height=256, width=256, mean=(0.0,) * 3, std=(255.0,) * 3)
    save = {"a.npy": np.save, "a.npz": np.savez, "packed.npz": np.savez_compressed}[name]
    sample = np.random.default_rng(1).random((1, 256, 256, 3), np.float32)
    save(tmp_path / name, np.repeat(sample, 40, axis=0))
    tracemalloc.start()
    try:
        found = load_calibration(tmp_path / name, spec)
        assert sum(1 for _ in found.inputs) == 40
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * sample.nbytes
