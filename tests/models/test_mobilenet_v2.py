from __future__ import annotations

import pytest
import torch

from edgecnn.errors import InputError
from edgecnn.models import ReaderOptions, create_backbone, create_reader
from edgecnn.models.mobilenet_v2 import make_divisible
from edgecnn.vision.serials import GLYPHS


def test_parameters_are_as_published() -> None:
    assert sum(p.numel() for p in create_backbone("mobilenet_v2").parameters()) == 3_504_872


def test_a_narrower_network_is_smaller() -> None:
    sizes = [
        sum(p.numel() for p in create_backbone("mobilenet_v2", width=w).parameters())
        for w in (0.35, 0.5, 0.75, 1.0, 1.4)
    ]
    assert sizes == sorted(sizes)


def test_the_network_maps_a_picture_to_logits() -> None:
    model = create_backbone("mobilenet_v2", width=0.35, num_classes=7).eval()
    with torch.inference_mode():
        assert model(torch.zeros(2, 3, 64, 96)).shape == (2, 7)
        assert model.forward_features(torch.zeros(1, 3, 64, 96)).shape == (1, 1280, 2, 3)  # type: ignore[operator]


@pytest.mark.parametrize("size", [(32, 192), (32, 256), (48, 192)])
def test_a_reader_has_a_column_per_four_pixels(size: tuple[int, int]) -> None:
    reader = create_reader(ReaderOptions("mobilenet_v2", 0.25, 64, len(GLYPHS))).eval()
    with torch.inference_mode():
        out = reader(torch.zeros(1, 3, *size))
    assert out.shape == (1, size[1] // 4, len(GLYPHS) + 1)


@pytest.mark.parametrize(
    ("value", "rounded"), [(32, 32), (24 * 0.35, 8), (96 * 0.75, 72), (19, 24)]
)
def test_channels_are_rounded_to_eight_and_never_far_down(value: float, rounded: int) -> None:
    assert make_divisible(value) == rounded


def test_an_unknown_architecture_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="mobilenet_v2"):
        create_backbone("mobilenet_v9")
