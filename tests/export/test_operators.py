from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import InputError
from edgecnn.models import create_backbone
from edgecnn_export.operators import refuse_unsupported

SPEC = InputSpec(width=16, height=16, mean=(0, 0, 0), std=(1, 1, 1))


class Odd(nn.Module):
    """Two operators that neither converter has, after one that both have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        out: Tensor = torch.special.i0(y).sum((2, 3)) + torch.special.i1(y).sum((2, 3))
        return out


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def test_all_missing_operators_are_listed_at_once() -> None:
    with pytest.raises(InputError) as caught:
        refuse_unsupported(Odd(), ("tflite", "onnx"), SPEC)
    text = str(caught.value)
    for kind in ("tflite", "onnx"):
        part = text[text.index(f"{kind} has no") :].split(";", maxsplit=1)[0]
        assert "i0" in part
        assert "i1" in part
    assert "conv" not in text.lower()


def test_control_flow_on_data_is_one_line() -> None:
    with pytest.raises(InputError, match="must not depend on the data") as caught:
        refuse_unsupported(Branching(), ("onnx",), SPEC)
    assert "\n" not in str(caught.value)


def test_networks_of_ours_are_let_through() -> None:
    refuse_unsupported(create_backbone("lenet5").eval(), ("tflite", "onnx"), InputSpec(
        width=32, height=32, channels=1, colour="grey", mean=(0,), std=(1,)))  # fmt: skip
