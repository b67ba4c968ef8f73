"""``edgecnn verify``: hashes, signature, and golden inputs replayed on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgecnn.cli.output import find_bundle, json_option, print_json, print_table


@click.command("verify")
@click.argument("bundle")
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Require a signature of this key (NAME.pub of edgecnn keygen).",
)
@json_option
def command(bundle: str, public_key: Path | None, as_json: bool) -> None:
    """Check BUNDLE and replay its golden inputs with every runtime that is installed.

    Exit status 1 when a replay differs, 2 when the file itself is not as it should be.
    """
    from edgecnn.bundle.sign import load_public_key
    from edgecnn_device.verify import verify

    keys = () if public_key is None else (load_public_key(public_key),)
    checks = verify(find_bundle(bundle), keys)
    ok = all(c.ok for c in checks)
    if as_json:
        shown = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in checks]
        print_json({"ok": ok, "checks": shown})
    else:
        rows = [(c.name, "ok" if c.ok else "FAILED", c.detail) for c in checks]
        print_table("", ("check", "", "detail"), rows)
    sys.exit(0 if ok else 1)
