"""Name maps from the state dicts of torchvision and timm to ours.

A map is a list of renamings, applied one after another to each name. Where both libraries have a
network, the weights in one layout are those of the other under other names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

from edgecnn.errors import CheckpointError, InputError
from edgecnn.models import mobilenet_v2
from edgecnn.models.registry import create_backbone

Layout = Literal["torchvision", "timm"]
Rules = tuple[tuple[str, str], ...]
"""Pattern and replacement, as in `re.sub`."""

_MOBILENET_TORCHVISION: Rules = (
    (r"^features\.1\.conv\.1\.", "features.1.body.1.0."),
    (r"^features\.1\.conv\.2\.", "features.1.body.1.1."),
    (r"^(features\.\d+)\.conv\.2\.", r"\1.body.2.0."),
    (r"^(features\.\d+)\.conv\.3\.", r"\1.body.2.1."),
    (r"^(features\.\d+)\.conv\.", r"\1.body."),
)

_MOBILENET_BLOCKS = [
    (stage, block)
    for stage, (_, _, repeats) in enumerate(mobilenet_v2.STAGES)
    for block in range(repeats)
]

# Names within a block of timm's; the first stage has no expansion, so it counts from there.
_TIMM_BLOCK: Rules = (
    (r"^blocks\.0\.(\d+)\.conv_dw\.", r"blocks.0.\1.depthwise.0."),
    (r"^blocks\.0\.(\d+)\.bn1\.", r"blocks.0.\1.depthwise.1."),
    (r"^blocks\.0\.(\d+)\.conv_pw\.", r"blocks.0.\1.project.0."),
    (r"^blocks\.0\.(\d+)\.bn2\.", r"blocks.0.\1.project.1."),
    (r"^(blocks.*)\.conv_pw\.", r"\1.expand.0."),
    (r"^(blocks.*)\.bn1\.", r"\1.expand.1."),
    (r"^(blocks.*)\.conv_dw\.", r"\1.depthwise.0."),
    (r"^(blocks.*)\.bn2\.", r"\1.depthwise.1."),
    (r"^(blocks.*)\.conv_pwl\.", r"\1.project.0."),
    (r"^(blocks.*)\.bn3\.", r"\1.project.1."),
    (r"^classifier\.", "classifier.1."),
)

_MOBILENET_TIMM: Rules = (
    *_TIMM_BLOCK,
    (r"^blocks\.0\.0\.depthwise\.", "features.1.body.0."),
    (r"^blocks\.0\.0\.project\.", "features.1.body.1."),
    *(
        (rf"^blocks\.{stage}\.{block}\.", f"features.{index}.body.")
        for index, (stage, block) in enumerate(_MOBILENET_BLOCKS, start=1)
    ),
    (r"\.body\.expand\.", ".body.0."),
    (r"\.body\.depthwise\.", ".body.1."),
    (r"\.body\.project\.", ".body.2."),
    (r"^conv_stem\.", "features.0.0."),
    (r"^bn1\.", "features.0.1."),
    (r"^conv_head\.", "features.18.0."),
    (r"^bn2\.", "features.18.1."),
)

_EFFICIENTNET_TIMM: Rules = (
    *_TIMM_BLOCK,
    (r"\.se\.conv_", ".excite."),
    *((rf"^blocks\.{i}\.(\d+)\.", rf"features.stage{i + 1}.\1.body.") for i in range(7)),
    (r"^conv_stem\.", "features.stem.0."),
    (r"^bn1\.", "features.stem.1."),
    (r"^conv_head\.", "features.head.0."),
    (r"^bn2\.", "features.head.1."),
)

_EFFICIENTNET_TORCHVISION: Rules = (
    (r"^features\.1\.(\d+)\.block\.0\.", r"features.1.\1.body.depthwise."),
    (r"^features\.1\.(\d+)\.block\.1\.", r"features.1.\1.body.excite."),
    (r"^features\.1\.(\d+)\.block\.2\.", r"features.1.\1.body.project."),
    (r"\.block\.0\.", ".body.expand."),
    (r"\.block\.1\.", ".body.depthwise."),
    (r"\.block\.2\.", ".body.excite."),
    (r"\.block\.3\.", ".body.project."),
    (r"\.fc1\.", ".reduce."),
    (r"\.fc2\.", ".expand."),
    (r"^features\.0\.", "features.stem."),
    (r"^features\.8\.", "features.head."),
    (r"^features\.(\d)\.", r"features.stage\1."),
)

_RESNET: Rules = (
    (r"^conv1\.", "features.stem.0."),
    (r"^bn1\.", "features.stem.1."),
    *((rf"^(layer.*)\.conv{i + 1}\.", rf"\1.body.{i}.0.") for i in range(3)),
    *((rf"^(layer.*)\.bn{i + 1}\.", rf"\1.body.{i}.1.") for i in range(3)),
    (r"\.downsample\.", ".shortcut."),
    (r"^layer", "features.stage"),
    (r"^fc\.", "classifier.1."),
)

_DENSENET: Rules = (
    (r"^features\.conv0\.", "features.stem.0."),
    (r"^features\.norm0\.", "features.stem.1."),
    (r"^features\.norm5\.", "features.norm."),
    *(
        (rf"^features\.denseblock(\d)\.denselayer{i + 1}\.", rf"features.block\1.{i}.")
        for i in range(24)
    ),
    (r"^(features\.block.*)\.(norm|conv)\.?1\.", r"\1.reduce.\2."),
    (r"^(features\.block.*)\.(norm|conv)\.?2\.", r"\1.filter.\2."),
    (r"^classifier\.", "classifier.1."),
)

_GOOGLENET: Rules = (
    (r"^(conv\d|inception)", r"features.\1"),
    (r"\.conv\.", ".0."),
    (r"\.bn\.", ".1."),
    (r"^fc\.", "classifier.1."),
)

_VGG_TIMM: Rules = (
    (r"^pre_logits\.fc1\.", "classifier.0."),
    (r"^pre_logits\.fc2\.", "classifier.3."),
    (r"^head\.fc\.", "classifier.6."),
)

_RULES: dict[tuple[str, Layout], Rules] = {
    ("alexnet", "torchvision"): (),
    ("densenet121", "timm"): _DENSENET,
    ("densenet121", "torchvision"): _DENSENET,
    ("efficientnet_b", "timm"): _EFFICIENTNET_TIMM,
    ("efficientnet_b", "torchvision"): _EFFICIENTNET_TORCHVISION,
    ("efficientnet_lite", "timm"): _EFFICIENTNET_TIMM,
    ("googlenet", "torchvision"): _GOOGLENET,
    ("mobilenet_v2", "timm"): _MOBILENET_TIMM,
    ("mobilenet_v2", "torchvision"): _MOBILENET_TORCHVISION,
    ("resnet", "timm"): _RESNET,
    ("resnet", "torchvision"): _RESNET,
    ("vgg16", "timm"): _VGG_TIMM,
    ("vgg16", "torchvision"): (),
}

_AUXILIARY = re.compile(r"^aux\d\.")
_COUNTER = "num_batches_tracked"
_HINT = "check which network and which library the weights are of"


def to_ours(architecture: str, layout: Layout, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a library's tensors to the state dict of a network of ours.

    Auxiliary heads are left out, and counters of batches that older files lack are set to 0.
    Shapes are judged where the result is loaded.

    Args:
        architecture: our name of the network.
        layout: the library whose names `tensors` has.
        tensors: the library's state dict.

    Raises:
        InputError: the library has no such network.
        CheckpointError: a name that the network has no place for, or a place without a tensor.
    """
    rules = _find_rules(architecture, layout)
    with torch.device("meta"):
        expected = create_backbone(architecture).state_dict()
    out: dict[str, Tensor] = {}
    for theirs, tensor in tensors.items():
        if _AUXILIARY.match(theirs):
            continue
        ours = _rename(theirs, rules)
        if ours not in expected:
            raise CheckpointError(
                f"{theirs}: no tensor of {architecture} in the layout of {layout}: {_HINT}"
            )
        # timm has linear layers as convolutions over the whole feature map.
        out[ours] = tensor.flatten(1) if expected[ours].ndim == 2 else tensor
    for ours in expected.keys() - out.keys():
        if not ours.endswith(_COUNTER):
            raise CheckpointError(
                f"{architecture} in the layout of {layout}: no tensor gives {ours}: {_HINT}"
            )
        out[ours] = torch.tensor(0)
    return out


def our_name(architecture: str, layout: Layout, name: str) -> str:
    """Return what a library's tensor is called here; a name that no rule knows stays as it is.

    Raises:
        InputError: the library has no such network.
    """
    return _rename(name, _find_rules(architecture, layout))


def _find_rules(architecture: str, layout: Layout) -> Rules:
    for (family, library), rules in _RULES.items():
        if library == layout and re.fullmatch(rf"{family}\d*", architecture):
            return rules
    known = [f for f, library in _RULES if library == layout]
    raise InputError(
        f"no layout {layout!r} of {architecture!r}: expected one of {', '.join(get_args(Layout))}, "
        f"of a network such as {', '.join(known)}"
    )


def _rename(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
