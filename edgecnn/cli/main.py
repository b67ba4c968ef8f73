"""The entry point: verbs are imported only when they are called."""

from __future__ import annotations

import importlib
import os
import sys
from types import MappingProxyType

import click

from edgecnn import __version__
from edgecnn.errors import EdgecnnError, MissingExtraError

VERBS = MappingProxyType(
    {
        "bench": "edgecnn.cli.bench",
        "data": "edgecnn.cli.data",
        "evaluate": "edgecnn.cli.evaluate",
        "explain": "edgecnn.cli.explain",
        "export": "edgecnn.cli.export",
        "faces": "edgecnn.cli.faces",
        "inspect": "edgecnn.cli.inspect",
        "keygen": "edgecnn.cli.keygen",
        "kiosk": "edgecnn.cli.kiosk",
        "models": "edgecnn.cli.models",
        "read": "edgecnn.cli.read",
        "run": "edgecnn.cli.run",
        "train": "edgecnn.cli.train",
        "verify": "edgecnn.cli.verify",
    }
)

SUMMARIES = MappingProxyType(
    {
        "bench": "Measure every variant of a bundle on this machine.",
        "data": "Check data sets, and generate data.",
        "evaluate": "Score a RUN or a bundle on a dataset.",
        "explain": "Show what of a picture a RUN looks at.",
        "export": "Turn a RUN into a bundle, and prove it.",
        "faces": "Tell people apart by their faces.",
        "inspect": "Print the layers of a network: shapes, cost, receptive field.",
        "keygen": "Make an Ed25519 pair for signing bundles.",
        "kiosk": "Run the camera kiosk daemon.",
        "models": "List the networks with parameters and cost.",
        "read": "Read the serial numbers of banknotes.",
        "run": "Run a bundle on pictures.",
        "train": "Train a network from a recipe.",
        "verify": "Check a bundle and replay its golden inputs here.",
    }
)


class _Lazy(click.Group):
    """Imports the module of a verb when the verb is called or its own help is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(SUMMARIES.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgecnn")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Train small convolutional networks, export them with proof, run them on small boards.

    Exit status: 0 done; 1 a gate or check failed; 2 usage or bad input; 3 a missing extra;
    78 a bad configuration of the daemon.
    """
    ctx.obj = debug


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status; an error is one line on stderr."""
    given = sys.argv[1:] if arguments is None else arguments
    # Threads that spin while they wait take the core that a data worker needs. It must be set
    # before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # onnxruntime would send events over the network; see edgecnn_device.backends.runtime.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        sys.exit(cli.main(given, standalone_mode=False) or 0)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except EdgecnnError as error:
        if "--debug" in given:
            raise
        print(f"edgecnn: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except ModuleNotFoundError as error:
        extra = _EXTRA_OF.get((error.name or "").split(".")[0])
        if extra is None or "--debug" in given:
            raise
        missing = MissingExtraError(str(error.name), extra)
        print(f"edgecnn: {missing}", file=sys.stderr)
        sys.exit(missing.exit_status)


_EXTRA_OF = MappingProxyType(
    {
        "torch": "train", "safetensors": "train", "matplotlib": "train", "onnx": "export",
        "onnxscript": "export", "litert_torch": "export", "ai_edge_quantizer": "export",
        "fastapi": "kiosk", "paho": "kiosk", "prometheus_client": "kiosk",
        "python_multipart": "kiosk", "uvicorn": "kiosk", "websockets": "kiosk",
    }
)  # fmt: skip
