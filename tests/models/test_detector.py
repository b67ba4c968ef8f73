from __future__ import annotations

import numpy as np
import pytest
import torch

from edgecnn.bundle.decode import AnchorsDecode, Suppression
from edgecnn.errors import InputError
from edgecnn.models import create_backbone, find_architecture, list_backbones
from edgecnn.models.base import ConvNet
from edgecnn.models.detector import DecodedDetector, Detector, DetectorOptions
from edgecnn.models.taps import find_taps, run_taps
from edgecnn.vision.anchors import anchor_grid, decode_detections
from edgecnn.vision.placement import Placement

CHAINS = ("mobilenet_v2", "resnet18", "resnet50", "efficientnet_b0", "efficientnet_lite0",
          "densenet121", "googlenet", "vgg16")  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_taps_give_the_strides_they_are_named_for(name: str) -> None:
    with torch.device("meta"):
        model = create_backbone(name).eval()
    assert isinstance(model, ConvNet)
    taps = find_taps(model.features, (8, 16, 32), 3)
    with torch.no_grad():
        maps = run_taps(model.features, taps, torch.empty(1, 3, 64, 96, device="meta"))
    shapes = [tuple(m.shape[1:]) for m in maps]
    assert shapes == [(t.channels, 64 // t.stride, 96 // t.stride) for t in taps]


def test_a_stride_that_is_not_there_is_named() -> None:
    model = create_backbone("mobilenet_v2", width=0.25)
    assert isinstance(model, ConvNet)
    with pytest.raises(InputError, match="no feature map of stride 64: the network has 2, 4, 8"):
        find_taps(model.features, (8, 64), 3)


@pytest.mark.parametrize("oriented", [False, True])
def test_outputs_stand_level_by_level_as_the_decoder_expects(oriented: bool) -> None:
    options = DetectorOptions("mobilenet_v2", 3, (2, 1, 2), oriented=oriented, channels=16,
                              backbone={"width": 0.25})  # fmt: skip
    model = Detector(options).eval()
    sizes = (((8, 8), (9, 9)), ((20, 20),), ((50, 50), (60, 60)))
    rules = AnchorsDecode(labels=("a", "b", "c"), strides=(8, 16, 32), anchors=sizes)
    with torch.no_grad():
        outputs = model(torch.zeros(2, 3, 64, 96))
    numbers = 8 if oriented else 4
    places = [2 * 8 * 12, 4 * 6, 2 * 2 * 3]
    wanted = [s for n in places for s in ((2, n, numbers), (2, n, 3))]
    assert [tuple(x.shape) for x in outputs] == wanted
    assert sum(places) == len(anchor_grid(rules, 96, 64))


def test_the_channels_of_a_place_belong_to_its_cell_and_anchor() -> None:
    """A bias of one anchor's box moves that anchor of every cell, and nothing else."""
    options = DetectorOptions("mobilenet_v2", 1, (2, 2, 2), channels=8, backbone={"width": 0.25})
    model = Detector(options).eval()
    with torch.no_grad():
        before = model(torch.zeros(1, 3, 32, 64))[0]
        dict(model.named_parameters())["heads.0.boxes.bias"][4] += 1  # dx of the second anchor
        after = model(torch.zeros(1, 3, 32, 64))[0]
    moved = (after - before)[0].reshape(4, 8, 2, 4)
    wanted = torch.zeros(4, 8, 2, 4)
    wanted[:, :, 1, 0] = 1
    assert torch.allclose(moved, wanted, atol=1e-6)


@pytest.mark.parametrize("oriented", [False, True])
def test_decoding_in_the_network_gives_what_the_device_decodes(oriented: bool) -> None:
    torch.manual_seed(1)
    options = DetectorOptions("mobilenet_v2", 2, (1, 2, 1), oriented=oriented, channels=8,
                              backbone={"width": 0.25})  # fmt: skip
    model = Detector(options).eval()
    for name, parameter in model.named_parameters():
        if name.endswith(("boxes.weight", "scores.weight")):
            torch.nn.init.normal_(parameter, 0, 0.5)
    sizes = (((20, 10),), ((50, 50), (40, 60)), ((120, 60),))
    rules = AnchorsDecode(labels=("a", "b"), strides=(8, 16, 32), anchors=sizes, oriented=oriented,
                          suppression=Suppression(min_score=0.0, top_k=5000))  # fmt: skip
    grid = torch.from_numpy(anchor_grid(rules, 96, 64).copy())
    picture, place = torch.randn(1, 3, 64, 96), Placement((192, 64), (96, 64), (96, 64))
    with torch.no_grad():
        raw = [x.numpy() for x in model(picture)]
        done = [x.numpy() for x in DecodedDetector(model, grid, oriented)(picture)]
    ours = decode_detections(raw, rules, place)
    theirs = decode_detections(done, rules.model_copy(update={"decoded": True}), place)
    assert len(ours.boxes) == len(theirs.boxes) > 10
    assert np.allclose(ours.boxes, theirs.boxes, atol=1e-3)
    assert np.allclose(ours.scores, theirs.scores, atol=1e-6)


def test_a_fresh_detector_finds_nothing() -> None:
    model = Detector(DetectorOptions("mobilenet_v2", 3, (2, 2, 2))).eval()
    with torch.no_grad():
        scores = torch.cat(model(torch.randn(1, 3, 64, 64))[1::2], 1).sigmoid()
    assert float(scores.max()) < 0.1
    assert sum(p.numel() for p in model.parameters()) <= 3_000_000


def test_exactly_the_networks_that_say_so_have_a_pyramid() -> None:
    for name in list_backbones():
        with torch.device("meta"):
            model = create_backbone(name)
        assert isinstance(model, ConvNet)
        found = find_architecture(name)
        try:
            taps = find_taps(model.features, (8, 16, 32), found.input_shape[0])
        except InputError:
            taps = ()
        assert (len(taps) == 3) == ("detect" in found.tasks), name
