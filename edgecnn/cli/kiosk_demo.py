"""``edgecnn kiosk demo``: the daemon on generated cameras, with nothing to set up."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

import click

from edgecnn.cli.output import note

_CONFIG = """\
# Written by `edgecnn kiosk demo`; the cameras are generated.
name: demo
data: data
cameras:
  notes: {source: "synthetic:notes", width: 1280, height: 720, rate: 5, faces: false}
  heads: {source: "synthetic:heads", width: 1280, height: 720, rate: 5, notes: false}
faces: {enabled: true, watch: false, key_file: %s}
storage: {retention: {thumbnails: 1}}
"""


@click.command("demo")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("kiosk-demo"),
    show_default=True, help="For its configuration, events and gallery.",
)  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8460, show_default=True,
              help="0: any free one.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(1, 86400), help="End by itself after so many.")
def command(folder: Path, port: int, seconds: float | None) -> None:
    """Run the daemon on generated notes and heads, and print the page's address and a token.

    The heads are drawn, and say nothing of how well real faces are told apart.
    """
    from edgecnn_device.kiosk.ops.begin import begin

    begun = begin(_prepare(folder, port), log_level="warning")
    # Not before: it loads numpy, which takes the number of its threads then.
    daemon = importlib.import_module("edgecnn_device.kiosk.daemon")
    if seconds is not None:
        end = threading.Timer(seconds, _end)
        end.daemon = True
        end.start()
    sys.exit(daemon.run(begun, lambda url: _welcome(url, folder)))


def _prepare(folder: Path, port: int) -> Path:
    """Write what is missing; returns the configuration's path."""
    from edgecnn.files import write_atomic

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "data").mkdir(mode=0o700, exist_ok=True)
    if not (folder / "gallery.key").exists():
        # As `edgecnn faces keygen` does, whose module would load numpy too early.
        write_atomic(folder / "gallery.key", os.urandom(32), mode=0o600)
    path = folder / "kiosk.yaml"
    key = json.dumps(str((folder / "gallery.key").resolve()))  # a name alone is a credential
    path.write_text(f"{_CONFIG % key}web: {{port: {port}}}\n", encoding="utf-8")
    return path


def _welcome(url: str, folder: Path) -> None:
    from edgecnn_device.kiosk.web.tokens import TokenStore

    _, token = TokenStore((folder / "data").resolve()).add("admin")
    click.echo(f"page: {url}\ntoken: {token}")
    note("Ctrl-C ends it")


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
