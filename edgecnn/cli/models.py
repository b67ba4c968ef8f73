"""``edgecnn models``: the registered architectures."""

from __future__ import annotations

import click

from edgecnn.cli.output import json_option, print_json, print_table


@click.command("models")
@click.argument("pattern", required=False)
@json_option
def command(pattern: str | None, as_json: bool) -> None:
    """List architectures with parameters, multiply-adds at their own input, and tasks.

    PATTERN is a part of the name, or has wildcards, such as 'resnet*'.
    """
    from edgecnn.models.listing import list_models

    models = list_models(pattern)
    if as_json:
        print_json([
            {"name": m.name, "parameters": m.parameters, "macs": m.macs, "input": m.input,
             "tasks": m.tasks} for m in models
        ])  # fmt: skip
        return
    columns = ("name", "parameters", "multiply-adds", "input", "tasks")
    rows = [
        (m.name, f"{m.parameters:,}", f"{m.macs:,}", "x".join(map(str, m.input)),
         ", ".join(m.tasks)) for m in models
    ]  # fmt: skip
    print_table("", columns, rows)
