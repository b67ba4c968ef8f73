from __future__ import annotations

import pytest
import torch

from edgecnn.errors import InputError
from edgecnn.models import ReaderOptions, create_backbone, create_reader
from edgecnn.vision.serials import GLYPHS


def test_parameters_are_as_published() -> None:
    assert sum(p.numel() for p in create_backbone("mobilenet_v2").parameters()) == 3_504_872


@pytest.mark.parametrize(
    ("width", "parameters"),
    [(0.35, 1_677_128), (0.5, 1_968_680), (0.75, 2_636_424), (1.4, 6_108_776)],
)
def test_narrower_and_wider_networks_have_the_published_parameters(
    width: float, parameters: int
) -> None:
    with torch.device("meta"):
        network = create_backbone("mobilenet_v2", width=width)
    assert sum(p.numel() for p in network.parameters()) == parameters


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


def test_padding_as_tensorflow_changes_the_result_but_not_the_names() -> None:
    torch.manual_seed(0)
    evenly = create_backbone("mobilenet_v2", width=0.35).eval()
    shifted = create_backbone("mobilenet_v2", width=0.35, same_padding=True).eval()
    assert list(shifted.state_dict()) == list(evenly.state_dict())
    shifted.load_state_dict(evenly.state_dict())
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        a, b = evenly(x), shifted(x)
    assert float((a - b).abs().max()) > 0.01 * float(a.abs().max())


def test_an_unknown_architecture_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="mobilenet_v2"):
        create_backbone("mobilenet_v9")
