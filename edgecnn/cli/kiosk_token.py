"""``edgecnn kiosk token add``, ``list`` and ``revoke``: who may use the page and the API."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.output import json_option, note, print_json, print_table

if TYPE_CHECKING:
    from edgecnn_device.kiosk.web.tokens import Role, TokenStore

data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=Path("/var/lib/edgecnn"),
    show_default=True, help="The daemon's folder, as `data` in its configuration.",
)  # fmt: skip


@click.group("token")
def command() -> None:
    """Make, list and revoke the tokens by which people and programs get in."""


@command.command("add")
@click.option("--role", type=click.Choice(("view", "operate", "admin")), required=True,
              help="view: see; operate: also recognize people; admin: everything.")  # fmt: skip
@data_option
@json_option
def add(role: Role, data: Path, as_json: bool) -> None:
    """Make a token and print it: it is shown this once. A running daemon takes it at once."""
    row, token = _store(data).add(role)
    if as_json:
        print_json({"id": row.id, "role": row.role, "token": token})
    else:
        click.echo(token)
        note(f"token {row.id} with the role {row.role}: keep it like a password")


@command.command("list")
@data_option
@json_option
def list_tokens(data: Path, as_json: bool) -> None:
    """List the tokens: id, role, when made and when used last; never the tokens themselves."""
    from edgecnn_device.kiosk.web.tokens import as_json as as_dict

    rows = _store(data).list()
    if as_json:
        print_json([as_dict(row) for row in rows])
        return
    table = [(row.id, row.role, _time(row.created), _time(row.last_used)) for row in rows]
    print_table(f"{len(rows)} tokens", ("id", "role", "created", "last used"), table)


@command.command("revoke")
@click.argument("token_id", metavar="ID")
@data_option
@json_option
def revoke(token_id: str, data: Path, as_json: bool) -> None:
    """Revoke the token with this id: a running daemon refuses it, and ends its logins, at once."""
    from edgecnn.errors import InputError

    if not _store(data).revoke(token_id):
        raise InputError(f"no token has the id {token_id}: see edgecnn kiosk token list")
    if as_json:
        print_json({"revoked": token_id})
    else:
        click.echo(f"{token_id}: revoked")


def _store(data: Path) -> TokenStore:
    from edgecnn.errors import InputError
    from edgecnn_device.kiosk.web.tokens import TokenStore

    if not data.is_dir():
        raise InputError(f"{data}: no such folder: give the daemon's own with --data")
    return TokenStore(data)


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(" ", "minutes")
