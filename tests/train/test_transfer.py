from __future__ import annotations

from typing import cast

import pytest
import torch
from pydantic import ValidationError

from edgecnn.errors import RecipeError
from edgecnn.models import create_backbone
from edgecnn.models.base import ConvNet
from edgecnn.train.transfer import TransferSection, freeze, hold

WAYS = {
    "A": TransferSection(batch_norm="frozen"),
    "B": TransferSection(train="late", freeze_until="features.9"),
    "C": TransferSection(train="classifier"),
}


def _model() -> ConvNet:
    torch.manual_seed(0)
    model = cast(ConvNet, create_backbone("mobilenet_v2", width=0.25, num_classes=4))
    for _ in range(30):  # give batch-norm statistics that keep the signal alive
        model(torch.rand(4, 3, 64, 64))
    return model


def _step(model: ConvNet, options: TransferSection) -> None:
    freeze(model, options)
    model.train()
    hold(model, options)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    model(torch.rand(4, 3, 64, 64)).square().sum().backward()
    optimizer.step()


def _changed(model: ConvNet, before: dict[str, torch.Tensor]) -> set[str]:
    return {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_what_is_frozen_does_not_move_and_the_rest_does(way: str) -> None:
    model = _model()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    _step(model, WAYS[way])
    changed = _changed(model, before)
    early = {k for k in before if k.startswith(tuple(f"features.{i}." for i in range(10)))}
    base = {k for k in before if k.startswith("features.")}
    frozen = {"A": set(), "B": early, "C": base}[way]
    assert not changed & frozen
    statistics = {k for k in before if "running" in k or "num_batches" in k}
    if way == "B":  # the late part's batch-norm is live
        assert changed & statistics == statistics - early
    else:
        assert not changed & statistics
    assert set(before) - frozen - statistics == changed - statistics


def test_an_unknown_module_is_named_with_the_nearest() -> None:
    options = TransferSection(train="late", freeze_until="featurs.9")
    with pytest.raises(RecipeError, match=r"did you mean features\.9"):
        freeze(_model(), options)


@pytest.mark.parametrize(
    ("keys", "says"),
    [({"train": "late"}, "freeze_until"), ({"freeze_until": "features.2"}, "freeze_until"),
     ({"cache": "x"}, "train: classifier")],
)  # fmt: skip
def test_keys_that_do_not_fit_together_are_refused(keys: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TransferSection.model_validate(keys)
