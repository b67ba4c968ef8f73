"""What an equalization must bring back: a copy on which plain int8 fails, in both formats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgecnn.bundle.manifest import Format
from edgecnn.errors import InputError
from edgecnn_device.backends import open_backend
from edgecnn_export.improve.caps import CappedReLU
from edgecnn_export.improve.equalize import equalize
from edgecnn_export.improve.fold import fold_norms
from edgecnn_export.improve.rescale import rescale
from edgecnn_export.quantize import measure_ranges, quantize
from edgecnn_export.to_onnx import to_onnx
from edgecnn_export.to_tflite import to_tflite

Make = Callable[[type[nn.Module]], nn.Module]


def int8_sqnr(model: nn.Module, inputs: Tensor, kind: Format) -> float:
    """Return signal to noise in dB of a network's int8 file."""
    pictures = inputs.permute(0, 2, 3, 1).contiguous().numpy()
    fp32 = (to_onnx if kind == "onnx" else to_tflite)(model, pictures[:1])
    ranges = measure_ranges(kind, fp32, pictures, "minmax")
    backend = open_backend(kind, quantize(kind, fp32, "int8", ranges))
    found = np.concatenate([backend.run(x[None])[0] for x in pictures])
    wanted = model(inputs).detach().numpy()
    return float(10 * np.log10(np.square(wanted).sum() / np.square(found - wanted).sum()))


def test_a_copy_computes_the_same_with_other_weights(make_small: Make, inputs: Tensor) -> None:
    net = fold_norms(make_small(nn.ReLU6), inputs)
    copy = rescale(net, inputs)
    torch.testing.assert_close(copy(inputs), net(inputs), rtol=1e-3, atol=1e-4)
    made = copy.get_parameter("project.0.0.weight") / net.get_parameter("project.0.0.weight")
    assert float(made.max() / made.min()) > 64
    assert [type(m) for m in copy.modules()] == [type(m) for m in net.modules()]


def test_a_seed_draws_the_same(make_small: Make, inputs: Tensor) -> None:
    net = fold_norms(make_small(nn.ReLU), inputs)
    one, two, other = (rescale(net, inputs, seed=seed) for seed in (1, 1, 2))
    name = "body.0.0.weight"
    assert torch.equal(one.get_parameter(name), two.get_parameter(name))
    assert not torch.equal(one.get_parameter(name), other.get_parameter(name))


def test_through_caps_every_relu6_gets_caps(make_small: Make, inputs: Tensor) -> None:
    net = fold_norms(make_small(nn.ReLU6), inputs)
    copy = rescale(net, inputs * 8, through_caps=True)
    caps = [m.cap for m in copy.modules() if isinstance(m, CappedReLU)]
    assert len(caps) == 3
    assert all(cap.min() < 1 and cap.max() > 36 for cap in caps)


def test_nothing_to_rescale_says_why(inputs: Tensor) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Tanh(), nn.Conv2d(4, 4, 1)).eval()
    with pytest.raises(InputError, match="nothing to rescale: 1 x Tanh is not"):
        rescale(net, inputs)


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_plain_int8_fails_on_the_copy_and_equalizing_brings_it_back(
    make_small: Make, inputs: Tensor, kind: Format
) -> None:
    net = fold_norms(make_small(nn.ReLU6), inputs)
    copy = rescale(net, inputs)
    assert int8_sqnr(copy, inputs, kind) < 15
    assert int8_sqnr(equalize(copy, inputs).model, inputs, kind) > 25


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_caps_per_channel_convert(make_small: Make, inputs: Tensor, kind: Format) -> None:
    net = fold_norms(make_small(nn.ReLU6), inputs)
    assert int8_sqnr(equalize(net, inputs, caps="keep").model, inputs, kind) > 25
