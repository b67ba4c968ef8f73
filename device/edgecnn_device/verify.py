"""Replays a bundle's golden inputs on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from numpy.typing import NDArray

from edgecnn.bundle.read import Bundle, join_outputs, read_bundle
from edgecnn.vision.placement import Size, size_of
from edgecnn_device.backends import open_backend
from edgecnn_device.backends.open import can_run
from edgecnn_device.runner import Runner

Tensor: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Check:
    """One thing that was checked."""

    name: str
    ok: bool
    detail: str


def verify(path: Path, trusted_keys: tuple[Ed25519PublicKey, ...] = ()) -> tuple[Check, ...]:
    """Check hashes and signature, then replay every variant whose runtime is installed.

    Args:
        path: a bundle.
        trusted_keys: when given, one of them must have signed.

    Returns:
        One check for the file, then one per variant.

    Raises:
        BundleError: the file itself is not as it should be; nothing was run.
    """
    bundle = read_bundle(path, trusted_keys)
    signature = "signed by a trusted key" if bundle.signed else "signature not asked for"
    count = len(bundle.manifest.variants)
    checks = [Check("hashes", True, f"{count} variants, golden and card as stated; {signature}")]
    for variant in bundle.manifest.variants:
        name = f"{variant.format}-{variant.precision}"
        if can_run(variant.format):
            backend = open_backend(variant.format, bundle.model(variant))
            checks.append(replay(bundle, Runner(bundle.manifest, variant, backend)))
        else:
            checks.append(Check(name, True, f"not run: no {variant.format} runtime is installed"))
    return tuple(checks)


def replay(bundle: Bundle, runner: Runner) -> Check:
    """Run the golden inputs and compare with what the bundle's maker got."""
    variant, golden = runner.variant, bundle.golden()
    name = f"{variant.format}-{variant.precision}"
    expected = dict(golden.outputs)[variant.file]
    worst, decisions = 0.0, 0
    for picture, reference in zip(golden.pictures, expected, strict=True):
        outputs = runner.infer(runner.prepare(picture))
        worst = max(worst, _difference(join_outputs(outputs), reference))
        size = size_of(picture)
        wanted = _decision(runner, _split(reference, outputs), size)
        decisions += _decision(runner, outputs, size) == wanted
    ok = worst <= variant.golden_bound and decisions == len(golden.pictures)
    return Check(
        name, ok,
        f"{decisions} of {len(golden.pictures)} decisions as recorded, largest difference "
        f"{worst:.3g} (at most {variant.golden_bound:.3g})",
    )  # fmt: skip


def _difference(output: Tensor, reference: Tensor) -> float:
    """Return the largest absolute difference; infinite where they cannot be compared."""
    if output.shape != reference.shape or not np.isfinite(output).all():
        return float("inf")
    return float(np.abs(output - reference).max())


def _split(reference: Tensor, like: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Undo `join_outputs`; outputs of other sizes are left as one, which no decoder takes."""
    if len(like) == 1 or reference.size != sum(x.size for x in like):
        return (reference[None],)
    ends = np.cumsum([x.size for x in like])[:-1]
    return tuple(
        part.reshape(x.shape) for part, x in zip(np.split(reference, ends), like, strict=True)
    )


def _decision(runner: Runner, outputs: tuple[Tensor, ...], size: Size) -> str | None:
    """Return what the first result says; None where there is none."""
    return next((r.decision for r in runner.decode(outputs, size)), None)
