from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edgecnn.bundle import read_bundle, write_bundle
from edgecnn.bundle.manifest import CARD, GOLDEN
from edgecnn.bundle.sign import generate_key_pair, load_private_key
from edgecnn.bundle.write import pack_golden
from edgecnn.errors import BundleError, InputError
from edgecnn_device.kiosk.config import KioskConfig
from edgecnn_device.kiosk.pipeline import open_models
from edgecnn_device.kiosk.pipeline.bundles import TRIAL_FRAMES
from edgecnn_device.kiosk.pipeline.diagnosis import public_configuration

HERE = [[200, 150], [1000, 150], [1000, 494], [200, 494]]


def _rewritten(
    path: Path, to: Path, key: Ed25519PrivateKey | None = None, shift: float = 0.0, **changes: Any
) -> Path:
    """Write a bundle once more, with one variant, another name, and golden outputs shifted."""
    bundle = read_bundle(path)
    variant = next(v for v in bundle.manifest.variants if v.format == "tflite")
    golden = bundle.golden()
    kept = tuple((f, out + np.float32(shift)) for f, out in golden.outputs if f == variant.file)
    packed = pack_golden(type(golden)(golden.pictures, kept))
    about = {"name": "newer", "variants": (variant,),
             "golden_sha256": hashlib.sha256(packed).hexdigest(), **changes}  # fmt: skip
    members = {variant.file: bundle.model(variant), GOLDEN: packed, CARD: bundle.card().encode()}
    write_bundle(to, bundle.manifest.model_copy(update=about), members, key=key)
    return to


@pytest.fixture
def kiosk(
    start: Callable[..., Any], note_detector: Any, note_lines: Any, draw_notes: Any
) -> Callable[..., Any]:
    def started() -> Any:
        scene = draw_notes([(HERE, [note_lines[0].image] * 2)])
        note_detector.script.scenes = [scene]
        running = start(notes={"detector": str(note_detector.path)})
        running.scene = scene.image
        return running

    return started


def test_a_new_reader_is_taken_once_it_proved_itself(
    kiosk: Callable[..., Any], zoo_bundle: Path, tmp_path: Path
) -> None:
    running = kiosk()
    newer = _rewritten(zoo_bundle, tmp_path / "newer.edge")
    running.engine._bundles.set_bundle("serial-reader", str(newer), 0.0)
    with pytest.raises(BundleError, match="still on trial"):
        running.engine._bundles.set_bundle("serial-reader", str(newer), 0.0)
    for _ in range(TRIAL_FRAMES):
        running.show(running.scene)
    assert [m.name for m in running.engine.models()] == ["scripted-notes", "newer"]
    details = [s.detail for s in running.kept.wait_for("system", 2)]
    assert "still on trial" in details[0] and details[1].endswith(": taken")


def test_a_new_reader_that_fails_on_a_frame_is_taken_back(
    kiosk: Callable[..., Any], zoo_bundle: Path, tmp_path: Path
) -> None:
    running = kiosk()
    newer = _rewritten(zoo_bundle, tmp_path / "newer.edge")
    running.show(running.scene)
    running.engine._bundles.set_bundle("serial-reader", str(newer), 0.0)

    class Broken:
        def run_batch(self, inputs: Any) -> Any:
            raise RuntimeError("the runtime broke")

    running.engine._bundles.models.get("serial-reader").runner.backend = Broken()
    running.slots["desk"].show(running.scene)
    (told,) = running.kept.wait_for("system")
    assert "failed on a frame: RuntimeError" in told.detail and "goes on" in told.detail
    assert running.show(running.scene).notes[0].text
    assert running.engine.models()[1].name != "newer"


