"""Says in plain words what pydantic refused, and which key was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from edgecnn.errors import Fault
from edgecnn_device.kiosk.ops.strict_yaml import Document, Place

_NAME = "expected a name of lower-case letters, digits, - and _, at most 32 characters"
_PATTERNS = MappingProxyType(
    {
        "name": _NAME,
        "topic": "expected letters, digits, - and _, with / between them",
        "url": "expected http:// or https:// without credentials, spaces and @",
    }
)
"""What the schema's patterns mean, by the last key."""
_OWN_KEY = re.compile(r"([a-z_]+(?:\.[a-z_]+)*): (.+)", re.DOTALL)


def explain(
    error: ValidationError, model: type[BaseModel], document: Document
) -> tuple[Fault, ...]:
    """Return a fault for each thing that is wrong, in the order of their lines.

    Values are never told, but numbers and truth values: an address may hold credentials.

    Args:
        error: what pydantic raised.
        model: of the whole file.
        document: what was validated.
    """
    meant: set[str] = set()
    faults = []
    # Unknown keys first: what they were probably meant for need not be said to be missing.
    for found in sorted(error.errors(include_url=False), key=lambda e: e["type"] == "missing"):
        place = tuple(found["loc"])
        if found["type"] == "extra_forbidden":
            near = nearest(str(place[-1]), list(_known(model, place[:-1])))
            meant |= {dotted((*place[:-1], near))} if near else set()
            faults.append(_fault(place, _unknown(model, place, near), document))
        elif not (found["type"] == "missing" and dotted(place) in meant):
            faults.append(_told(found, place, document))
    return tuple(sorted(faults, key=lambda f: f.line or 0))


def dotted(place: Sequence[str | int]) -> str:
    """Return a place as people write it: cameras.door.rate."""
    return ".".join(str(part)[:64] for part in place)


def nearest(given: str, known: Sequence[str]) -> str | None:
    """Return the known name that is most alike, where one is alike at all."""
    found = difflib.get_close_matches(given[:64].lower(), known, 1, 0.6)
    return found[0] if found else None


def line_of(document: Document, place: Place) -> int | None:
    """Return the line of a value, or of the nearest thing around it that stands in the file."""
    for length in range(len(place), 0, -1):
        if place[:length] in document.lines:
            return document.lines[place[:length]]
    return None


def _fault(place: Place, message: str, document: Document) -> Fault:
    return Fault(dotted(place), message, line_of(document, place))


def _unknown(model: type[BaseModel], place: Place, near: str | None) -> str:
    if near:
        return f"there is no such key: did you mean {near}?"
    return f"there is no such key: expected one of {', '.join(_known(model, place[:-1]))}"


def _told(found: Any, place: Place, document: Document) -> Fault:
    """Return the fault for an error that is not about an unknown key."""
    kind, given = found["type"], found["input"]
    if place and place[-1] == "[key]":
        return _fault(place[:-1], _NAME, document)
    if kind == "missing":
        return _fault(place, "expected this key, but it is missing", document)
    message = found["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    if kind == "value_error":  # of the schema's own validators, which name their key
        own = _OWN_KEY.fullmatch(message)
        key = (*place, *own[1].split(".")) if own else place
        return _fault(key, own[2] if own else message, document)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        message = "expected keys below it"
    elif kind == "string_pattern_mismatch":
        message = _PATTERNS.get(str(place[-1]), "expected another form")
    elif not message.startswith("expected"):
        message = "expected: " + message[0].lower() + message[1:]
    return _fault(place, f"{message}, got {_came(given, kind)}", document)


def _came(given: object, kind: str) -> str:
    """Describe a value without telling it, where it may be a secret."""
    if given is None:
        return "nothing: write a value, or delete the line"
    if isinstance(given, bool | int | float):
        quoted = ": put it in quotes" if kind == "string_type" else ""
        return f"{str(given).lower() if isinstance(given, bool) else given}{quoted}"
    if isinstance(given, Mapping):
        return "keys below it"
    if isinstance(given, str):
        return f"a text of {len(given)} characters"
    return "a list"


def _known(model: type[BaseModel], place: Place) -> Iterator[str]:
    """Yield the keys that a section may have."""
    here: list[type[BaseModel]] = [model]
    for part in place:
        fields = here[0].model_fields if here else {}
        if str(part) in fields and (models := list(_models(fields[str(part)].annotation))):
            here = models
    yield from here[0].model_fields


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the sections that a type holds, however deep: `dict[Name, CameraConfig] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
