"""Random changes of pictures for training, with boxes and landmarks carried along.

OpenCV and not torchvision.transforms.v2: torchvision 0.28 does not import beside the CPU build of
torch ("operator torchvision::nms does not exist"), and the data half stays free of torch this way.
"""

from edgecnn.data.augment.apply import augment
from edgecnn.data.augment.options import AugmentOptions
from edgecnn.data.augment.picture import LabelledPicture

__all__ = ["AugmentOptions", "LabelledPicture", "augment"]
