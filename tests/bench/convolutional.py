"""Compares a convolutional network at every position with its window cut out and run alone.

    python tests/bench/convolutional.py

Pictures of EDGECNN_DATA's coral_test_data, resized so that there are 3 x 4 positions. In a network
without padding the two are the same but for rounding. Where there is padding, a window cut out
ends in zeros, and one in the picture in what lies beside it. Weights are random but for
mobilenet_v2's, which are those of ImageNet, so that its first labels mean something.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import numpy as np
import torch
from imagenet_net import mobilenet_v2
from numpy.typing import NDArray

from edgecnn.bundle.manifest import InputSpec
from edgecnn.cli.output import print_table
from edgecnn.data.images import read_image
from edgecnn.models import create_backbone, find_architecture
from edgecnn.models.base import ConvNet
from edgecnn.models.convolutional import Convolutional
from edgecnn.vision.preprocess import preprocess

UNPADDED = ("lenet5", "overfeat_small", "binary_convnet")
PADDED = ("mnist_convnet", "five_stage", "alexnet", "resnet18", "googlenet", "efficientnet_b0")
FILES = ("parrot.jpg", "owl.jpg", "bird.bmp", "cat_720p.jpg", "pets.jpg")
ROWS, COLUMNS = 3, 4


@torch.inference_mode()
def compare(
    net: ConvNet, shape: tuple[int, int, int], pictures: list[NDArray[np.uint8]]
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[int, int]]:
    """Return logits (N, classes) of windows in their picture and alone, and the stride."""
    slid = Convolutional(net, shape)
    channels, height, width = shape
    down, across = slid.stride
    spec = InputSpec(
        width=width + (COLUMNS - 1) * across, height=height + (ROWS - 1) * down,
        channels=3 if channels == 3 else 1, colour="rgb" if channels == 3 else "grey",
        layout="nchw", mean=(127.5,) * channels, std=(127.5,) * channels,
    )  # fmt: skip
    inside, alone = [], []
    for picture in pictures:
        x = torch.from_numpy(preprocess(picture, spec))[None]
        found = slid(x)
        for place in range(ROWS * COLUMNS):
            row, column = divmod(place, COLUMNS)
            top, left = row * down, column * across
            inside.append(found[0, :, row, column])
            alone.append(net(x[:, :, top : top + height, left : left + width])[0])
    return torch.stack(inside).numpy(), torch.stack(alone).numpy(), slid.stride


def main() -> None:
    """Measure and print."""
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data")) / "coral_test_data"
    pictures = [read_image(data / name) for name in FILES]
    rows = []
    for name in (*UNPADDED, *PADDED, "mobilenet_v2"):
        torch.manual_seed(0)
        trained = name == "mobilenet_v2"
        net = mobilenet_v2() if trained else create_backbone(name).eval()
        shape = find_architecture(name).input_shape
        inside, alone, stride = compare(cast(ConvNet, net), shape, pictures)
        worst, largest = np.abs(inside - alone).max(), np.abs(alone).max()
        share = np.linalg.norm(inside - alone, axis=1) / np.linalg.norm(alone, axis=1)
        same = (inside.argmax(1) == alone.argmax(1)).mean() if alone.shape[1] > 1 else np.nan
        rows.append([
            name, "no" if name in UNPADDED else "yes", f"{stride[0]}", f"{largest:.3g}",
            f"{worst:.2g}", f"{np.median(share):.2g}",
            f"{same:.0%}" if trained else "",
        ])  # fmt: skip
    columns = ["network", "padding", "stride", "largest logit", "largest difference",
               "median share of the logits", "same first label"]  # fmt: skip
    print_table(f"{len(FILES) * ROWS * COLUMNS} windows each", columns, rows)


if __name__ == "__main__":
    main()
