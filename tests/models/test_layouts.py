from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edgecnn.errors import CheckpointError, InputError
from edgecnn.models import create_backbone
from edgecnn.models.layouts import Layout, our_name, to_ours

# Library, network, a name of the library's, ours.
NAMES = """
torchvision alexnet features.3.weight features.3.weight
torchvision alexnet classifier.6.bias classifier.6.bias
torchvision vgg16 features.28.bias features.28.bias
timm vgg16 pre_logits.fc2.weight classifier.3.weight
timm vgg16 head.fc.bias classifier.6.bias
torchvision googlenet conv1.conv.weight features.conv1.0.weight
torchvision googlenet inception4b.branch3.1.bn.bias features.inception4b.branch3.1.1.bias
torchvision googlenet fc.weight classifier.1.weight
torchvision resnet50 bn1.running_var features.stem.1.running_var
timm resnet50 layer3.5.conv3.weight features.stage3.5.body.2.0.weight
timm resnet34 layer4.0.downsample.1.bias features.stage4.0.shortcut.1.bias
timm densenet121 features.norm0.weight features.stem.1.weight
torchvision densenet121 features.denseblock3.denselayer24.norm2.bias features.block3.23.filter.norm.bias
torchvision densenet121 features.denseblock1.denselayer1.conv.1.weight features.block1.0.reduce.conv.weight
torchvision densenet121 features.transition2.conv.weight features.transition2.conv.weight
torchvision densenet121 features.norm5.bias features.norm.bias
torchvision mobilenet_v2 features.1.conv.1.weight features.1.body.1.0.weight
torchvision mobilenet_v2 features.1.conv.2.bias features.1.body.1.1.bias
torchvision mobilenet_v2 features.17.conv.1.0.weight features.17.body.1.0.weight
torchvision mobilenet_v2 features.17.conv.3.running_mean features.17.body.2.1.running_mean
torchvision mobilenet_v2 features.18.0.weight features.18.0.weight
timm mobilenet_v2 conv_stem.weight features.0.0.weight
timm mobilenet_v2 blocks.0.0.conv_pw.weight features.1.body.1.0.weight
timm mobilenet_v2 blocks.1.0.bn1.weight features.2.body.0.1.weight
timm mobilenet_v2 blocks.5.2.conv_pwl.weight features.16.body.2.0.weight
timm mobilenet_v2 blocks.6.0.bn3.bias features.17.body.2.1.bias
timm mobilenet_v2 bn2.bias features.18.1.bias
timm efficientnet_b3 blocks.0.1.se.conv_reduce.bias features.stage1.1.body.excite.reduce.bias
timm efficientnet_b3 blocks.6.1.conv_pw.weight features.stage7.1.body.expand.0.weight
timm efficientnet_b3 conv_head.weight features.head.0.weight
timm efficientnet_lite0 blocks.0.0.bn2.weight features.stage1.0.body.project.1.weight
timm efficientnet_lite0 classifier.bias classifier.1.bias
torchvision efficientnet_b7 features.1.3.block.1.fc2.weight features.stage1.3.body.excite.expand.weight
torchvision efficientnet_b7 features.2.0.block.1.0.weight features.stage2.0.body.depthwise.0.weight
torchvision efficientnet_b7 features.7.3.block.3.1.bias features.stage7.3.body.project.1.bias
torchvision efficientnet_b7 features.8.0.weight features.head.0.weight
"""  # noqa: E501


@pytest.fixture
def resnet18() -> dict[str, Tensor]:
    """A state dict with the names that both libraries give to ResNet-18."""
    norm = {"weight": (1,), "bias": (1,), "running_mean": (1,), "running_var": (1,)}
    names = ["conv1.weight", *(f"bn1.{n}" for n in norm), "fc.weight", "fc.bias"]
    for stage in (1, 2, 3, 4):
        for block in (0, 1):
            for index in (1, 2):
                place = f"layer{stage}.{block}"
                names += [f"{place}.conv{index}.weight"]
                names += [f"{place}.bn{index}.{n}" for n in norm]
        if stage > 1:
            names += [f"layer{stage}.0.downsample.0.weight"]
            names += [f"layer{stage}.0.downsample.1.{n}" for n in norm]
    return {name: torch.ones(1, 1) for name in names}


@pytest.mark.parametrize("line", NAMES.strip().splitlines())
def test_a_name_is_renamed_to_one_of_ours(line: str) -> None:
    library, network, theirs, ours = line.split()
    layout: Layout = "timm" if library == "timm" else "torchvision"
    assert our_name(network, layout, theirs) == ours
    with torch.device("meta"):
        assert ours in create_backbone(network).state_dict()


@pytest.mark.parametrize("layout", ["torchvision", "timm"])
def test_a_state_dict_is_renamed_whole(layout: Layout, resnet18: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        expected = create_backbone("resnet18").state_dict()
    ours = to_ours("resnet18", layout, resnet18)
    assert ours.keys() == expected.keys()
    assert ours["features.stem.1.num_batches_tracked"] == 0


def test_auxiliary_heads_are_left_out(resnet18: dict[str, Tensor]) -> None:
    extra = {**resnet18, "aux1.conv.conv.weight": torch.ones(1)}
    assert to_ours("resnet18", "timm", extra).keys() == to_ours("resnet18", "timm", resnet18).keys()


def test_an_unknown_name_is_named(resnet18: dict[str, Tensor]) -> None:
    with pytest.raises(CheckpointError, match=r"layer9\.0\.conv1\.weight: no tensor of resnet18"):
        to_ours("resnet18", "timm", {**resnet18, "layer9.0.conv1.weight": torch.ones(1)})


def test_a_missing_tensor_is_named(resnet18: dict[str, Tensor]) -> None:
    del resnet18["fc.bias"]
    with pytest.raises(CheckpointError, match=r"no tensor gives classifier\.1\.bias"):
        to_ours("resnet18", "torchvision", resnet18)


def test_a_convolution_over_the_whole_map_becomes_linear() -> None:
    with torch.device("meta"):
        expected = create_backbone("vgg16").state_dict()
    theirs = {"pre_logits.fc1": "classifier.0", "pre_logits.fc2": "classifier.3"}
    tensors = {name: value for name, value in expected.items() if name.startswith("features")}
    for name in ("weight", "bias"):
        tensors[f"head.fc.{name}"] = expected[f"classifier.6.{name}"]
        for old, new in theirs.items():
            tensors[f"{old}.{name}"] = expected[f"{new}.{name}"]
    tensors["pre_logits.fc1.weight"] = torch.empty(4096, 512, 7, 7, device="meta")
    ours = to_ours("vgg16", "timm", tensors)
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in expected.items()}


@pytest.mark.parametrize(("network", "layout"), [("lenet5", "torchvision"), ("alexnet", "timm")])
def test_a_network_that_the_library_lacks_is_refused(network: str, layout: Layout) -> None:
    with pytest.raises(InputError, match=f"no layout '{layout}' of '{network}'"):
        to_ours(network, layout, {})
