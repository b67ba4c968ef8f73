"""The layer table of a network, whatever file or framework it comes from."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from edgecnn.vision.layer_steps import Shape, Step
from edgecnn.vision.receptive import Fields, join

SEES_ALL = "sees the whole input"
SHARED = "parameters shared with a layer above"
SEPARABLE = ", depthwise-separable"


@dataclass(frozen=True)
class LayerRow:
    """One layer."""

    name: str
    kind: str
    """Such as ``depthwise conv2d 3x3 stride 2``."""
    output: tuple[int, ...]
    """Shape without the batch axis; empty where the layer does not run."""
    parameters: int
    """Those not counted in an earlier row."""
    macs: int
    """Multiplications of convolutions, linear layers and matrix products; others count none."""
    receptive_field: tuple[int, ...]
    """Pixels of the input per spatial dimension; empty where it cannot be told."""
    note: str = ""


@dataclass(frozen=True)
class Inspection:
    """A network, layer by layer."""

    name: str
    input: tuple[int, ...]
    """C, H, W of the picture; C, L of a signal; C, D, H, W of a volume."""
    layers: tuple[LayerRow, ...]
    receptive_field: tuple[int, ...]
    """Of the output."""

    @property
    def parameters(self) -> int:
        """Weights and biases, each counted once."""
        return sum(row.parameters for row in self.layers)

    @property
    def macs(self) -> int:
        """Multiplications for one input."""
        return sum(row.macs for row in self.layers)


class TableBuilder:
    """Collects rows while a graph is walked; a key names the tensor that a layer puts out."""

    def __init__(self) -> None:
        self.rows: list[LayerRow] = []
        self._fields: dict[Hashable, Fields | None] = {}
        self._counted: set[Hashable] = set()
        self._depthwise: set[Hashable] = set()
        """Outputs of depthwise convolutions, and what acts on them element by element."""

    def put(self, key: Hashable, fields: Fields | None) -> None:
        """State the fields of a tensor that has no row: the input, or a part of another."""
        self._fields[key] = fields

    def __contains__(self, key: Hashable) -> bool:
        """Tell whether a tensor depends on the input."""
        return key in self._fields

    def fields(self, key: Hashable) -> Fields | None:
        """Return the fields of a tensor; None where they cannot be told."""
        return self._fields[key]

    def count(self, parameters: Iterable[tuple[Hashable, int]]) -> tuple[int, bool]:
        """Return how many elements have not been counted before, and whether some have.

        Args:
            parameters: identity and number of elements of each.
        """
        fresh, shared = 0, False
        for key, elements in parameters:
            shared |= key in self._counted
            fresh += 0 if key in self._counted else elements
            self._counted.add(key)
        return fresh, shared

    def add(
        self, name: str, key: Hashable, parts: Sequence[Hashable], step: Step, before: Shape,
        output: Shape, parameters: Sequence[tuple[Hashable, int]] = (),
    ) -> None:  # fmt: skip
        """Record a layer; one that changes nothing but values gets no row.

        Args:
            name: its place in the network.
            key: of its output.
            parts: keys of those of its inputs that depend on the network's input, at least one.
            step: what it does.
            before: shape of the first part.
            output: shape of its output.
            parameters: identity and number of elements of each.
        """
        source = self._fields[parts[0]]
        self._fields[key] = step.fields
        plain = len(parts) == 1 and tuple(before) == tuple(output) and source == step.fields
        kind = step.kind
        if kind.startswith("pointwise") and parts[0] in self._depthwise:
            kind += SEPARABLE
        if kind.startswith("depthwise") or (plain and parts[0] in self._depthwise):
            self._depthwise.add(key)
        if plain and not parameters and not step.macs:
            return
        fresh, shared = self.count(parameters)
        sees_all = step.fields is not None and step.fields.whole
        new = sees_all and not (source is not None and source.whole)
        notes = (step.note, SEES_ALL if new else "", SHARED if shared else "")
        pixels = step.fields.pixels if step.fields is not None else ()
        self.rows.append(LayerRow(
            name, kind, tuple(int(side) for side in output[1:]), fresh, step.macs, pixels,
            "; ".join(note for note in notes if note),
        ))  # fmt: skip

    def output_field(self, keys: Sequence[Hashable]) -> tuple[int, ...]:
        """Return what the outputs of the network see, the largest of several."""
        known = [f for key in keys if (f := self._fields.get(key)) is not None]
        if not known or len(known) < len(keys):
            return ()
        return join(known, min(len(fields.axes) for fields in known)).pixels
