"""What several families are made of: convolution blocks, channel counts, starting weights."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

Stride = tuple[int, int]
"""(vertical, horizontal)."""


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round a channel count to a multiple of ``divisor``, never below 90 % of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * value else rounded + divisor


def conv_norm(
    in_channels: int, out_channels: int, kernel: int, stride: int | Stride = 1, *, groups: int = 1,
    padding: int | None = None, activation: type[nn.Module] | None = nn.ReLU,
    eps: float = 1e-5, same_padding: bool = False,
) -> nn.Sequential:  # fmt: skip
    """Build convolution "0", batch normalization "1" and activation "2", of those names.

    Args:
        in_channels: channels in.
        out_channels: channels out.
        kernel: side of the kernel.
        stride: of the convolution.
        groups: of the convolution.
        padding: on every side; by default half the kernel.
        activation: none where None; it must take ``inplace``.
        eps: of the batch normalization.
        same_padding: pad strided directions as TensorFlow does, see `pad_as_tensorflow`.
    """
    vertical, horizontal = (stride, stride) if isinstance(stride, int) else stride
    around = kernel // 2 if padding is None else padding
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if same_padding and max(vertical, horizontal) > 1:
        layers["pad"] = pad_as_tensorflow(kernel, (vertical, horizontal))
        around = 0
    layers["0"] = nn.Conv2d(
        in_channels, out_channels, kernel, (vertical, horizontal), around, groups=groups, bias=False
    )
    layers["1"] = nn.BatchNorm2d(out_channels, eps=eps)
    if activation is not None:
        layers["2"] = activation(inplace=True)
    return nn.Sequential(layers)


def pad_as_tensorflow(kernel: int, stride: Stride) -> nn.ZeroPad2d:
    """Build TensorFlow's SAME padding for sides that are multiples of the stride.

    Of the ``kernel - stride`` zeros that a direction needs, the odd one goes right and bottom.
    """
    sides = [(max(kernel - step, 0) // 2, (max(kernel - step, 0) + 1) // 2) for step in stride]
    (top, bottom), (left, right) = sides
    return nn.ZeroPad2d((left, right, top, bottom))


class Add(nn.Module):
    """Adds a shortcut to what a body made, in the body's memory unless told otherwise."""

    def __init__(self, inplace: bool = True) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """Return the sum of two tensors of one shape."""
        return x.add_(shortcut) if self.inplace else x + shortcut


def linear_head(features: int, num_classes: int, dropout: float) -> nn.Sequential:
    """Build dropout "0" and linear layer "1": the classifier after a global average pooling."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(features, num_classes))


def initialize(module: nn.Module) -> None:
    """Fill one layer of a network with batch normalization; for `nn.Module.apply`.

    Convolutions after He et al., "Delving Deep into Rectifiers", ICCV 2015, by their fan-out;
    linear layers from N(0, 0.01); biases zero.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def initialize_plain(module: nn.Module) -> None:
    """Fill one layer of a network without batch normalization; for `nn.Module.apply`.

    After He et al., ICCV 2015, by the fan-in, which keeps the size of the signal from layer to
    layer; biases zero.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, mode="fan_in")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
