from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgecnn.errors import InputError
from edgecnn.models import create_backbone
from edgecnn.models.weights import restore_statistics


@pytest.fixture
def network() -> nn.Module:
    """A network whose batch-norm statistics are not the data's, as after an import."""
    torch.manual_seed(2)
    made = create_backbone("mobilenet_v2", width=0.25, feature_channels=32, num_classes=5).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.bias, -1, 1)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    nn.init.normal_(made.get_submodule("classifier.1").weight)  # type: ignore[arg-type]
    return made


@pytest.fixture
def batches() -> list[Tensor]:
    return [torch.rand(n, 3, 64, 64) * 2 - 1 for n in (4, 3)]


def test_outputs_stay_and_statistics_become_the_datas(
    network: nn.Module, batches: list[Tensor]
) -> None:
    every = torch.cat(batches)
    with torch.inference_mode():
        before = network(every)
    restore_statistics(network, batches)
    seen: dict[nn.BatchNorm2d, Tensor] = {}
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda m, x: seen.update({m: x[0].clone()}))
    with torch.inference_mode():
        after = network(every)
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)
    assert len(seen) == 52
    for norm, x in seen.items():
        torch.testing.assert_close(norm.running_mean, x.mean((0, 2, 3)), atol=1e-4, rtol=1e-4)
        variance = x.transpose(0, 1).flatten(1).var(1)
        torch.testing.assert_close(norm.running_var, variance, atol=1e-4, rtol=1e-3)


def test_training_mode_then_computes_nearly_the_same(
    network: nn.Module, batches: list[Tensor]
) -> None:
    restore_statistics(network, [batches[0]])
    network.get_submodule("classifier.0").eval()
    with torch.no_grad():
        expected = network.eval()(batches[0])
        assert expected.std() > 1
        for module in network.modules():
            module.training = isinstance(module, nn.BatchNorm2d)
        torch.testing.assert_close(network(batches[0]), expected, atol=0.05, rtol=0.05)


def test_modes_and_hooks_are_left_as_they_were(network: nn.Module, batches: list[Tensor]) -> None:
    network.train().get_submodule("features.0").eval()
    restore_statistics(network, batches)
    assert network.training and not network.get_submodule("features.0.1").training
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_no_batch_is_an_error(network: nn.Module) -> None:
    with pytest.raises(InputError, match="no batch"):
        restore_statistics(network, [])
