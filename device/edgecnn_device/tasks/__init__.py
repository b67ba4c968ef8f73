"""Per task: a decoder from network outputs to results. One module and one registry line each."""

from edgecnn_device.tasks import classify, read
from edgecnn_device.tasks.base import Decoder, Result

DECODERS: dict[str, Decoder] = {"read": read.decode, "classify": classify.decode}

__all__ = ["DECODERS", "Decoder", "Result"]
