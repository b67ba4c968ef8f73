"""Turns aligned faces into vectors, and says of which network they are."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundle.decode import MatchCurve, VectorDecode
from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError, InputError
from edgecnn.vision.matching import unit
from edgecnn_device.faces.align import SIDE, TEMPLATE
from edgecnn_device.faces.results import Picture
from edgecnn_device.gallery.identity import ModelIdentity
from edgecnn_device.runner import Runner


class FaceEmbedder:
    """Holds a network of task `embed`."""

    def __init__(self, runner: Runner) -> None:
        """Take a loaded network.

        Raises:
            BundleError: it is of another task.
        """
        self._rules = _rules(runner.manifest)
        self._runner = runner
        self.identity = ModelIdentity(
            runner.variant.sha256, preprocessing_id(runner.manifest), self._rules.size
        )
        """Vectors of another identity are never compared with this one's."""

    @property
    def curve(self) -> MatchCurve:
        """Which similarity goes with which rate of false matches.

        Raises:
            InputError: nobody measured that for this bundle.
        """
        if self._rules.curve is None:
            raise InputError(
                f"{self._runner.manifest.name}: nobody measured how alike different people are for "
                "this network, so nothing can be decided with it: make a bundle with a curve by "
                "edgecnn faces curve"
            )
        return self._rules.curve

    def __call__(self, aligned: Picture) -> NDArray[np.float32]:
        """Return the (D,) vector of length 1 of an aligned face, (112, 112, 3) BGR.

        Raises:
            BundleError: the network gives no finite vector of the stated size.
        """
        runner = self._runner
        vector = runner.infer(runner.prepare(aligned))[0]
        if vector.shape != (1, self._rules.size) or not np.isfinite(vector).all():
            raise BundleError(
                f"{runner.manifest.name}: expected a finite vector of {self._rules.size} numbers, "
                f"got {vector.shape}: the model does not fit its manifest"
            )
        return unit(vector[0])


def preprocessing_id(manifest: Manifest) -> str:
    """Return a short hash of all that happens to a face before the network sees it."""
    facts = {"input": manifest.input.model_dump(), "side": SIDE, "template": TEMPLATE.tolist()}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _rules(manifest: Manifest) -> VectorDecode:
    if not isinstance(manifest.decode, VectorDecode):
        raise BundleError(
            f"{manifest.name}: expected an embedder (task embed), got task {manifest.task}: choose "
            "another --bundle"
        )
    return manifest.decode
