"""Grad-CAM: the places whose features speak for a class.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, arXiv:1610.02391.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from edgecnn.errors import InputError
from edgecnn.explain.layers import LAST, evaluating, run_tapped
from edgecnn.train.tasks.classify import probabilities


def predict(model: nn.Module, x: Tensor) -> NDArray[np.float32]:
    """Return the probability of each class for one picture (1, C, H, W); one logit is two classes.

    The network is left in the mode that it was in.
    """
    with evaluating(model), torch.no_grad():
        return np.asarray(probabilities(model(x).cpu())[0], np.float32)


def grad_cam(
    model: nn.Module, x: Tensor, target: int | None = None, layer: str | None = None
) -> NDArray[np.float32]:
    """Return where the network sees evidence for a class.

    The channels of a feature map are weighted by the mean gradient of the class's logit, added up,
    and cut at zero. Modes, statistics, parameters and their gradients are left as they were.

    Args:
        model: a classifier of pictures, such as any `ConvNet`.
        x: (1, C, H, W), prepared as for the network, on its device.
        target: index of the class; by default the predicted one. A network with one output has
            class 1, and class 0 whose logit is the negative of it.
        layer: dotted name of a layer that gives a feature map; by default the last feature map.

    Returns:
        (H, W), 0..1: 1 at the strongest place; all 0 where nothing speaks for the class.

    Raises:
        InputError: no such class or layer, or not one picture.
    """
    with torch.enable_grad():
        logits, features = run_tapped(model, x, layer or LAST, _cut)
        (gradient,) = torch.autograd.grad(_logit(logits, target), features)
    weights = gradient.mean((2, 3), keepdim=True)
    heat = (weights * features.detach()).sum(1, keepdim=True).clamp(min=0)
    size = (x.shape[2], x.shape[3])
    heat = interpolate(heat.float(), size=size, mode="bilinear", align_corners=False)[0, 0]
    strongest = heat.max()
    if strongest > 0:
        heat = heat / strongest
    return np.asarray(heat.cpu().numpy(), np.float32)


def _cut(output: Tensor) -> Tensor:
    """Start the graph here: nothing before this layer needs gradients or keeps its activations."""
    return output.detach().requires_grad_()


def _logit(logits: Tensor, target: int | None) -> Tensor:
    """Return the logit of a class, by default of the predicted one."""
    row = torch.cat((-logits[0], logits[0])) if logits.shape[1] == 1 else logits[0]
    index = int(row.argmax()) if target is None else target
    if not 0 <= index < len(row):
        raise InputError(f"no class {index}: the network has classes 0..{len(row) - 1}")
    return row[index]
