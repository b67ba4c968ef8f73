"""A chain of layers written in torch's own terms: ``Conv2d(192, 16, 1) | Conv2d(16, 32, 5)``."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

import torch
from torch import nn

from edgecnn.errors import InputError

LAYERS = frozenset(
    {
        *(f"{kind}{rank}d" for rank in (1, 2, 3) for kind in (
            "Conv", "ConvTranspose", "MaxPool", "AvgPool", "AdaptiveAvgPool", "BatchNorm"
        )),
        "Linear", "ReLU", "ReLU6", "Flatten",
    }
)  # fmt: skip
"""Classes of torch.nn that a chain may name."""

Literal = int | float | bool | str | tuple[int, ...] | None


def parse_chain(text: str) -> nn.Sequential:
    """Build a chain of layers, on the meta device: shapes without numbers.

    Only the names in `LAYERS` and literal arguments are understood; no code is run.

    Raises:
        InputError: anything else; the message names the part that is wrong.
    """
    try:
        # Depth is what the parser itself allows; a longer chain raises RecursionError.
        calls = list(_calls(ast.parse(text.strip(), mode="eval").body))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"layer chain {_short(text)}: not readable: expected such as "
            "'Conv2d(192, 16, 1) | Conv2d(16, 32, 5, padding=2)'"
        ) from error
    return nn.Sequential(*(_build(call) for call in calls))


def _calls(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _calls(node.left)
        yield node.right
    else:
        yield node


def _build(node: ast.expr) -> nn.Module:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise InputError(f"layer chain: expected a layer such as Conv2d(3, 8, 5), got {_say(node)}")
    if node.func.id not in LAYERS:
        raise InputError(
            f"layer chain: unknown layer {node.func.id!r}: expected one of "
            f"{', '.join(sorted(LAYERS))}"
        )
    given = [_literal(argument, node) for argument in node.args]
    named = {word.arg: _literal(word.value, node) for word in node.keywords if word.arg}
    if len(named) < len(node.keywords) or {"device", "dtype"} & named.keys():
        raise InputError(f"layer chain: {_say(node)}: expected arguments of the layer's shape only")
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers without elements: refused later, by size
            layer: nn.Module = getattr(nn, node.func.id)(*given, **named)
    except Exception as error:  # whatever torch thinks of the arguments
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise InputError(f"layer chain: {_say(node)}: {reason}") from error
    return layer


def _literal(node: ast.expr, call: ast.Call) -> Literal:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise InputError(
            f"layer chain: {_say(call)}: expected plain numbers as arguments, got {_say(node)}"
        ) from error
    items = value if isinstance(value, tuple | list) else (value,)
    if not all(item is None or isinstance(item, int | float | str) for item in items):
        raise InputError(f"layer chain: {_say(call)}: expected numbers, got {_say(node)}")
    return tuple(value) if isinstance(value, list) else value


def _say(node: ast.expr) -> str:
    return _short(ast.unparse(node))


def _short(text: str) -> str:
    """Quote on one line, cut where it is long."""
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else f"{line[:57]}...")
