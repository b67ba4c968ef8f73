"""``edgecnn faces enrol``: a person's face from several pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgecnn.cli.faces_common import bundle_option, detector_option
from edgecnn.cli.faces_gallery import gallery_options, open_access
from edgecnn.cli.output import json_option, note, print_json, threads_option, variant_option


@click.command("enrol")
@click.argument("person", metavar="NAME")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...",
                type=click.Path(path_type=Path))  # fmt: skip
@gallery_options
@bundle_option
@detector_option
@variant_option
@threads_option
@json_option
def command(
    person: str, images: tuple[Path, ...], gallery: Path, keystore: Path, key_file: Path | None,
    bundle: str, detector: str, variant: str | None, threads: int, as_json: bool,
) -> None:  # fmt: skip
    """Enrol NAME from IMAGEs, or add to who is enrolled as that.

    Each must show one face well; several, in different light, make better matches. What would not
    do is told with its reason, the rest is enrolled, and the exit status is 2. A gallery that does
    not exist yet is made. The pictures are not kept.
    """
    from edgecnn.data.images import read_image
    from edgecnn.errors import DataError

    pictures, rejected = {}, {}
    for path in images:
        try:
            pictures[str(path)] = read_image(path)
        except DataError as error:
            rejected[str(path)] = str(error)
    with open_access(
        bundle, detector, variant, threads, gallery, keystore, key_file, create=True
    ) as access:
        found = access.enrol(person, pictures)
    rejected |= found.rejected
    if as_json:
        reasons = [{"file": file, "reason": reason} for file, reason in rejected.items()]
        print_json({"person": person, "pictures": found.pictures, "rejected": reasons})
    else:
        click.echo(f"{person}: {found.pictures} pictures enrolled")
        for file, reason in rejected.items():
            note(f"edgecnn: {file}: not enrolled: {reason}")
    if rejected:
        sys.exit(2)
