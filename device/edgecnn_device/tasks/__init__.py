"""Per task: a decoder from network outputs to results. One module and one registry line each."""

from edgecnn_device.tasks import classify, detect, embed, landmarks, localize, read, tensors
from edgecnn_device.tasks.base import Decoder, Result
from edgecnn_device.tasks.classify import Label
from edgecnn_device.tasks.detect import Box
from edgecnn_device.tasks.embed import Embedding
from edgecnn_device.tasks.landmarks import Landmarks, Point
from edgecnn_device.tasks.tensors import OutputTensor

DECODERS: dict[str, Decoder] = {
    "read": read.decode, "classify": classify.decode, "embed": embed.decode,
    "tensors": tensors.decode, "detect": detect.decode, "localize": localize.decode,
    "landmarks": landmarks.decode,
}  # fmt: skip

__all__ = [
    "DECODERS",
    "Box",
    "Decoder",
    "Embedding",
    "Label",
    "Landmarks",
    "OutputTensor",
    "Point",
    "Result",
]
