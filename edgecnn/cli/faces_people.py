"""``edgecnn faces list``, ``delete``, ``export``, ``unlock`` and ``keygen``: to administer."""

from __future__ import annotations

from pathlib import Path

import click

from edgecnn.cli.faces_gallery import gallery_options, open_gallery
from edgecnn.cli.output import json_option, print_json, print_table

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("list")
@gallery_options
@json_option
def list_people(gallery: Path, keystore: Path, key_file: Path | None, as_json: bool) -> None:
    """List who is enrolled, with how many pictures, and by which network."""
    with open_gallery(gallery, keystore, key_file) as opened:
        people = opened.people()
    if as_json:
        print_json([{"person": p.name, "pictures": p.templates, "model": p.model.sha256}
                    for p in people])  # fmt: skip
        return
    from rich.markup import escape

    rows = [(escape(p.name), str(p.templates), str(p.model)) for p in people]
    print_table(f"{gallery}: {len(people)} people", ("person", "pictures", "model"), rows)


@click.command("delete")
@click.argument("person", metavar="NAME")
@gallery_options
@json_option
def delete(
    person: str, gallery: Path, keystore: Path, key_file: Path | None, as_json: bool
) -> None:
    """Delete NAME: the key first, so that no backup of the gallery can be opened any more."""
    with open_gallery(gallery, keystore, key_file) as opened:
        opened.delete(person)
    if as_json:
        print_json({"deleted": person})
    else:
        click.echo(f"{person}: deleted")


@click.command("export")
@click.argument("person", metavar="NAME")
@click.option("-o", "--output", required=True, type=_FILE, help="A JSON file, for that person.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@gallery_options
@json_option
def export(
    person: str, output: Path, overwrite: bool, gallery: Path, keystore: Path,
    key_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Write all that is kept about NAME, for them to have; only its owner may read the file."""
    from edgecnn.files import refuse_existing, write_atomic
    from edgecnn_device.gallery.export import export_json

    refuse_existing(output, overwrite)
    with open_gallery(gallery, keystore, key_file) as opened:
        found = opened.export(person)
    write_atomic(output, export_json(found), overwrite=overwrite, mode=0o600)
    if as_json:
        print_json({"person": found.name, "file": str(output), "pictures": len(found.enrolled)})
    else:
        click.echo(
            f"{output}: {len(found.enrolled)} templates of {found.name}, and the log of them"
        )


@click.command("unlock")
@click.option("--person", metavar="NAME", help="Whose failures are forgotten.")
@click.option("--terminal", help="Where failures are forgotten.")
@gallery_options
@json_option
def unlock(
    person: str | None, terminal: str | None, gallery: Path, keystore: Path,
    key_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Let a person or a terminal try again after too many failures."""
    if person is None and terminal is None:
        raise click.UsageError("expected --person or --terminal")
    with open_gallery(gallery, keystore, key_file) as opened:
        opened.failures.reset(person, terminal)
    if as_json:
        print_json({"person": person, "terminal": terminal})
    else:
        click.echo("may try again")


@click.command("keygen")
@click.option("-o", "--output", required=True, type=_FILE, help="The master key.")
@json_option
def keygen(output: Path, as_json: bool) -> None:
    """Make a master key. Without it a gallery cannot be opened: keep a copy in a safe place."""
    from edgecnn_device.gallery import create_master_key

    create_master_key(output)
    if as_json:
        print_json({"key": str(output)})
    else:
        click.echo(f"{output}: a new master key, for its owner alone")
