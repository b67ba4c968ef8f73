from __future__ import annotations

import inspect
import re

import pytest

from edgecnn import errors

KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.EdgecnnError)
]  # fmt: skip
DRAWN = re.compile(r"^([│├└─ ]*)(\w+Error)\s+(\d+)  ", re.MULTILINE)


def test_the_drawing_holds_every_error_and_no_other() -> None:
    names = [name for _, name, _ in DRAWN.findall(errors.__doc__ or "")]
    assert sorted(names) == sorted(kind.__name__ for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_drawn_with_its_exit_status(kind: type[errors.EdgecnnError]) -> None:
    status = {name: int(number) for _, name, number in DRAWN.findall(errors.__doc__ or "")}
    assert status[kind.__name__] == kind.exit_status


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_drawn_as_deep_as_it_stands(kind: type[errors.EdgecnnError]) -> None:
    depth = {name: len(lead) // 4 for lead, name, _ in DRAWN.findall(errors.__doc__ or "")}
    assert depth[kind.__name__] == kind.__mro__.index(errors.EdgecnnError)


def test_a_missing_extra_prints_the_pip_line() -> None:
    message = str(errors.MissingExtraError("torch", "train"))
    assert "torch" in message and message.endswith("pip install 'edgecnn[train]'")
