"""A backbone is a function; its name is its id."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn

from edgecnn.errors import InputError


class Backbone(Protocol):
    """What a task head needs to know of a network."""

    feature_channels: int

    def forward_features(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, feature_channels, H', W')."""
        ...


@dataclass(frozen=True)
class Architecture:
    """A registered network."""

    name: str
    build: Callable[..., nn.Module]
    input_shape: tuple[int, int, int]
    """C, H, W of the picture that it was published for."""
    tasks: tuple[str, ...]
    """Tasks whose heads it serves."""

    def check_options(self, options: Iterable[str]) -> None:
        """Raise `InputError`, naming the nearest, for an option the constructor does not take."""
        known = inspect.signature(self.build).parameters
        for option in options:
            if option not in known:
                near = difflib.get_close_matches(option, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
                raise InputError(f"{self.name} takes no option {option!r}: {hint}")


PICTURE_TASKS = ("classify", "embed", "landmarks", "localize")
"""What every network of the package can serve."""

Builder = TypeVar("Builder", bound=Callable[..., nn.Module])
_ARCHITECTURES: dict[str, Architecture] = {}


def register_backbone(
    *, input_shape: tuple[int, int, int] = (3, 224, 224), detects: bool = False,
    reads: bool = False, name: str | None = None,
) -> Callable[[Builder], Builder]:  # fmt: skip
    """Register a constructor under its function name, or under ``name``.

    Args:
        input_shape: C, H, W of the picture that it was published for.
        detects: whether it has feature maps of strides 8, 16 and 32 for a pyramid.
        reads: whether its strides can be chosen, for lines of text.
        name: of the network.
    """

    def register(builder: Builder) -> Builder:
        key = name or builder.__name__
        more = {"detect": detects, "read": reads}
        tasks = sorted((*PICTURE_TASKS, *(task for task, serves in more.items() if serves)))
        _ARCHITECTURES[key] = Architecture(key, builder, input_shape, tuple(tasks))
        return builder

    return register


def list_backbones() -> list[str]:
    """Return the names that `create_backbone` knows."""
    return sorted(_ARCHITECTURES)


def find_architecture(name: str) -> Architecture:
    """Return what is registered under a name.

    Raises:
        InputError: no such name; the message names the nearest, or lists the known ones.
    """
    found = _ARCHITECTURES.get(name)
    if found is None:
        near = difflib.get_close_matches(name, _ARCHITECTURES, n=1)
        hint = (
            f"did you mean {near[0]}?" if near else f"expected one of {', '.join(list_backbones())}"
        )
        raise InputError(f"unknown architecture {name!r}: {hint}")
    return found


def create_backbone(name: str, **options: Any) -> nn.Module:
    """Build a registered network with random weights.

    Raises:
        InputError: no such name, or an option that its constructor does not take.
    """
    found = find_architecture(name)
    found.check_options(options)
    return found.build(**options)
