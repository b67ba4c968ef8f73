"""The registered networks with what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from edgecnn.errors import InputError
from edgecnn.models import list_backbones
from edgecnn.models.inspect import inspect_architecture
from edgecnn.models.registry import find_architecture


@dataclass(frozen=True)
class ListedModel:
    """One registered network at the input that it was published for."""

    name: str
    parameters: int
    macs: int
    """Multiplications for one picture."""
    input: tuple[int, int, int]
    """C, H, W."""
    tasks: tuple[str, ...]


def list_models(pattern: str | None = None) -> tuple[ListedModel, ...]:
    """Return the networks, family by family, small before large.

    Args:
        pattern: a part of the name, or one with wildcards; by default all.

    Raises:
        InputError: none matches.
    """
    names = [name for name in list_backbones() if pattern is None or _matches(name, pattern)]
    if not names:
        raise InputError(
            f"no architecture matches {pattern!r}: expected a part of one of "
            f"{', '.join(list_backbones())}"
        )
    return tuple(sorted((_measure(name) for name in names), key=_place))


def _matches(name: str, pattern: str) -> bool:
    return pattern in name or fnmatchcase(name, pattern)


def _measure(name: str) -> ListedModel:
    found, measured = find_architecture(name), inspect_architecture(name)
    return ListedModel(name, measured.parameters, measured.macs, found.input_shape, found.tasks)


def _place(model: ListedModel) -> tuple[str, int, str]:
    """Sort by family, which is the file that a network is written in, then by size."""
    return find_architecture(model.name).build.__module__, model.parameters, model.name
