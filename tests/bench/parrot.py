"""Finds the macaw in parrot.jpg with a classifier of ImageNet made convolutional, and draws it.

    python tests/bench/parrot.py [-o build/parrot.png]

MobileNetV2 with weights of EDGECNN_DATA, as one ONNX file for any size, runs over a pyramid of the
picture: several scales, and at each the picture squeezed so that a window is square, or higher than
wide. The best window of class macaw is the answer; the heat map is the mean, over all windows that
cover a pixel, of their probability of macaw.

PARROT was noted by hand before anything was run, from the picture printed as 100 x 90 letters of
its colours (red, blue, green, white, dark) with the pixel row before each line: crown at row 115,
cheek and beak up to column 466, the blue of the left wing down to column 133, the tip of the tail
at row 895. BODY is the same without the tail, which hangs from the wing tips at row 690.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from imagenet_net import mobilenet_v2
from numpy.typing import NDArray

from edgecnn.bundle.decode import Suppression, WindowsDecode
from edgecnn.bundle.manifest import InputSpec
from edgecnn.cli.output import print_table
from edgecnn.data.images import read_image
from edgecnn.models.base import ConvNet
from edgecnn.models.convolutional import Convolutional
from edgecnn.vision.boxes import Boxes, iou_matrix
from edgecnn.vision.classes import class_scores
from edgecnn.vision.placement import Placement, size_of
from edgecnn.vision.preprocess import network_input, resize_picture
from edgecnn.vision.windows import best_windows, window_boxes
from edgecnn_device.backends import Backend, open_backend
from edgecnn_export.to_onnx import to_onnx

PARROT = (133, 115, 466, 895)
BODY = (133, 115, 466, 690)
SIDE = 224
SPEC = InputSpec(width=SIDE, height=SIDE, mean=(127.5,) * 3, std=(127.5,) * 3, resize="none")
WINDOW_WIDTHS = (512, 430, 362, 304, 256)
"""Of the windows, pixels of the picture."""
TALL = (1.0, 1.41, 2.0, 2.4)
"""Height of a window over its width."""
Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network says of every window of one level of the pyramid."""

    boxes: Boxes
    """In pixels of the picture."""
    logits: NDArray[np.float32]
    """(N, classes)."""


def look(backend: Backend, image: Image, stride: tuple[int, int]) -> Iterator[Seen]:
    """Run each level of the pyramid."""
    width, height = size_of(image)
    for across in WINDOW_WIDTHS:
        for tall in TALL:
            size = round(width * SIDE / across), round(height * SIDE / (across * tall))
            if min(size) < SIDE:
                continue
            place = Placement((width, height), size, size)
            level = network_input(resize_picture(image, size, "area"), SPEC)[None]
            (scores,) = backend.run(level)
            y, x = np.mgrid[: scores.shape[2], : scores.shape[3]]
            corners = np.stack((x, y), -1).reshape(-1, 2) * stride[::-1]
            boxes = place.to_picture(window_boxes(corners, (SIDE, SIDE)))
            yield Seen(boxes, scores[0].reshape(scores.shape[1], -1).T)


def heat_map(levels: list[Seen], label: int, image: Image) -> NDArray[np.float32]:
    """Return the mean probability of a class over the windows that cover each pixel."""
    total = np.zeros((2, *image.shape[:2]), np.float32)
    for level in levels:
        share = class_scores(level.logits, "softmax")[:, label]
        for (x1, y1, x2, y2), value in zip(level.boxes.round().astype(int), share, strict=True):
            total[:, y1:y2, x1:x2] += np.array((value, 1), np.float32)[:, None, None]
    return np.asarray(total[0] / np.maximum(total[1], 1), np.float32)


def draw(image: Image, heat: NDArray[np.float32], box: Boxes, out: Path) -> None:
    """Write the picture beside itself under the heat map, with the box found and the one noted."""
    colours = cv2.applyColorMap((255 * heat / heat.max()).astype(np.uint8), cv2.COLORMAP_JET)
    warm = cv2.addWeighted(image, 0.5, np.asarray(colours, np.uint8), 0.5, 0)
    for picture in (image, warm):
        for corners, colour in ((box, (0, 255, 0)), (PARROT, (255, 255, 255))):
            x1, y1, x2, y2 = (round(float(v)) for v in corners)
            cv2.rectangle(picture, (x1, y1), (x2, y2), colour, 3)
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), np.concatenate((image, warm), 1))


def main() -> None:
    """Find, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("build/parrot.png"))
    out = parser.parse_args().output
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data")) / "coral_test_data"
    names = (data / "imagenet_labels.txt").read_text(encoding="utf-8").splitlines()
    labels = tuple(name[:100] for name in names)
    network = Convolutional(cast(ConvNet, mobilenet_v2()), (3, SIDE, SIDE))
    example = np.zeros((1, SIDE, SIDE, 3), np.float32)
    backend = open_backend("onnx", to_onnx(network, example, any_size=True))
    image = read_image(data / "parrot.jpg")
    levels = list(look(backend, image, network.stride))
    rules = WindowsDecode(
        labels=labels, background=("background",), window=network.window, stride=network.stride,
        suppression=Suppression(min_score=0.5, iou=0.3, across=True),
    )  # fmt: skip
    logits = np.concatenate([level.logits for level in levels])
    boxes = np.concatenate([level.boxes for level in levels])
    found = best_windows(logits, boxes, rules, size_of(image))
    noted = np.array((PARROT, BODY), np.float32)
    rows = [
        [labels[index], f"{score:.3f}", " ".join(f"{v:.0f}" for v in box), f"{whole:.2f}",
         f"{body:.2f}"]
        for index, score, box, (whole, body) in zip(
            found.classes, found.scores, found.boxes, iou_matrix(found.boxes, noted), strict=True
        )
    ]  # fmt: skip
    columns = ["class", "score", "box", "IoU, with tail", "IoU, body"]
    print_table(f"{len(boxes)} windows in {len(levels)} levels, by {len(levels)} runs", columns,
                rows)  # fmt: skip
    macaw = labels.index("macaw")
    best = next((b for b, c in zip(found.boxes, found.classes, strict=True) if c == macaw), None)
    if best is None:
        raise SystemExit("no macaw was found")
    draw(image, heat_map(levels, macaw, image), best, out)
    print(f"drawn: {out}")


if __name__ == "__main__":
    main()
