"""``edgecnn kiosk install``: the daemon as a systemd service."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

import click

from edgecnn.cli.output import json_option, print_json, print_table

_NEXT = """\
Next: systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload
      look into {config}, and put secrets into {secrets}
      systemctl enable --now edgecnn-kiosk"""


@click.command("install")
@click.option(
    "--config", type=PurePosixPath, default="/etc/edgecnn/kiosk.yaml",
    show_default=True, help="The configuration; what is there is never overwritten.",
)  # fmt: skip
@click.option(
    "--python", type=PurePosixPath,
    help="The interpreter of the environment that has edgecnn; default: the one that runs this, "
    "under --root /opt/edgecnn/bin/python.",
)  # fmt: skip
@click.option(
    "--root", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("/"),
    help="Install into the file system of an image.",
)  # fmt: skip
@click.option("--print", "only_print", is_flag=True, help="Show what would be written.")
@click.option("--overwrite", is_flag=True, help="Replace another unit.")
@json_option
def command(
    config: PurePosixPath, python: PurePosixPath | None, root: Path, only_print: bool,
    overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write the systemd unit, its user, and an example configuration.

    Install again after a change of credentials or folders in the configuration: they stand in the
    unit.
    """
    from edgecnn_device.kiosk.ops.install import install, installed_files, make_unit
    from edgecnn_device.kiosk.ops.unit import PYTHON, SECRETS

    own = PYTHON if root != Path("/") else PurePosixPath(sys.executable)
    unit = make_unit(root, python or own, config)
    if only_print:
        files = installed_files(unit)
        if as_json:
            print_json([{"path": str(file.path), "text": file.text} for file in files])
            return
        for file in files:
            click.echo(f"# {file.path}\n{file.text}")
        return
    outcomes = install(unit, root, overwrite)
    if as_json:
        print_json([{"path": str(o.path), "state": o.state} for o in outcomes])
        return
    print_table("", ("file", ""), [(str(o.path), o.state) for o in outcomes], 2)
    click.echo(_NEXT.format(config=config, secrets=SECRETS))
