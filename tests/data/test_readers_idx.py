from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data.open import open_dataset, open_splits
from edgecnn.data.readers import idx
from edgecnn.errors import DataError


def idx_bytes(count: int) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, count * 20, np.uint8)
    return b"\0\0\x08\x03" + np.array([count, 5, 4], ">u4").tobytes() + pixels.tobytes()


def test_pictures_are_grey_and_t10k_is_the_test(digits: Path) -> None:
    train, test = open_splits(digits)
    assert (train.name, test.name) == (f"{digits}:train", f"{digits}:test")
    assert train.classes == test.classes == ("0", "1", "2", "3", "4")
    assert [s.label for s in train.samples] == [0, 1, 2, 3, 2, 1]
    assert test.samples[1].name == "t10k-images-idx3-ubyte#1"
    image = pickle.loads(pickle.dumps(train.samples[2])).read()
    expected = np.random.default_rng(0).integers(0, 255, (8, 5, 4), np.uint8)[2]
    assert np.array_equal(image, expected) and image.dtype == np.uint8


def test_a_picture_may_be_written_to(digits: Path) -> None:
    sample = open_dataset(f"{digits}:test").samples[0]
    before = sample.read().copy()
    sample.read()[:] = 0
    assert np.array_equal(sample.read(), before)


def test_classes_name_the_labels_in_order(digits: Path) -> None:
    (test,) = idx.load(digits, ("test",), ("zero", "one", "two", "three"))
    assert test.samples[0].label == 0 and len(test.samples) == 1
    (fault,) = test.faults
    assert (fault.file, fault.kind) == ("t10k-images-idx3-ubyte#1", "unknown-class")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (
            "t10k-images-idx3-ubyte",
            b"\0\0\x0d\x03" + b"\0" * 20,
            "starts with 00000803; got 00000d",
        ),
        ("t10k-images-idx3-ubyte", b"", "starts with 00000803; got nothing"),
        ("t10k-labels-idx1-ubyte", b"\0\0\x08\x01\0\0\0\x03ab", "expected 3 bytes; got 2"),
        ("t10k-labels-idx1-ubyte", b"\0\0\x08\x01\0\0\0\x01a", "1 pictures, one per label; got 2"),
        ("train-images-idx3-ubyte.gz", gzip.compress(idx_bytes(6))[:-12], "cut short"),
        (
            "train-images-idx3-ubyte.gz",
            gzip.compress(idx_bytes(6) + b"x"),
            "6 x 5 x 4 bytes; got mo",
        ),
        ("train-images-idx3-ubyte.gz", b"no gzip", "damaged or cut short"),
    ],
)
def test_a_file_that_cannot_be_read(digits: Path, file: str, content: bytes, words: str) -> None:
    (digits / file).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        open_splits(digits)
    assert file.partition("-")[0] in str(caught.value)


def test_pictures_without_labels(digits: Path) -> None:
    (digits / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="expected t10k-labels-idx1-ubyte beside t10k-images"):
        open_splits(digits)


def test_mnist_is_whole(real_data: Path) -> None:
    train, test = open_splits(real_data / "mnist")
    assert (len(train.samples), len(test.samples)) == (60_000, 10_000)
    assert train.classes == tuple("0123456789")
    assert np.bincount([s.label or 0 for s in test.samples])[1] == 1135
    assert train.samples[0].label == 5 and train.samples[0].read().shape == (28, 28)
