"""Remembers per machine which variant of a bundle is the fastest."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from dataclasses import dataclass
from pathlib import Path

from edgecnn.bundle.manifest import Variant
from edgecnn.bundle.read import Bundle
from edgecnn.errors import EdgecnnError
from edgecnn.files import write_atomic
from edgecnn_device.processor import processor_name

_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "ai-edge-litert", "tflite-runtime")


@dataclass(frozen=True)
class Choice:
    """What to run, and on what."""

    variant: Variant
    providers: tuple[str, ...] = ()
    """Of onnxruntime, before the CPU."""


def runtime_versions() -> str:
    """Return the installed runtimes with their versions."""
    found = []
    for name in _RUNTIMES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found) or "no runtime"


def remember_choice(bundle: Bundle, threads: int, choice: Choice) -> Path | None:
    """Keep ``choice`` as this machine's; returns where, or None if nowhere is writable."""
    path = _place(bundle, threads)
    content = {"file": choice.variant.file, "providers": choice.providers}
    try:
        write_atomic(path, json.dumps(content).encode(), overwrite=True)
    except EdgecnnError:
        return None
    return path


def remembered_choice(bundle: Bundle, threads: int) -> Choice | None:
    """Return the choice kept for this bundle, processor, runtimes and threads, if any."""
    try:
        content = json.loads(_place(bundle, threads).read_text(encoding="utf-8"))
        file, providers = content["file"], tuple(map(str, content.get("providers", ())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    found = (v for v in bundle.manifest.variants if v.file == file)
    return next((Choice(v, providers) for v in found), None)


def engine_folder(variant: Variant) -> Path:
    """Return where TensorRT keeps the engine of a variant; it fits one runtime's version only."""
    key = hashlib.sha256(f"{variant.sha256}\n{runtime_versions()}".encode()).hexdigest()[:32]
    return state_folder() / f"engine-{key}"


def _place(bundle: Bundle, threads: int) -> Path:
    facts = (bundle.manifest_sha256, processor_name(), runtime_versions(), str(threads))
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]
    return state_folder() / f"choice-{key}.json"


def state_folder() -> Path:
    """Return the folder for what is measured once per machine."""
    if state := os.environ.get("STATE_DIRECTORY"):
        return Path(state.split(":")[0])
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "edgecnn"
