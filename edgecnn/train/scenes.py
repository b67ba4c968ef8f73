"""Pictures with boxes as batches: the data adaptor of the `detect` task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.augment import LabelledPicture, augment
from edgecnn.data.augment.mosaic import make_sheet
from edgecnn.data.samples import Dataset, Sample
from edgecnn.train.loading import AugmentedStream
from edgecnn.vision.placement import PADDING, Placement, Size, placement, size_of
from edgecnn.vision.preprocess import preprocess
from edgecnn.vision.quads import box_quads, from_quads


@dataclass(frozen=True)
class SceneBatch:
    """A batch as the network takes it."""

    pixels: Tensor
    """(N, C, H, W) float32, channels last in memory."""
    boxes: Tensor
    """(objects, 4) x1, y1, x2, y2 in pixels of the input, upright, of all pictures."""
    oriented: Tensor
    """(objects, 5) middle x, y, width, height, angle of the same objects."""
    classes: Tensor
    """(objects,)."""
    points: Tensor
    """(objects, K, 3) of the same objects: x, y from the edge of the input's first pixel, and 1
    where visible, else 0."""
    counts: tuple[int, ...]
    """Objects of each picture."""
    sizes: tuple[Size, ...]
    """Width and height of each picture before it was prepared."""

    def to(self, device: torch.device) -> SceneBatch:
        """Return the batch on a device."""
        return SceneBatch(
            self.pixels.to(device), self.boxes.to(device), self.oriented.to(device),
            self.classes.to(device), self.points.to(device), self.counts, self.sizes,
        )  # fmt: skip


@dataclass(frozen=True)
class _Item:
    pixels: NDArray[np.float32]
    boxes: NDArray[np.float32]
    oriented: NDArray[np.float32]
    classes: NDArray[np.int64]
    points: NDArray[np.float32]
    size: Size


class SceneStream(AugmentedStream[_Item]):
    """Pictures with boxes, by themselves or from sheets of four, as network inputs."""

    def __getitem__(self, position: int) -> _Item:
        rng = np.random.default_rng((self._seed, 2, position))
        options, picture = self._options, self._read(self._order(position))
        if options.mosaic and rng.random() < options.mosaic:
            others = rng.integers(0, len(self._samples), 3)
            picture = make_sheet((picture, *(self._read(int(i)) for i in others)))
            options = options.model_copy(update={"crop": options.mosaic_crop})
        size = (self._spec.height, self._spec.width)
        picture = augment(_as_shown(picture, self._spec), options, rng, size)
        return _item(picture, self._spec)

    def _read(self, index: int) -> LabelledPicture:
        return labelled(self._samples[index])


def labelled(sample: Sample) -> LabelledPicture:
    """Read a sample with its boxes."""
    return LabelledPicture(
        sample.read(), sample.boxes, sample.box_labels, quads=sample.quads,
        box_points=sample.box_points,
    )  # fmt: skip


def _as_shown(picture: LabelledPicture, spec: InputSpec) -> LabelledPicture:
    """Give a picture the grey that a letterboxed input has, so that stretching changes no angle."""
    size = size_of(picture.image)
    place = placement(size, spec)
    if spec.resize != "letterbox" or place.shown == place.size:
        return picture
    wide, high = (round(place.size[i] / place.scale[i]) for i in (0, 1))
    right, bottom = max(0, wide - size[0]), max(0, high - size[1])
    grey = (PADDING, PADDING, PADDING)
    image = cv2.copyMakeBorder(
        picture.image, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=grey
    )  # fmt: skip
    return replace(picture, image=np.asarray(image, np.uint8))


def _item(picture: LabelledPicture, spec: InputSpec) -> _Item:
    quads = box_quads(picture.boxes) if picture.quads is None else picture.quads
    return _Item(
        preprocess(picture.image, spec), picture.boxes, from_quads(quads), picture.box_labels,
        _points(picture, None), size_of(picture.image),
    )  # fmt: skip


def _points(picture: LabelledPicture, place: Placement | None) -> NDArray[np.float32]:
    """Return (N, K, 3) as a batch has them, moved to where the picture lies in the input."""
    if picture.box_points is None:
        return np.zeros((len(picture.boxes), 0, 3), np.float32)
    out = picture.box_points.copy()
    out[..., :2] += 0.5
    if place is not None:
        out[..., :2] = place.to_input(out[..., :2])
    return out


def still_batches(dataset: Dataset, spec: InputSpec, batch: int = 16) -> Iterator[SceneBatch]:
    """Yield a dataset in its own order, prepared as on the device; memory holds one batch."""
    nhwc = spec.model_copy(update={"layout": "nhwc"})
    for first in range(0, len(dataset.samples), batch):
        some = dataset.samples[first : first + batch]
        yield collate([_still(labelled(sample), nhwc) for sample in some])


def _still(picture: LabelledPicture, spec: InputSpec) -> _Item:
    size = size_of(picture.image)
    place = placement(size, spec)
    quads = box_quads(picture.boxes) if picture.quads is None else picture.quads
    return _Item(
        preprocess(picture.image, spec), place.to_input(picture.boxes),
        from_quads(place.to_input(quads)), picture.box_labels, _points(picture, place), size,
    )  # fmt: skip


def collate(items: list[_Item]) -> SceneBatch:
    """Stack scenes into a batch."""
    pixels = torch.from_numpy(np.stack([i.pixels for i in items])).permute(0, 3, 1, 2)
    return SceneBatch(
        pixels,
        torch.from_numpy(np.concatenate([i.boxes for i in items])),
        torch.from_numpy(np.concatenate([i.oriented for i in items])),
        torch.from_numpy(np.concatenate([i.classes for i in items])),
        torch.from_numpy(np.concatenate([i.points for i in items])),
        tuple(len(i.classes) for i in items),
        tuple(i.size for i in items),
    )
