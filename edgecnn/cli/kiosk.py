"""``edgecnn kiosk``: the daemon, and what its administrator needs."""

from __future__ import annotations

import importlib
from types import MappingProxyType

import click

_VERBS = MappingProxyType(
    {
        "check-config": ("kiosk_check_config", "Check a configuration without starting."),
        "demo": ("kiosk_demo", "Run the daemon on generated cameras, to look at it."),
        "install": ("kiosk_install", "Write the systemd unit and an example configuration."),
        "run": ("kiosk_run", "Run the daemon until it is told to stop."),
        "token": ("kiosk_token", "Give people and programs access to the page and the API."),
    }
)
"""Module and summary of each."""


class _Lazy(click.Group):
    """Imports the module of a verb when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        found: click.Command = importlib.import_module(f"edgecnn.cli.{_VERBS[cmd_name][0]}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(_VERBS.items())])


@click.group("kiosk", cls=_Lazy)
def command() -> None:
    """Run the camera kiosk daemon: cameras in, events out, and a page that shows what it does."""
