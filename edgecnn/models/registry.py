"""A backbone is a function; its name is its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from edgecnn.errors import InputError


class Backbone(Protocol):
    """What a task head needs to know of a network."""

    feature_channels: int

    def forward_features(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, feature_channels, H', W')."""
        ...


Builder = TypeVar("Builder", bound=Callable[..., nn.Module])
_BUILDERS: dict[str, Callable[..., nn.Module]] = {}


def register_backbone(builder: Builder) -> Builder:
    """Register a constructor under its function name."""
    _BUILDERS[builder.__name__] = builder
    return builder


def list_backbones() -> list[str]:
    """Return the names that `create_backbone` knows."""
    return sorted(_BUILDERS)


def create_backbone(name: str, **options: Any) -> nn.Module:
    """Build a registered network with random weights.

    Raises:
        InputError: no such name; the message lists the known ones.
    """
    builder = _BUILDERS.get(name)
    if builder is None:
        raise InputError(
            f"unknown architecture {name!r}: expected one of {', '.join(list_backbones())}"
        )
    return builder(**options)
