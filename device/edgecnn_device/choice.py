"""Remembers per machine which variant of a bundle is the fastest."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from pathlib import Path

from edgecnn.bundle.manifest import Variant
from edgecnn.bundle.read import Bundle
from edgecnn.errors import EdgecnnError
from edgecnn.files import write_atomic

_RUNTIMES = ("onnxruntime", "ai-edge-litert", "tflite-runtime")


def processor_name() -> str:
    """Return the processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (x.split(":", 1)[1].strip() for x in lines if x.startswith(("model name", "Model")))
    return next(named, "") or platform.processor() or platform.machine()


def runtime_versions() -> str:
    """Return the installed runtimes with their versions."""
    found = []
    for name in _RUNTIMES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found) or "no runtime"


def remember_choice(bundle: Bundle, threads: int, variant: Variant) -> Path | None:
    """Keep ``variant`` as this machine's choice; returns where, or None if nowhere is writable."""
    path = _place(bundle, threads)
    try:
        write_atomic(path, json.dumps({"file": variant.file}).encode(), overwrite=True)
    except EdgecnnError:
        return None
    return path


def remembered_choice(bundle: Bundle, threads: int) -> Variant | None:
    """Return the choice kept for this bundle, processor, runtimes and threads, if any."""
    try:
        content = json.loads(_place(bundle, threads).read_text(encoding="utf-8"))
        file = content["file"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return next((v for v in bundle.manifest.variants if v.file == file), None)


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
