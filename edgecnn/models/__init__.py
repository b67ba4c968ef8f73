"""Networks as registered functions: ``create_backbone("mobilenet_v2", width=0.5)``."""

from edgecnn.models import mobilenet_v2 as _mobilenet_v2
from edgecnn.models.registry import create_backbone, list_backbones
from edgecnn.models.tasks import Reader, ReaderOptions, create_reader

__all__ = ["Reader", "ReaderOptions", "create_backbone", "create_reader", "list_backbones"]

del _mobilenet_v2