@pytest.mark.parametrize(
    ("role", "bundle", "said"),
    [
        ("serial-reader", "note-detector", "expected a bundle that reads"),
        ("note-detector", "serial-reader", "expected a detector of oriented boxes"),
        ("face-embedder", "serial-reader", "no face-embedder is in use"),
        ("cook", "serial-reader", "'cook' is no role"),
        ("serial-reader", "no-such", "no such file"),
    ],
)
def test_what_does_not_fit_is_refused_and_told(
    kiosk: Callable[..., Any], role: str, bundle: str, said: str
) -> None:
    running = kiosk()
    with pytest.raises(InputError, match=said):
        running.engine.set_bundle(role, bundle)
    assert "not taken" in running.kept.wait_for("system")[0].detail
    assert [m.role for m in running.engine.models()] == ["note-detector", "serial-reader"]


def test_a_reader_whose_golden_inputs_differ_is_refused(
    kiosk: Callable[..., Any], zoo_bundle: Path, tmp_path: Path
) -> None:
    running = kiosk()
    newer = _rewritten(zoo_bundle, tmp_path / "odd.edge", shift=50)
    with pytest.raises(BundleError, match="golden inputs give something else"):
        running.engine.set_bundle("serial-reader", str(newer))


def test_an_embedder_of_other_templates_is_refused(
    start: Callable[..., Any], face_bundles: Any
) -> None:
    running = start(notes={"enabled": False}, faces=face_bundles.section)
    path = Path(face_bundles.section["embedder"])
    bundle = read_bundle(path)
    spec = bundle.manifest.input.model_copy(update={"mean": (9,) * 3})
    other = _rewritten(path, face_bundles.folder / "other.edge", input=spec)
    with pytest.raises(BundleError, match="enrol everybody again"):
        running.engine.set_bundle("face-embedder", str(other))


def test_where_keys_are_trusted_only_their_bundles_open(tmp_path: Path, zoo_bundle: Path) -> None:
    public = generate_key_pair(tmp_path / "own.pem")
    key = load_private_key(tmp_path / "own.pem")
    signed = [str(_rewritten(zoo_bundle.with_name(f"{name}.edge"), tmp_path / f"{name}.edge", key))
              for name in ("note-detector", "serial-reader")]  # fmt: skip
    content: dict[str, Any] = {
        "cameras": {"desk": {"source": "usb:0"}},
        "notes": {"detector": signed[0], "reader": signed[1]},
        "bundles": {"trusted_keys": [public], "measure": False},
    }
    models = open_models(KioskConfig.model_validate(content))
    assert [m.status.signed for m in models.loaded] == [True, True]
    content["notes"]["reader"] = str(zoo_bundle)
    with pytest.raises(BundleError, match="signature is required"):
        open_models(KioskConfig.model_validate(content))


def test_a_diagnosis_has_numbers_and_no_secrets(kiosk: Callable[..., Any]) -> None:
    running = kiosk()
    running.show(running.scene)
    running.show(np.full_like(running.scene, 90))
    running.engine.camera_changed("desk", "backoff", "cable out")
    running.kept.wait_for("note", 1, 1)
    with zipfile.ZipFile(io.BytesIO(running.engine.diagnose())) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert set(found) == {"rejections.json", "models.json", "cameras.json", "versions.json",
                          "configuration.json", "metrics.txt"}  # fmt: skip
    for name, data in found.items():
        if name.endswith(".json"):
            json.loads(data)
    assert {"edgecnn", "runtimes", "processor"} <= json.loads(found["versions.json"]).keys()
    for one in json.loads(found["rejections.json"]):
        assert {"stage", "reason", "variant", "seconds_ago", "width_px"} <= one.keys()


def test_no_credentials_leave_with_a_configuration() -> None:
    config = KioskConfig.model_validate({
        "cameras": {"door": {"source": "rtsp://ann:hunter2@10.0.0.5/s?token=abc"}},
        "mqtt": {"host": "broker", "username": "kiosk-user"},
        "webhooks": [{"url": "https://x.example/hook?key=abc", "secret_file": "/etc/s"}],
    })  # fmt: skip
    text = json.dumps(public_configuration(config))
    assert not any(word in text for word in ("ann", "hunter2", "abc", "kiosk-user"))
    assert "10.0.0.5" in text and "x.example/hook" in text
