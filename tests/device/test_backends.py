from __future__ import annotations

import builtins
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgecnn.bundle.manifest import Format
from edgecnn.bundle.read import read_bundle
from edgecnn.errors import BundleError, MissingExtraError
from edgecnn_device.backends import open_backend

FORMATS: list[Format] = ["onnx", "tflite"]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_is_no_model_is_one_clear_error(kind: Format) -> None:
    with pytest.raises(BundleError, match="cannot load the model"):
        open_backend(kind, b"not a model at all, but long enough to be looked at")


@pytest.mark.parametrize(
    ("kind", "modules", "package"),
    [
        ("onnx", ["onnxruntime"], "onnxruntime"),
        ("tflite", ["ai_edge_litert", "tflite_runtime"], "ai-edge-litert"),
    ],
)
def test_a_missing_runtime_names_the_package(
    monkeypatch: pytest.MonkeyPatch, kind: Format, modules: list[str], package: str
) -> None:
    real = builtins.__import__

    def blocked(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".", maxsplit=1)[0] in modules:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    for name in [m for m in sys.modules if m.split(".")[0] in modules]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", blocked)
    with pytest.raises(MissingExtraError, match=package):
        open_backend(kind, b"")


def test_the_runtimes_agree_on_the_float_network(zoo_bundle: Path) -> None:
    import numpy as np

    from edgecnn_device import open_runner

    bundle = read_bundle(zoo_bundle)
    picture = bundle.golden().pictures[0]
    outputs = [
        runner.infer(runner.prepare(picture))[0]
        for runner in (open_runner(bundle, f"{kind}-fp32") for kind in FORMATS)
    ]
    assert np.abs(outputs[0] - outputs[1]).max() < 1e-3 * max(1.0, np.abs(outputs[0]).max())


def test_onnxruntime_keeps_its_events_to_itself(zoo_bundle: Path, tmp_path: Path) -> None:
    """Its official builds write a device id to the cache folder and send events from there."""
    code = (
        "import sys; from pathlib import Path; from edgecnn_device import open_runner; "
        "open_runner(Path(sys.argv[1]), 'onnx-fp32')"
    )
    keep = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", code, str(zoo_bundle)],
        env={**keep, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}, check=True,
    )  # fmt: skip
    assert list(tmp_path.rglob("*")) == []
