"""Receptive fields: how much of the input an element of a feature map sees.

Followed layer by layer as (size, jump), after Araujo et al., "Computing Receptive Fields of
Convolutional Neural Networks", Distill, 2019: a window of reach k and stride s adds (k - 1) jump
to the size and multiplies the jump by s. Padding counts, so that a size may exceed the input's,
until something such as a global pooling sees the whole input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import ceil, prod

from edgecnn.vision.arithmetic import Window


@dataclass(frozen=True)
class Field:
    """What one element sees along one dimension of the input, in pixels."""

    extent: int
    """Length of the input."""
    size: Fraction = Fraction(1)
    jump: Fraction = Fraction(1)
    """From the field of one element to its neighbour's; 0 once all see the same."""
    whole: bool = False
    """Whether every element sees all of the input."""

    @property
    def pixels(self) -> int:
        """The size, rounded up."""
        return self.extent if self.whole else ceil(self.size)

    def slide(self, window: Window) -> Field:
        """Return the field behind a window."""
        return self._grow(window.reach, self.jump * window.stride)

    def spread(self, window: Window) -> Field:
        """Return the field behind a transposed convolution.

        Its inputs stand ``stride`` apart, so that at most ceil(reach / stride) of them meet.
        """
        return self._grow(-(-window.reach // window.stride), self.jump / window.stride)

    def rescale(self, before: int, after: int, seen: int) -> Field:
        """Return the field after resizing, each new element made of ``seen`` old ones."""
        return self._grow(seen, self.jump * Fraction(before, after))

    def collapse(self, length: int) -> Field:
        """Return the field of something that sees all ``length`` elements at once."""
        grown = self._grow(length, Fraction(0))
        return replace(grown, whole=grown.size >= self.extent)

    def _grow(self, seen: int, jump: Fraction) -> Field:
        return replace(self, size=self.size + (seen - 1) * self.jump, jump=jump)


@dataclass(frozen=True)
class Fields:
    """The receptive field of a tensor."""

    along: tuple[Field, ...]
    """Per spatial dimension of the input."""
    axes: tuple[frozenset[int], ...]
    """Per axis of the tensor, the dimensions of the input that run along it."""

    @property
    def pixels(self) -> tuple[int, ...]:
        """The size along each dimension of the input."""
        return tuple(field.pixels for field in self.along)

    @property
    def whole(self) -> bool:
        """Whether every element sees all of the input."""
        return all(field.whole for field in self.along)

    def slide(self, windows: Mapping[int, Window]) -> Fields:
        """Move a window along some axes."""
        return self._on({axis: partial(Field.slide, window=w) for axis, w in windows.items()})

    def spread(self, windows: Mapping[int, Window]) -> Fields:
        """Spread some axes by a transposed convolution."""
        return self._on({axis: partial(Field.spread, window=w) for axis, w in windows.items()})

    def rescale(self, axis: int, before: int, after: int, seen: int) -> Fields:
        """Resize an axis; see `Field.rescale`."""
        return self._on({axis: partial(Field.rescale, before=before, after=after, seen=seen)})

    def collapse(self, axes: Sequence[int], shape: Sequence[int]) -> Fields:
        """See some axes of a tensor of this shape at once; the axes stay."""
        return self._on({axis: partial(Field.collapse, length=shape[axis]) for axis in axes})

    def permute(self, order: Sequence[int]) -> Fields:
        """Reorder the axes."""
        return replace(self, axes=tuple(self.axes[axis] for axis in order))

    def reshape(self, before: Sequence[int], after: Sequence[int]) -> Fields:
        """Follow the axes into another shape with as many elements."""
        axes: list[frozenset[int]] = []
        for old, new in _groups(before, after):
            run: frozenset[int] = frozenset()
            for axis in old:
                run |= self.axes[axis] if before[axis] > 1 else frozenset()
            axes += [run if after[axis] > 1 else frozenset() for axis in new]
        return replace(self, axes=tuple(axes))

    def _on(self, steps: Mapping[int, Callable[[Field], Field]]) -> Fields:
        along = list(self.along)
        for axis, step in steps.items():
            for dimension in self.axes[axis]:
                along[dimension] = step(along[dimension])
        return replace(self, along=tuple(along))


def fields_of_input(shape: Sequence[int], spatial: Sequence[int]) -> Fields:
    """Return the fields of an input: every pixel sees itself.

    Args:
        shape: of the input, with its batch axis.
        spatial: the axes that pixels lie along.
    """
    axes = [frozenset[int]() for _ in shape]
    for dimension, axis in enumerate(spatial):
        axes[axis] = frozenset({dimension})
    return Fields(tuple(Field(shape[axis]) for axis in spatial), tuple(axes))


def join(parts: Sequence[Fields], rank: int) -> Fields:
    """Return the fields of an element made of one of each part: the largest along each dimension.

    Args:
        parts: at least one.
        rank: axes of the result; shorter parts are aligned at the right, as in broadcasting.
    """
    along = []
    for fields in zip(*(part.along for part in parts), strict=True):
        largest = max(fields, key=lambda f: f.size)
        jump = max(f.jump for f in fields)
        along.append(replace(largest, jump=jump, whole=any(f.whole for f in fields)))
    axes = []
    for axis in range(-rank, 0):
        runs = (part.axes[axis] for part in parts if len(part.axes) >= -axis)
        axes.append(frozenset[int]().union(*runs))
    return Fields(tuple(along), tuple(axes))


def _groups(before: Sequence[int], after: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Split the axes of two shapes into the shortest runs with equal products."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        old, new = list(range(i, min(i + 1, len(before)))), list(range(j, min(j + 1, len(after))))
        i, j = i + len(old), j + len(new)
        while (a := prod(before[k] for k in old)) != (b := prod(after[k] for k in new)):
            if (a < b and i < len(before)) or j >= len(after):
                old.append(i)
                i += 1
            else:
                new.append(j)
                j += 1
        groups.append((old, new))
    return groups
