"""Runs one variant of a bundle on pictures."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import Decode
from edgecnn.bundle.manifest import Manifest, Variant
from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.errors import MissingExtraError
from edgecnn.vision.placement import Size, size_of
from edgecnn.vision.preprocess import Input, network_input
from edgecnn_device.backends import Backend, open_backend
from edgecnn_device.backends.base import DEFAULT_THREADS
from edgecnn_device.backends.open import can_run
from edgecnn_device.backends.providers import (
    CPU_ONLY,
    Provider,
    available_providers,
    find_providers,
)
from edgecnn_device.choice import Choice, engine_folder, remembered_choice
from edgecnn_device.licences import say_research
from edgecnn_device.once import measure_once
from edgecnn_device.tasks import DECODERS, Result


class Runner:
    """A picture in, results out: preprocess, network, decoder."""

    def __init__(self, manifest: Manifest, variant: Variant, backend: Backend) -> None:
        self.manifest = manifest
        self.variant = variant
        self.backend = backend
        """The loaded network."""
        self._decode = DECODERS[manifest.task]
        self.provider: str = getattr(backend, "provider", "CPU")
        """What computes; only onnxruntime has more than the CPU."""

    def __call__(self, image: NDArray[np.uint8]) -> tuple[Result, ...]:
        """Run the task on one picture, (H, W, 3) BGR."""
        return self.decode(self.infer(self.prepare(image)), size_of(image))

    def prepare(self, image: NDArray[np.uint8]) -> Input:
        """Return the network's input, with a leading axis of 1."""
        return network_input(image, self.manifest.input)[None]

    def infer(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run the network alone."""
        return self.backend.run(inputs)

    def infer_batch(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Run the network alone on several inputs, (N, ...)."""
        return self.backend.run_batch(inputs)

    def decode(self, outputs: tuple[NDArray[np.float32], ...], size: Size) -> tuple[Result, ...]:
        """Turn network outputs into results, in pixels of a picture of this size."""
        return self._decode(outputs, self.manifest, size)

    def with_decode(self, rules: Decode) -> Runner:
        """Return the same loaded network with other rules for its outputs."""
        manifest = self.manifest.model_copy(update={"decode": rules})
        return Runner(manifest, self.variant, self.backend)


def choose_variant(bundle: Bundle, name: str | None, threads: int = DEFAULT_THREADS) -> Choice:
    """Pick what to run.

    Args:
        bundle: an opened bundle.
        name: FORMAT-PRECISION, on the CPU; by default the fastest of this machine, measured once
            for a moment and remembered. `edgecnn bench` measures longer, and accelerators too.
        threads: part of what a measurement depends on.

    Raises:
        BundleError: no variant of that name.
        MissingExtraError: no runtime is installed for any variant.
    """
    if name is not None:
        return Choice(bundle.variant(name))
    known = remembered_choice(bundle, threads)
    if known is not None and can_run(known.variant.format):
        return known
    able = [v for v in bundle.manifest.variants if can_run(v.format)]
    if not able:
        raise MissingExtraError("onnxruntime")
    return Choice(able[0]) if len(able) == 1 else measure_once(bundle, able[0], threads)


def open_runner(
    bundle: Bundle | Path, variant: str | None = None, threads: int = DEFAULT_THREADS
) -> Runner:
    """Open a bundle (checked whole) and load one of its variants.

    Raises:
        BundleError: the bundle is not as it should be, or has no such variant.
        MissingExtraError: the runtime is not installed.
    """
    opened = read_bundle(bundle) if isinstance(bundle, Path) else bundle
    say_research(opened.manifest.name, opened.manifest.licence)
    return open_choice(opened, choose_variant(opened, variant, threads), threads)


def open_choice(bundle: Bundle, choice: Choice, threads: int = DEFAULT_THREADS) -> Runner:
    """Load one variant, on the providers it was chosen for where onnxruntime has them."""
    variant = choice.variant
    providers: tuple[Provider, ...] = CPU_ONLY
    if choice.providers and variant.format == "onnx":
        cache = engine_folder(variant)
        providers = find_providers(
            choice.providers, available_providers(), variant.precision, cache
        )
        with contextlib.suppress(OSError):  # TensorRT then builds at every start
            cache.mkdir(parents=True, exist_ok=True)
    backend = open_backend(variant.format, bundle.model(variant), threads, providers)
    return Runner(bundle.manifest, variant, backend)
