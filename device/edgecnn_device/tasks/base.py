"""What a task's decoder takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Manifest
from edgecnn.vision.ctc import SerialReading
from edgecnn.vision.placement import Size
from edgecnn_device.tasks.classify import Label
from edgecnn_device.tasks.detect import Box
from edgecnn_device.tasks.embed import Embedding
from edgecnn_device.tasks.landmarks import Landmarks
from edgecnn_device.tasks.tensors import OutputTensor

Result: TypeAlias = SerialReading | Label | Embedding | OutputTensor | Box | Landmarks
"""One thing found in a picture; its `decision` is what a replay must find again."""

Decoder: TypeAlias = Callable[[tuple[NDArray[np.float32], ...], Manifest, Size], tuple[Result, ...]]
"""From the outputs of a network, each with a leading axis of 1, to what they mean in a picture of
this size."""
