"""Measures how well a quantized TFLite MobileNetV2 comes out in torch, and prints a table.

    python tests/bench/tflite_import.py [--file NAME] [--pictures 500] [--crop 224]

Both see the same pixels of imagenet_sample_even.tar in EDGECNN_DATA, in the order of its csv: the
picture's largest central square (``--crop 0``) or the central square of so many pixels, resized to
224x224. The pictures are probably of the training set, so the accuracy is no validation accuracy;
the agreement is what counts.
"""

from __future__ import annotations

import argparse
import csv
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from edgecnn.cli.output import print_table
from edgecnn.data.scoring import wilson_interval
from edgecnn.models import create_backbone
from edgecnn.models.weights import WeightsSource, load_pretrained

SIDE = 224
FILES = (
    "coral_test_data/tf2_mobilenet_v2_1.0_224_ptq.tflite",
    "coral_test_data/mobilenet_v2_1.0_224_quant.tflite",
)
PARTS = (400, 500)
Image = NDArray[np.uint8]


def central_square(image: Image, crop: int) -> Image:
    """Cut the central square of ``crop`` pixels, or the largest, and resize it to 224x224."""
    height, width = image.shape[:2]
    side = min(height, width, crop or max(height, width))
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == SIDE:
        return np.ascontiguousarray(square)
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def read_pictures(data: Path, number: int, crop: int) -> Iterator[tuple[Image, int]]:
    """Yield (224, 224, 3) RGB pictures and class ids 0..999."""
    with (data / "imagenet_sample_even.csv").open(newline="") as labels:
        rows = list(csv.DictReader(labels))[:number]
    with tarfile.open(data / "imagenet_sample_even.tar") as tar:
        for row in rows:
            file = tar.extractfile(row["file"])
            assert file is not None
            picture = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            rgb = np.ascontiguousarray(np.asarray(picture, np.uint8)[:, :, ::-1])
            yield central_square(rgb, crop), int(row["class_id"])


def classify_torch(model: torch.nn.Module, picture: Image) -> int:
    """Return the class of a network that takes -1..1 and counts the background as class 0."""
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        return int(model(x).argmax()) - 1


def classify_file(interpreter: object, picture: Image) -> int:
    """Return the class of a quantized TFLite file whose input is the pixels themselves."""
    run = interpreter
    run.set_tensor(run.get_input_details()[0]["index"], picture[None])  # type: ignore[attr-defined]
    run.invoke()  # type: ignore[attr-defined]
    out = run.get_tensor(run.get_output_details()[0]["index"])  # type: ignore[attr-defined]
    return int(out.argmax()) - 1


def share(right: NDArray[np.bool_]) -> str:
    """Format a share with its 95 % interval."""
    low, high = wilson_interval(int(right.sum()), len(right))
    return f"{right.mean():.4f} [{low:.4f}, {high:.4f}]"


def measure(data: Path, file: str, number: int, crop: int) -> list[list[str]]:
    """Return the rows of a file: its name, n, both accuracies and the agreement."""
    from ai_edge_litert.interpreter import Interpreter

    model = create_backbone("mobilenet_v2", num_classes=1001, same_padding=True).eval()
    source = WeightsSource(path=data / file, layout="tflite")
    load_pretrained(model, source, architecture="mobilenet_v2")
    interpreter = Interpreter(str(data / file), num_threads=1)
    interpreter.allocate_tensors()
    answers = np.array(
        [
            (classify_torch(model, picture), classify_file(interpreter, picture), label)
            for picture, label in read_pictures(data, number, crop)
        ]
    )
    ours, theirs, labels = answers.T
    rows = []
    for n in sorted({min(part, len(labels)) for part in PARTS}):
        shares = (ours[:n] == labels[:n], theirs[:n] == labels[:n], ours[:n] == theirs[:n])
        rows.append([Path(file).stem, str(n), *map(share, shares)])
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", action="append", help="relative to EDGECNN_DATA; repeatable")
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--crop", type=int, default=224)
    arguments = parser.parse_args()
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data"))
    rows = [
        row
        for file in arguments.file or FILES
        for row in measure(data, file, arguments.pictures, arguments.crop)
    ]
    columns = ["file", "n", "accuracy in torch", "accuracy of the file", "agreement"]
    print_table(f"central {arguments.crop or 'largest'} square to 224", columns, rows)


if __name__ == "__main__":
    main()
