"""``edgecnn kiosk run``: the daemon itself."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.kiosk_check_config import insecure_option

if TYPE_CHECKING:
    from edgecnn_device.kiosk.ops.logs import LogFormat


@click.command("run")
@click.argument("config", type=click.Path(path_type=Path))
@insecure_option
@click.option(
    "--log-format", type=click.Choice(["auto", "json", "text"]), default="auto", show_default=True,
    help="auto: text on a terminal, else JSON.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info",
    show_default=True,
)  # fmt: skip
def command(config: Path, insecure_http: bool, log_format: LogFormat, log_level: str) -> None:
    """Run the daemon with CONFIG until SIGTERM or Ctrl-C; SIGHUP reads CONFIG again.

    The exit status is 78 where CONFIG is bad: edgecnn kiosk check-config tells all that is wrong.
    """
    from edgecnn_device.kiosk.ops.begin import begin

    begun = begin(
        config, insecure_http=insecure_http, log_format=log_format, log_level=log_level
    )  # fmt: skip
    # Not before: it loads numpy, which takes the number of its threads then.
    daemon = importlib.import_module("edgecnn_device.kiosk.daemon")
    sys.exit(daemon.run(begun))
