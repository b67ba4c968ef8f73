"""Folds batch normalization into the layer before it.

In evaluation mode both are affine in each channel, so one layer does for two (Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018, equation 14).
"""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from edgecnn_export.improve.graph import Layer, copy_float, layer_of, require_same, trace

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def fold_norms(model: nn.Module, example: Tensor) -> nn.Module:
    """Return a copy whose batch normalizations are part of the layers before them.

    Module names stay: a folded normalization becomes an identity. One that no convolution or
    linear layer feeds alone stays as it is.

    Args:
        model: any network that torch.fx can trace; it is not changed.
        example: (N, C, H, W), on which both must agree.

    Raises:
        InputError: it cannot be traced.
        EdgecnnError: the copy's outputs differ.
    """
    folded = copy_float(model)
    traced = trace(folded)
    calls = [node.target for node in traced.graph.nodes if node.op == "call_module"]
    for node in traced.graph.nodes:
        layer = _layer_before(traced, node)
        if layer is None or calls.count(node.target) > 1 or calls.count(node.args[0].target) > 1:
            continue
        _absorb(layer, traced.get_submodule(str(node.target)))
        folded.set_submodule(str(node.target), nn.Identity())
    require_same(copy_float(model), folded, example, "folding batch normalization")
    return folded


def _layer_before(traced: fx.GraphModule, node: fx.Node) -> Layer | None:
    """Return the layer whose only reader is this normalization."""
    if node.op != "call_module":
        return None
    norm = traced.get_submodule(str(node.target))
    source = node.args[0] if node.args else None
    if not isinstance(norm, _NORMS) or norm.running_var is None or not isinstance(source, fx.Node):
        return None
    return layer_of(traced, source) if len(source.users) == 1 else None


def _absorb(layer: Layer, norm: nn.Module) -> None:
    assert isinstance(norm, _NORMS) and norm.running_var is not None
    assert norm.running_mean is not None
    # In double precision: variances near zero would cost digits.
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.double()
    shift = -norm.running_mean.double() * scale
    if norm.bias is not None:
        shift = shift + norm.bias.double()
    if layer.bias is not None:
        shift = shift + layer.bias.double() * scale
    shape = (-1, *[1] * (layer.weight.ndim - 1))
    weight = layer.weight.double() * scale.view(shape)
    layer.weight.data = weight.float().contiguous()
    layer.bias = nn.Parameter(shift.to(torch.float32).contiguous(), requires_grad=False)
