"""``edgecnn faces``: who is on a picture, at a stated rate of errors."""

from __future__ import annotations

import importlib
from types import MappingProxyType

import click

_VERBS = MappingProxyType(
    {
        "curve": ("faces_curve", "command", "Measure how alike different people are."),
        "delete": ("faces_people", "delete", "Delete a person."),
        "enrol": ("faces_enrol", "command", "Enrol a person from pictures."),
        "evaluate": ("faces_evaluate", "command", "Score a chain on pairs of pictures."),
        "export": ("faces_people", "export", "Write all that is kept about a person."),
        "identify": ("faces_identify", "command", "Tell who is on a picture."),
        "keygen": ("faces_people", "keygen", "Make a master key for a gallery."),
        "list": ("faces_people", "list_people", "List who is enrolled."),
        "unlock": ("faces_people", "unlock", "Let somebody try again after failures."),
        "verify": ("faces_verify", "command", "Decide whether a picture shows a person."),
    }
)
"""Module, command in it, and summary of each."""


class _Lazy(click.Group):
    """Imports the module of a verb when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module, name, _ = _VERBS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"edgecnn.cli.{module}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (*_, text) in sorted(_VERBS.items())])


@click.group("faces", cls=_Lazy)
def command() -> None:
    """Tell people apart by their faces.

    A photograph of a face may pass for the face: there is no presentation-attack detection. Do not
    authenticate by it alone, and offer another way.
    """
