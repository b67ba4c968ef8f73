from __future__ import annotations

import pytest
from torch import nn

from edgecnn.errors import InputError
from edgecnn.models.layer_chain import parse_chain


def test_a_chain_is_read_in_torchs_own_terms() -> None:
    chain = parse_chain("Conv2d(192, 16, 1) | ReLU() | Conv2d(16, 32, (3, 5), padding='same')")
    assert [type(layer) for layer in chain] == [nn.Conv2d, nn.ReLU, nn.Conv2d]
    assert chain[2].kernel_size == (3, 5)
    assert chain[0].weight.device.type == "meta"


def test_one_layer_is_a_chain() -> None:
    assert len(parse_chain(" MaxPool2d(3, stride=2, ceil_mode=True)\n")) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not readable"),
        ("Conv2d(1, 2", "not readable"),
        ("Conv2d(1, 2, 3)\0", "not readable"),
        ("-" * 100_000 + "1", "not readable"),
        ("Conv2d", "expected a layer"),
        ("Conv2d(1, 2, 3) & ReLU()", "expected a layer"),
        ("nn.Conv2d(1, 2, 3)", "expected a layer"),
        ("Conv2d(1, 2, 3).cuda()", "expected a layer"),
        ("LSTM(1, 2)", "unknown layer 'LSTM'"),
        ("open('x')", "unknown layer 'open'"),
        ("Conv2d(1, 2, __import__('os'))", "plain numbers"),
        ("Conv2d(1, 2, x)", "plain numbers"),
        ("Conv2d(1, 2, *[3])", "plain numbers"),
        ("Conv2d(1, 2, {3: 4})", "expected numbers"),
        ("Conv2d(1, 2, **{})", "shape only"),
        ("Conv2d(1, 2, 3, device='cpu')", "shape only"),
        ("Conv2d(1, 2)", "kernel_size"),
        ("Conv2d(1, 2, 3, groups=5)", "divisible"),
        ("Conv2d(1, 2, -3)", "negative"),
    ],
)
def test_anything_else_is_one_clear_error(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse_chain(text)
    assert "\n" not in str(caught.value)
