"""Checks that the bundles are there, are signed where that is asked for, and do what they must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgecnn.errors import EdgecnnError
from edgecnn_device.kiosk.config import FacesConfig, KioskConfig
from edgecnn_device.kiosk.ops.findings import Findings
from edgecnn_device.kiosk.ops.strict_yaml import Place

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from edgecnn.bundle.read import Bundle


def check_bundles(config: KioskConfig, findings: Findings) -> None:
    """Open every bundle that is in use; each is hashed whole."""
    keys = _trusted(config, findings)
    if keys is None:
        return  # without its key no bundle can be judged
    notes, faces = config.notes, config.faces
    if notes.enabled:
        _open(notes.detector, "detect", ("notes", "detector"), keys, findings)
        _open(notes.reader, "read", ("notes", "reader"), keys, findings)
    if faces.enabled:
        _check_finder(faces, keys, findings)
        embedder = _open(faces.embedder, "embed", ("faces", "embedder"), keys, findings)
        if embedder is not None:
            _check_faces(faces, embedder, findings)


def _trusted(config: KioskConfig, findings: Findings) -> list[Ed25519PublicKey] | None:
    from edgecnn.bundle.sign import load_public_key

    keys: list[Ed25519PublicKey] = []
    for index, path in enumerate(config.bundles.trusted_keys):
        try:
            keys.append(load_public_key(path))
        except EdgecnnError as error:
            findings.error(("bundles", "trusted_keys", index), str(error))
    return keys if len(keys) == len(config.bundles.trusted_keys) else None


def _open(
    name: str, task: str | None, place: Place, keys: list[Ed25519PublicKey], findings: Findings
) -> Bundle | None:
    """Open a bundle, and check that it is of the task, where one is meant."""
    from edgecnn.bundle.read import read_bundle
    from edgecnn.zoo import find_bundle
    from edgecnn_device.backends.open import can_run

    try:
        bundle = read_bundle(find_bundle(name), keys)
    except (EdgecnnError, OSError) as error:  # OSError: no name that a file can have
        findings.error(place, str(error))
        return None
    manifest = bundle.manifest
    if task is not None and manifest.task != task:
        findings.error(place, f"expected a bundle of task {task}, got {manifest.task}")
        return None
    if not any(can_run(variant.format) for variant in manifest.variants):
        formats = sorted({variant.format for variant in manifest.variants})
        findings.error(place, f"no runtime for {' or '.join(formats)} is installed: pip install "
                       "onnxruntime ai-edge-litert")  # fmt: skip
    return bundle


def _check_finder(faces: FacesConfig, keys: list[Ed25519PublicKey], findings: Findings) -> None:
    from edgecnn_device.faces.finder import check_finder

    finder = _open(faces.detector, None, ("faces", "detector"), keys, findings)
    if finder is not None:
        findings.attempt(("faces", "detector"), lambda: check_finder(finder.manifest))
    if faces.points is not None:
        _open(faces.points, "landmarks", ("faces", "points"), keys, findings)


def _check_faces(faces: FacesConfig, embedder: Bundle, findings: Findings) -> None:
    variant = faces.variant
    if variant is not None:
        findings.attempt(("faces", "variant"), lambda: embedder.variant(variant))
    curve = getattr(embedder.manifest.decode, "curve", None)
    if curve is None:
        findings.error(("faces", "embedder"), "nobody measured how alike different people are for "
                       "this network, so that nothing can be decided with it: edgecnn faces curve "
                       "makes a bundle with a curve")  # fmt: skip
    elif faces.fmr is not None and faces.fmr < curve.end:
        findings.error(("faces", "fmr"), f"expected {curve.end:.2g} or more, where this bundle's "
                       f"curve ends ({curve.pairs} pairs), got {faces.fmr:g}")  # fmt: skip
