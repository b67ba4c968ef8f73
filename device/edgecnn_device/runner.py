"""Runs one variant of a bundle on pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.manifest import Manifest, Variant
from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.errors import MissingExtraError
from edgecnn.vision.preprocess import Input, network_input
from edgecnn_device.backends import Backend, open_backend
from edgecnn_device.backends.base import DEFAULT_THREADS
from edgecnn_device.backends.open import can_run
from edgecnn_device.choice import remembered_choice
from edgecnn_device.tasks import DECODERS, Result


class Runner:
    """A picture in, results out: preprocess, network, decoder."""

    def __init__(self, manifest: Manifest, variant: Variant, backend: Backend) -> None:
        self.manifest = manifest
        self.variant = variant
        self._backend = backend
        self._decode = DECODERS[manifest.task]

    def __call__(self, image: NDArray[np.uint8]) -> tuple[Result, ...]:
        """Run the task on one picture, (H, W, 3) BGR."""
        return self.decode(self.infer(self.prepare(image)))

    def prepare(self, image: NDArray[np.uint8]) -> Input:
        """Return the network's input, with a leading axis of 1."""
        return network_input(image, self.manifest.input)[None]

    def infer(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run the network alone."""
        return self._backend.run(inputs)

    def decode(self, outputs: tuple[NDArray[np.float32], ...]) -> tuple[Result, ...]:
        """Turn network outputs into results."""
        return self._decode(outputs, self.manifest)


def choose_variant(bundle: Bundle, name: str | None, threads: int = DEFAULT_THREADS) -> Variant:
    """Pick the variant to run.

    Args:
        bundle: an opened bundle.
        name: FORMAT-PRECISION; by default the fastest that ``edgecnn bench`` measured on this
            machine, else the manifest's first whose runtime is installed.
        threads: part of what a measurement depends on.

    Raises:
        BundleError: no variant of that name.
        MissingExtraError: no runtime is installed for any variant.
    """
    if name is not None:
        return bundle.variant(name)
    measured = remembered_choice(bundle, threads)
    if measured is not None and can_run(measured.format):
        return measured
    able = (v for v in bundle.manifest.variants if can_run(v.format))
    found = next(able, None)
    if found is None:
        raise MissingExtraError("onnxruntime")
    return found


def open_runner(
    bundle: Bundle | Path, variant: str | None = None, threads: int = DEFAULT_THREADS
) -> Runner:
    """Open a bundle (checked whole) and load one of its variants.

    Raises:
        BundleError: the bundle is not as it should be, or has no such variant.
        MissingExtraError: the runtime is not installed.
    """
    opened = read_bundle(bundle) if isinstance(bundle, Path) else bundle
    chosen = choose_variant(opened, variant, threads)
    backend = open_backend(chosen.format, opened.model(chosen), threads)
    return Runner(opened.manifest, chosen, backend)
