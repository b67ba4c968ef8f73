"""Takes another bundle while frames go on, and takes it back where it fails.

A new bundle is read, loaded and golden-replayed beside the old one by whoever asks for it. The
worker exchanges the two between frames, and keeps the old one until the new one has worked on
`TRIAL_FRAMES` frames; the first error of its branch before that brings the old one back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from edgecnn.bundle.manifest import Manifest
from edgecnn.errors import BundleError, EdgecnnError
from edgecnn_device.faces.embedder import preprocessing_id
from edgecnn_device.gallery import ModelIdentity
from edgecnn_device.kiosk.pipeline.calls import Calls
from edgecnn_device.kiosk.pipeline.models import (
    BRANCHES,
    ROLES,
    Branch,
    Model,
    Models,
    Opener,
    variant_name,
)
from edgecnn_device.kiosk.ports import ModelStatus
from edgecnn_device.verify import replay

TRIAL_FRAMES = 20
"""On which a new bundle must work without an error."""
TRIAL_WAIT_S = 10.0
"""So long it is waited for them; the trial goes on without anybody waiting."""
IN_A_ROW = 3
"""Failures of a branch after which its bundles are opened again."""
_AGAIN_S = 10.0
"""Between two such attempts."""
_LOG = logging.getLogger("edgecnn.kiosk")


@dataclass(eq=False)
class _Trial:
    model: Model
    before: Model
    left: int = TRIAL_FRAMES
    runs: int = 0
    """Of its network, by the last frame."""
    error: str = ""
    done: threading.Event = field(default_factory=threading.Event)


class Bundles:
    """Knows which bundles are in use; `models` may be read by any thread."""

    def __init__(
        self, models: Models, opener: Opener, calls: Calls, use: Callable[[Models], None],
        tell: Callable[[str], None], identity: ModelIdentity | None,
    ) -> None:  # fmt: skip
        """Begin with what is loaded.

        Args:
            models: in use.
            opener: opens others.
            calls: to the worker.
            use: gives the worker's stages what is in use; called by the worker alone.
            tell: makes an event of it.
            identity: of the gallery's templates; None where there is no gallery.
        """
        self.models = models
        self._opener, self._calls, self._use, self._tell = opener, calls, use, tell
        self._identity = identity
        self._asking = threading.Lock()
        self._trial: _Trial | None = None
        self._failures: dict[Branch, int] = dict.fromkeys(BRANCHES, 0)
        self._again_at: dict[Branch, float] = dict.fromkeys(BRANCHES, 0.0)
        self.degraded = ""
        """What is wrong with a bundle in use; empty where nothing is."""

    def set_bundle(self, role: str, path: str, wait_s: float = TRIAL_WAIT_S) -> ModelStatus:
        """Try a new bundle, and take it where it proves itself; see `ports.Kiosk.set_bundle`.

        Where no frames come to prove it on, this returns after ``wait_s``, and the trial goes on.

        Raises:
            BundleError: it does not, or another one is on trial; the old one goes on.
        """
        if not self._asking.acquire(blocking=False):
            raise BundleError("another bundle is being tried: repeat when that is decided")
        try:
            trial = self._prepare(role, path)
            self._calls.ask(lambda: self._begin(trial))
        except EdgecnnError as error:
            self._tell(f"{role}: not taken: {error}")
            raise
        finally:
            self._asking.release()
        trial.done.wait(wait_s)
        if trial.error:
            raise BundleError(f"{trial.error}; the old one goes on")
        return trial.model.status

    def worked(self, branch: Branch) -> None:
        """Take note of a frame without an error; the worker's part."""
        self._failures[branch] = 0
        trial = self._trial
        if trial is None or trial.model.role not in BRANCHES[branch]:
            return
        runs = trial.model.runner.runs
        trial.left -= runs > trial.runs  # a frame without a note does not try a reader
        trial.runs = runs
        if trial.left > 0:
            return
        self._trial = None
        self._tell(f"{_named(trial.model)}: taken")
        trial.done.set()

    def failed(self, branch: Branch, error: Exception) -> None:
        """Take note of a frame that a branch failed on; the worker's part."""
        trial = self._trial
        if trial is not None and trial.model.role in BRANCHES[branch]:
            self._roll_back(trial, error)
            return
        self._failures[branch] += 1
        if self._failures[branch] >= IN_A_ROW and time.monotonic() >= self._again_at[branch]:
            self._again_at[branch] = time.monotonic() + _AGAIN_S
            self._open_again(branch)

    def _prepare(self, role: str, path: str) -> _Trial:
        """Do all that can be done beside the running ones."""
        known = next((name for name in ROLES if name == role), None)
        if known is None:
            raise BundleError(f"{role!r} is no role of a bundle: expected {', '.join(ROLES)}")
        before = self.models.get(known)
        bundle = self._opener.read(known, path)
        variant = None if known != "face-embedder" else self._same_templates(bundle.manifest)
        model = self._opener.load(known, bundle, variant)
        check = replay(bundle, model.runner)
        if not check.ok:
            raise BundleError(f"{path}: its golden inputs give something else: {check.detail}")
        model.runner.runs = 0
        return _Trial(model, before)

    def _same_templates(self, manifest: Manifest) -> str:
        """Return the variant of an embedder that made the gallery's templates."""
        identity = self._identity
        same = identity is not None and preprocessing_id(manifest) == identity.preprocessing
        for variant in manifest.variants if same else ():
            if identity is not None and variant.sha256 == identity.sha256:
                return variant_name(variant)
        raise BundleError(
            f"{manifest.name}: the gallery's templates are of another network ({identity}), and "
            "no two can be compared: name it in the configuration together with a new gallery, "
            "and enrol everybody again"
        )

    def _begin(self, trial: _Trial) -> None:
        if self._trial is not None:
            raise BundleError(
                f"{_named(self._trial.model)} is still on trial, with {self._trial.left} frames to "
                "go: repeat when that is decided"
            )
        self._change(trial.model)
        self._trial = trial
        self._failures = dict.fromkeys(BRANCHES, 0)

    def _roll_back(self, trial: _Trial, error: Exception) -> None:
        self._trial = None
        self._change(trial.before)
        trial.error = f"{_named(trial.model)} failed on a frame: {_told(error)}"
        _LOG.error("%s; the old one goes on", trial.error)
        self._tell(f"{trial.error}; {_named(trial.before)} goes on")
        trial.done.set()

    def _open_again(self, branch: Branch) -> None:
        """Replace the bundles of a branch by themselves: a runtime may have broken."""
        for role in BRANCHES[branch]:
            if (old := self.models.find(role)) is None:
                continue
            try:
                bundle = self._opener.read(role, str(old.bundle.path))
                if bundle.manifest_sha256 != old.bundle.manifest_sha256:
                    raise BundleError(f"{bundle.path} is another bundle by now")
                self._change(self._opener.load(role, bundle, old.variant))
            except EdgecnnError as error:
                self.degraded = f"{role} fails, and cannot be opened again: {error}"
                _LOG.error("%s", self.degraded)
                return
        self.degraded = ""
        _LOG.warning("the bundles of %s failed %d times in a row, and were opened again", branch,
                     self._failures[branch])  # fmt: skip
        self._failures[branch] = 0

    def _change(self, model: Model) -> None:
        models = self.models.put(model)
        self._use(models)
        self.models = models


def _named(model: Model) -> str:
    return f"{model.role} {model.bundle.manifest.name} {model.bundle.manifest_sha256[:12]}"


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, EdgecnnError) else type(error).__name__
