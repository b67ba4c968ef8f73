"""The bundles in use: opened, fit for their role, and timed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from numpy.typing import NDArray

from edgecnn.bundle.decode import ReadDecode, VectorDecode
from edgecnn.bundle.manifest import Manifest, Variant
from edgecnn.bundle.read import Bundle, read_bundle
from edgecnn.bundle.sign import load_public_key
from edgecnn.errors import BundleError, InputError, MissingExtraError
from edgecnn.vision.placement import Size
from edgecnn.vision.preprocess import Input
from edgecnn.zoo import find_bundle
from edgecnn_device.backends.open import can_run
from edgecnn_device.faces.finder import check_finder
from edgecnn_device.faces.points import check_points
from edgecnn_device.kiosk.config import BundlesConfig, KioskConfig
from edgecnn_device.kiosk.ports import ModelStatus, Role
from edgecnn_device.licences import say_research
from edgecnn_device.notes.find import check_detector
from edgecnn_device.runner import Runner, choose_variant, open_choice
from edgecnn_device.tasks import Result

Branch: TypeAlias = Literal["notes", "faces"]
BRANCHES: dict[Branch, tuple[Role, ...]] = {
    "notes": ("note-detector", "serial-reader"),
    "faces": ("face-detector", "face-points", "face-embedder"),
}
"""Which bundles work together; the one for points may be left out."""
ROLES: tuple[Role, ...] = (*BRANCHES["notes"], *BRANCHES["faces"])


class MeteredRunner(Runner):
    """A runner that knows how much time went into it, preprocessing included."""

    def __init__(self, runner: Runner) -> None:
        """Share a loaded network."""
        super().__init__(runner.manifest, runner.variant, runner.backend)
        self.spent_s = 0.0
        """Seconds, since it was made."""
        self.runs = 0
        """Inputs, likewise."""

    def prepare(self, image: NDArray[np.uint8]) -> Input:
        """Time `Runner.prepare`."""
        begun = time.monotonic()
        try:
            return super().prepare(image)
        finally:
            self.spent_s += time.monotonic() - begun

    def infer(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Time `Runner.infer`."""
        begun = time.monotonic()
        try:
            return super().infer(inputs)
        finally:
            self._add(begun, 1)

    def infer_batch(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        """Time `Runner.infer_batch`."""
        begun = time.monotonic()
        try:
            return super().infer_batch(inputs)
        finally:
            self._add(begun, len(inputs))

    def decode(self, outputs: tuple[NDArray[np.float32], ...], size: Size) -> tuple[Result, ...]:
        """Time `Runner.decode`."""
        begun = time.monotonic()
        try:
            return super().decode(outputs, size)
        finally:
            self._add(begun, 0)

    def _add(self, begun: float, runs: int) -> None:
        self.spent_s += time.monotonic() - begun
        self.runs += runs


@dataclass(frozen=True, eq=False)
class Model:
    """A bundle in a role."""

    role: Role
    bundle: Bundle
    runner: MeteredRunner

    @property
    def variant(self) -> str:
        """FORMAT-PRECISION."""
        return variant_name(self.runner.variant)

    @property
    def status(self) -> ModelStatus:
        """What others are told of it."""
        about = self.bundle.manifest
        return ModelStatus(
            self.role, about.name, self.bundle.manifest_sha256, self.variant, self.bundle.signed,
            about.licence,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Models:
    """All bundles in use; a branch has both of its own, or neither."""

    loaded: tuple[Model, ...]

    def has(self, branch: Branch) -> bool:
        """Tell whether a branch can run."""
        return self.find(BRANCHES[branch][0]) is not None

    def find(self, role: Role) -> Model | None:
        """Return the bundle of a role."""
        return next((model for model in self.loaded if model.role == role), None)

    def get(self, role: Role) -> Model:
        """Return the bundle of a role.

        Raises:
            InputError: the configuration does not enable it.
        """
        if (model := self.find(role)) is None:
            raise InputError(f"no {role} is in use: enable its section in the configuration")
        return model

    def put(self, model: Model) -> Models:
        """Return the same with another bundle in a role."""
        others = tuple(model if old.role == model.role else old for old in self.loaded)
        return replace(self, loaded=others)


@dataclass(frozen=True)
class Opener:
    """Opens bundles as the configuration says."""

    keys: tuple[Ed25519PublicKey, ...]
    """One of which must have signed, where there are any."""
    threads: int
    measure: bool
    """Whether the variants may be measured, once per machine."""

    @classmethod
    def of(cls, config: BundlesConfig) -> Opener:
        """Read the trusted keys.

        Raises:
            InputError: a file is no public key.
        """
        keys = tuple(load_public_key(path) for path in config.trusted_keys)
        return cls(keys, config.threads, config.measure)

    def read(self, role: Role, name: str) -> Bundle:
        """Read a bundle whole, and check that it fits a role.

        Args:
            role: what it is for.
            name: its path, or the name of one that is shipped.

        Raises:
            BundleError: damaged, unsigned where a signature is required, or of another kind.
            InputError: there is none.
        """
        bundle = read_bundle(find_bundle(name), self.keys)
        check_role(role, bundle.manifest)
        return bundle

    def load(self, role: Role, bundle: Bundle, variant: str | None) -> Model:
        """Load one variant.

        Args:
            role: what it is for.
            bundle: of `read`.
            variant: FORMAT-PRECISION; None: the fastest of this machine where that may be
                measured, else the manifest's first that can run.

        Raises:
            BundleError: no such variant, or the runtime refuses it.
            MissingExtraError: no runtime is installed for it.
        """
        if variant is None and not self.measure:
            variant = first_variant(bundle.manifest)
        say_research(bundle.manifest.name, bundle.manifest.licence)
        choice = choose_variant(bundle, variant, self.threads)
        return Model(role, bundle, MeteredRunner(open_choice(bundle, choice, self.threads)))


def open_models(config: KioskConfig) -> Models:
    """Open what the configuration enables.

    The embedder's variant is its manifest's first, not this machine's fastest, where none is
    named: a gallery belongs to one.

    Raises:
        BundleError: a bundle that must not run.
        InputError: there is no such bundle, or a key that is none.
        MissingExtraError: no runtime is installed for any variant.
    """
    opener = Opener.of(config.bundles)
    notes, faces = config.notes, config.faces
    wanted: list[tuple[Role, str, str | None]] = []
    if notes.enabled and any(camera.notes for camera in config.cameras.values()):
        wanted += [("note-detector", notes.detector, None), ("serial-reader", notes.reader, None)]
    if faces.enabled and any(camera.faces for camera in config.cameras.values()):
        wanted.append(("face-detector", faces.detector, None))
        if faces.points is not None:
            wanted.append(("face-points", faces.points, None))
        wanted.append(("face-embedder", faces.embedder, faces.variant))
    loaded = []
    for role, name, variant in wanted:
        bundle = opener.read(role, name)
        first = variant_name(bundle.manifest.variants[0]) if role == "face-embedder" else None
        loaded.append(opener.load(role, bundle, variant or first))
    return Models(tuple(loaded))


def check_role(role: Role, manifest: Manifest) -> None:
    """Refuse a bundle that cannot do what a role asks.

    Raises:
        BundleError: says what it does instead.
    """
    match role:
        case "note-detector":
            check_detector(manifest)
        case "face-detector":
            check_finder(manifest)
        case "face-points":
            check_points(manifest)
        case "serial-reader":
            _expect(isinstance(manifest.decode, ReadDecode), "that reads (task read)", manifest)
        case "face-embedder":
            fits = isinstance(manifest.decode, VectorDecode)
            _expect(fits, "that turns a face into a vector (task embed)", manifest)


def first_variant(manifest: Manifest) -> str:
    """Return the first variant whose runtime is installed.

    Raises:
        MissingExtraError: there is none.
    """
    for variant in manifest.variants:
        if can_run(variant.format):
            return variant_name(variant)
    raise MissingExtraError("onnxruntime")


def variant_name(variant: Variant) -> str:
    """Return FORMAT-PRECISION."""
    return f"{variant.format}-{variant.precision}"


def _expect(fits: bool, what: str, manifest: Manifest) -> None:
    if not fits:
        raise BundleError(
            f"{manifest.name}: expected a bundle {what}, got task {manifest.task}: choose another"
        )
