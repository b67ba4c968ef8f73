"""Reads YAML that a person wrote, and nothing else: no aliases, no tags, no key twice.

PyYAML's safe loader still lets nine short lines grow to a billion items by aliases, and takes the
last of two equal keys without a word. Its YAML 1.1 turns `no` into False and 1:30 into 90. Here
scalars follow the core schema of YAML 1.2.2, section 10.3.2, and each value keeps its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import yaml

from edgecnn.errors import ConfigError, Fault

MOST_BYTES = 64 << 10
_MOST_DEPTH = 12
_MOST_NODES = 10_000
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,3})?")
_WORDS: Mapping[str, bool | None] = MappingProxyType(
    {"": None, "~": None, "null": None, "Null": None, "NULL": None,
     "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
)  # fmt: skip

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands: keys, and numbers in lists."""


@dataclass(frozen=True)
class Document:
    """What a file holds."""

    value: object
    """A dict with str keys, list, str, int, float, bool or None."""
    lines: Mapping[Place, int]
    """Of every value, from 1."""


def read_yaml(text: str, file: str) -> Document:
    """Read one document.

    Args:
        text: its content, at most `MOST_BYTES`.
        file: its name, for the message.

    Raises:
        ConfigError: it is not YAML, or more than plain values; it names the line, and nothing that
            stands in it.
    """
    lines: dict[Place, int] = {}
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        value = None if node is None else _plain(node, (), lines)
    except _RefusedError as error:
        raise _error(file, str(error), error.line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise _error(file, "this is not YAML: check indentation, quotes and colons", line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise _error(file, "YAML does not allow a character here: delete it", line) from None
    return Document(value, MappingProxyType(lines))


def _error(file: str, message: str, line: int | None) -> ConfigError:
    return ConfigError(file, (Fault("", message, line),))


class _RefusedError(Exception):
    """Something that YAML has and a configuration has not."""

    def __init__(self, message: str, mark: Any) -> None:
        super().__init__(message)
        self.line = mark.line + 1


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses aliases, tags, depth and number before it does so."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self._nodes += 1
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError("expected plain values, got an alias (*): write it out",
                                event.start_mark)  # fmt: skip
        if getattr(event, "tag", None) is not None:
            raise _RefusedError("expected plain values, got a tag (!): delete it", event.start_mark)
        if self._depth >= _MOST_DEPTH or self._nodes > _MOST_NODES:
            raise _RefusedError(f"expected at most {_MOST_NODES} values, nested {_MOST_DEPTH} deep,"
                                " got more", event.start_mark)  # fmt: skip
        self._depth += 1
        try:
            node: yaml.Node | None = super().compose_node(parent, index)
        finally:
            self._depth -= 1
        return node


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int]) -> object:
    """Return a node's value, and note its line and those of all below it."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*place, i), lines) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node)
    found: dict[str, object] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _RefusedError("expected a name before the colon, got a list or more keys",
                                key.start_mark)  # fmt: skip
        name = _text(key)
        if name in found:
            first = lines[(*place, name)]
            raise _RefusedError(f"this key stands in line {first} already: delete one of the two",
                                key.start_mark)  # fmt: skip
        lines[(*place, name)] = key.start_mark.line + 1
        found[name] = _plain(item, (*place, name), lines)
    return found


def _scalar(node: yaml.Node) -> object:
    text = _text(node)
    if getattr(node, "style", None) is not None:  # in quotes, or a block
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _text(node: yaml.Node) -> str:
    text: str = node.value
    for character in text:
        if (character < " " and character not in "\n\t") or "\x7f" <= character <= "\x9f" or (
            "\ud800" <= character <= "\udfff"
        ):  # fmt: skip
            raise _RefusedError("expected text, got a control character: delete it",
                                node.start_mark)  # fmt: skip
    return text
