"""MobileNetV2 of ImageNet as ``module:function``, from the weights in EDGECNN_DATA."""

from __future__ import annotations

import os
from pathlib import Path

from torch import nn

from edgecnn.models import create_backbone
from edgecnn.models.weights import WeightsSource, load_pretrained

FILE = "coral_test_data/tf2_mobilenet_v2_1.0_224_ptq.tflite"


def mobilenet_v2() -> nn.Module:
    """Return the network; it takes -1..1 and counts the background as class 0."""
    path = Path(os.environ.get("EDGECNN_DATA", "shared/data")) / FILE
    model = create_backbone("mobilenet_v2", num_classes=1001, same_padding=True).eval()
    load_pretrained(model, WeightsSource(path=path, layout="tflite"), architecture="mobilenet_v2")
    return model
