"""What the verbs of ``edgecnn faces`` that use a gallery share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgecnn.cli.faces_common import bundle_option, detector_option, find_detector
from edgecnn.cli.output import find_bundle, json_option, note, threads_option, variant_option

if TYPE_CHECKING:
    from edgecnn_device.faces.access import FaceAccess
    from edgecnn_device.gallery import Gallery

_FILE = click.Path(path_type=Path, dir_okay=False)

_fmr_option = click.option(
    "--fmr", type=click.FloatRange(0, 1, min_open=True),
    help="Rate of false matches of a decision, such as 1e-3; default: the bundle's own, raised"
    " to what its curve can promise for the gallery, at most to 1e-3.",
)  # fmt: skip
terminal_option = click.option(
    "--terminal", default="command-line", show_default=True,
    help="Where this happens: failed attempts are counted for it too.",
)  # fmt: skip
_scores_option = click.option(
    "--scores", is_flag=True,
    help="Tell the similarity too. Never to the person: with scores a picture can be improved step "
    "by step until it passes.",
)  # fmt: skip


def gallery_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --gallery, --keystore and --key-file."""
    options = (
        click.option("--gallery", required=True, type=_FILE, envvar="EDGECNN_GALLERY",
                     show_envvar=True, help="Names and templates, sealed."),
        click.option("--keystore", required=True, type=_FILE, envvar="EDGECNN_KEYSTORE",
                     show_envvar=True, help="Their keys: keep it out of the gallery's backups."),
        click.option("--key-file", type=_FILE, envvar="EDGECNN_KEY_FILE", show_envvar=True,
                     help="The master key, of edgecnn faces keygen; default: the systemd "
                     "credential edgecnn-gallery-key."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def decision_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what is asked of every verb that decides who somebody is."""
    options = (
        _fmr_option, gallery_options, bundle_option, detector_option, variant_option,
        threads_option, terminal_option, _scores_option, json_option,
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def open_access(
    bundle: str, detector: str, variant: str | None, threads: int, gallery: Path, keystore: Path,
    key_file: Path | None, *, fmr: float | None = None, terminal: str = "command-line",
    create: bool = False,
) -> Iterator[FaceAccess]:  # fmt: skip
    """Open bundles and gallery, and name rows of it that were refused."""
    from edgecnn_device.faces import FaceChain
    from edgecnn_device.faces.access import FaceAccess
    from edgecnn_device.gallery import Gallery

    found, points = find_detector(detector)
    chain = FaceChain.open(found, find_bundle(bundle), variant, threads, points=points)
    _ = chain.embedder.curve  # refused before a gallery is made
    identity = chain.embedder.identity
    with Gallery.open(gallery, keystore, key_file, identity, create) as opened:
        _tell_damage(opened)
        yield FaceAccess(chain, opened, fmr, terminal)


@contextmanager
def open_gallery(gallery: Path, keystore: Path, key_file: Path | None) -> Iterator[Gallery]:
    """Open a gallery to administer it; no bundle is needed."""
    from edgecnn_device.gallery import Gallery

    with Gallery.open(gallery, keystore, key_file, None) as opened:
        yield opened


def _tell_damage(gallery: Gallery) -> None:
    for row in gallery.damaged:
        whose = row.person or "somebody who cannot be named"
        note(f"edgecnn: template {row.row} of {whose} was refused: {row.reason}")


def rounded(score: float | None) -> float | None:
    """Return a score as it is told; None where nothing was compared."""
    return None if score is None else round(score, 4)
