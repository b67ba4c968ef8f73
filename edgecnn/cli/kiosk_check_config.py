"""``edgecnn kiosk check-config``: everything that is wrong with a configuration, at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from edgecnn.cli.output import json_option, print_json, print_table
from edgecnn.errors import ConfigError, Fault

insecure_option = click.option(
    "--insecure-http", is_flag=True,
    help="Let others reach the page without TLS: whoever listens on the network can log in.",
)  # fmt: skip


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path))
@insecure_option
@json_option
def command(file: Path, insecure_http: bool, as_json: bool) -> None:
    """Check FILE against this machine, as the user who calls. The exit status is 78 if it is bad.

    Whether the daemon may read its secrets and write its folders depends on the user: under the
    service's own, sudo -u edgecnn edgecnn kiosk check-config FILE.
    """
    from edgecnn_device.kiosk.ops.checks import load_checked

    errors: Sequence[Fault] = ()
    warnings: Sequence[Fault] = ()
    try:
        _, report = load_checked(file, insecure_http=insecure_http)
        warnings = report.warnings
    except ConfigError as error:
        errors, warnings = error.faults, error.warnings
    if as_json:
        shown = {"errors": [_object(f) for f in errors], "warnings": [_object(f) for f in warnings]}
        print_json({"ok": not errors, **shown})
    else:
        _print(file, errors, warnings)
    sys.exit(ConfigError.exit_status if errors else 0)


def _object(fault: Fault) -> dict[str, object]:
    return {"key": fault.key, "message": fault.message, "line": fault.line}


def _print(file: Path, errors: Sequence[Fault], warnings: Sequence[Fault]) -> None:
    from rich.markup import escape

    rows = [
        (escape(fault.key), str(fault.line or ""), kind, escape(fault.message))
        for kind, faults in (("error", errors), ("warning", warnings))
        for fault in faults
    ]
    if rows:
        print_table(escape(str(file)), ("key", "line", "", "what to do"), rows, 4)
    if not errors:
        click.echo(f"{file}: the daemon can start with it")
