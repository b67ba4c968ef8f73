"""``edgecnn faces identify``: who is on a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgecnn.cli.faces_gallery import decision_options, open_access, rounded
from edgecnn.cli.output import print_json

if TYPE_CHECKING:
    from edgecnn_device.faces.access import IdentifiedFace
    from edgecnn_device.faces.decision import Identity


@click.command("identify")
@click.argument("image", type=click.Path(path_type=Path))
@decision_options
def command(
    image: Path, fmr: float | None, gallery: Path, keystore: Path, key_file: Path | None,
    bundle: str, detector: str, variant: str | None, threads: int, terminal: str, scores: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Tell who is on IMAGE, of those enrolled.

    The rate is divided by the number of enrolled pictures; who is named must also lead the
    second-best person, and is one face of the picture at most. With --json the keys of the whole
    are of the one person in front, and "faces" has everybody.
    """
    from edgecnn.data.images import read_image

    picture = read_image(image)
    with open_access(
        bundle, detector, variant, threads, gallery, keystore, key_file, fmr=fmr, terminal=terminal
    ) as access:
        seen = access.identify(picture)
    if as_json:
        faces = [_face_as_json(one, scores) for one in seen.faces]
        print_json({**_as_json(seen.identity, scores), "faces": faces})
        return
    click.echo(f"{_as_text(seen.identity, scores)} (false-match rate {seen.identity.fmr:g})")
    for one in seen.faces if len(seen.faces) > 1 else ():
        x1, y1, x2, y2 = one.face.box
        click.echo(f"  {x1:.0f},{y1:.0f},{x2:.0f},{y2:.0f}  {_as_text(one.identity, scores)}")


def _as_json(identity: Identity, scores: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "person": identity.person,
        "fmr": identity.fmr,
        "reason": identity.reason,
    }
    return {**found, "score": rounded(identity.score)} if scores else found


def _face_as_json(one: IdentifiedFace, scores: bool) -> dict[str, object]:
    found = one.face
    place = {"box": [round(value, 2) for value in found.box], "turn": found.turn}
    return {**_as_json(one.identity, scores), **place}


def _as_text(identity: Identity, scores: bool) -> str:
    told = f", similarity {rounded(identity.score)}" if scores else ""
    return f"{identity.person or 'nobody: ' + identity.reason}{told}"
