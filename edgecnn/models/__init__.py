"""Networks as registered functions: ``create_backbone("mobilenet_v2", width=0.5)``."""

from edgecnn.models import alexnet as _alexnet
from edgecnn.models import densenet as _densenet
from edgecnn.models import efficientnet as _efficientnet
from edgecnn.models import googlenet as _googlenet
from edgecnn.models import lenet as _lenet
from edgecnn.models import mobilefacenet as _mobilefacenet
from edgecnn.models import mobilenet_v2 as _mobilenet_v2
from edgecnn.models import overfeat as _overfeat
from edgecnn.models import resnet as _resnet
from edgecnn.models import small as _small
from edgecnn.models import vgg as _vgg
from edgecnn.models.registry import (
    Architecture,
    create_backbone,
    find_architecture,
    list_backbones,
)
from edgecnn.models.tasks import Reader, ReaderOptions, create_reader

__all__ = [
    "Architecture",
    "Reader",
    "ReaderOptions",
    "create_backbone",
    "create_reader",
    "find_architecture",
    "list_backbones",
]

# Imported only to be registered.
del _alexnet, _densenet, _efficientnet, _googlenet, _lenet, _mobilefacenet, _mobilenet_v2
del _overfeat, _resnet, _small, _vgg
