"""What several suites share: a tiny bundle made without any runtime, and pictures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.bundle import InputSpec, Manifest, Metric, Parity, Variant, write_bundle
from edgecnn.bundle.decode import AnchorsDecode
from edgecnn.bundle.manifest import CARD, GOLDEN
from edgecnn.bundle.read import Golden
from edgecnn.bundle.write import pack_golden
from edgecnn.data.samples import LineSample
from edgecnn.data.synth.lines import LineGenerator
from edgecnn.data.synth.write import default_profile
from edgecnn.vision.placement import placement
from edgecnn.vision.preprocess import Input
from edgecnn.vision.quads import from_quads

ROOT = Path(__file__).parents[1]
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line sets it
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a test measures out of the machine's own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def zoo_bundle() -> Path:
    return ROOT / "edgecnn" / "zoo" / "serial-reader.edge"


@pytest.fixture(scope="session")
def easy_lines() -> list[tuple[NDArray[np.uint8], str]]:
    """A few large, clean generated lines with their serials."""
    profile = default_profile()
    clean = {
        "glyph_px": (30, 34),
        "blur": (0, 0.01),
        "noise": (0, 2),
        "jpeg": (94, 96),
        "motion": (0, 0),
    }
    easy = profile.model_copy(
        update={
            "camera": profile.camera.model_copy(update={**clean, "shade": (0, 0.1), "glare": 0.0}),
            "backgrounds": ("plain",), "contrast": 90.0, "clutter": 0.0,
        }
    )  # fmt: skip
    generator = LineGenerator(easy, 78)
    samples = [generator(i) for i in range(10)]
    return [(s.image, s.text) for s in samples]


@dataclass(frozen=True, eq=False)
class NoteScene:
    """A picture of notes, with where they and their serials are."""

    image: NDArray[np.uint8]
    notes: NDArray[np.float32]
    """(N, 4, 2)."""
    serials: NDArray[np.float32]
    """(M, 4, 2), with a third of a capital's height of paper around the print."""


@pytest.fixture(scope="session")
def note_lines() -> list[LineSample]:
    """Clean lines, cut as a serial's quad cuts them; KRW, USD, INR, RUB, JPY take turns."""
    profile = default_profile()
    clean = {"glyph_px": (30, 34), "blur": (0, 0.01), "motion": (0, 0), "noise": (0, 2),
             "jpeg": (94, 96), "tilt": (0, 0), "shade": (0, 0.1), "glare": 0.0}  # fmt: skip
    easy = profile.model_copy(
        update={
            "camera": profile.camera.model_copy(update=clean), "backgrounds": ("plain",),
            "contrast": 90.0, "clutter": 0.0, "above": (0.33, 0.33), "beside": (0.33, 0.33),
        }
    )  # fmt: skip
    return [LineGenerator(easy, 79)(i) for i in range(10)]


@pytest.fixture(scope="session")
def draw_notes() -> Callable[..., NoteScene]:
    """Draws notes into a frame: (its corners in the frame, pictures of its serials) each."""

    def draw(
        notes: Sequence[tuple[Sequence[Sequence[float]], Sequence[NDArray[np.uint8]]]],
        size: tuple[int, int] = (1280, 720),
    ) -> NoteScene:
        frame = np.random.default_rng(1).integers(60, 90, (size[1], size[0], 3), np.uint8)
        quads = []
        for corners, lines in notes:
            note, places = _note(lines)
            whole = _corners(0, 0, note.shape[1], note.shape[0])
            matrix = cv2.getPerspectiveTransform(whole, np.asarray(corners, np.float32))
            seen = cv2.warpPerspective(note, matrix, size, flags=cv2.INTER_AREA)
            mask = cv2.warpPerspective(np.full(note.shape[:2], 255, np.uint8), matrix, size)
            frame[mask > 127] = seen[mask > 127]
            quads += [cv2.perspectiveTransform(place[None], matrix)[0] for place in places]
        where = np.array([corners for corners, _ in notes], np.float32).reshape(-1, 4, 2)
        return NoteScene(frame, where, np.array(quads, np.float32).reshape(-1, 4, 2))

    return draw


def _note(
    lines: Sequence[NDArray[np.uint8]],
) -> tuple[NDArray[np.uint8], list[NDArray[np.float32]]]:
    """Return a note of 1000 x 430 with its serials at the upper left and the lower right."""
    note = np.full((430, 1000, 3), 205, np.uint8)
    places = []
    for number, line in enumerate(lines):
        height, width = line.shape[:2]
        x, y = (950 - width, 400 - height) if number else (50, 40)
        note[y : y + height, x : x + width] = line
        places.append(_corners(x, y, x + width, y + height))
    return note, places


def _corners(x1: float, y1: float, x2: float, y2: float) -> NDArray[np.float32]:
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)


class ScriptedDetector:
    """Stands in for a detector's network: finds what each next picture is said to show."""

    def __init__(self, spec: InputSpec, places: int) -> None:
        self._spec, self._places = spec, places
        self.scenes: list[NoteScene] = []
        """One for each picture to come; the last one stays."""

    def run(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        scene = self.scenes.pop(0) if len(self.scenes) > 1 else self.scenes[0]
        height, width = scene.image.shape[:2]
        quads = np.concatenate((scene.notes, scene.serials))
        if height > width:  # shown turned
            quads = np.stack((height - quads[..., 1], quads[..., 0]), -1)
            height, width = width, height
        place = placement((width, height), self._spec)
        boxes = np.zeros((1, self._places, 5), np.float32)
        boxes[0, : len(quads)] = from_quads(place.to_input(quads))
        scores = np.zeros((1, self._places, 2), np.float32)
        ranks = np.linspace(0.95, 0.9, len(quads))
        label = (np.arange(len(quads)) >= len(scene.notes)).astype(int)
        scores[0, np.arange(len(quads)), label] = ranks
        return boxes, scores

    def run_batch(self, inputs: Input) -> tuple[NDArray[np.float32], ...]:
        raise NotImplementedError("one picture at a time")


@dataclass(frozen=True)
class DetectorBundle:
    """A detector of notes whose network is a script."""

    path: Path
    script: ScriptedDetector


@pytest.fixture
def note_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DetectorBundle:
    """A bundle of task detect whose boxes the test states; other bundles run as ever."""
    from edgecnn_device.backends import open_backend

    model, card = b"a script, no network", b"# notes\n"
    spec = InputSpec(width=512, height=288, mean=(0,) * 3, std=(1,) * 3, resize="letterbox")
    script = ScriptedDetector(spec, 8 * 5)

    def opened(kind: str, data: bytes, *given: object) -> object:
        return script if data == model else open_backend(kind, data, *given)  # type: ignore[arg-type]

    monkeypatch.setattr("edgecnn_device.runner.open_backend", opened)
    outputs = (("model-int8.tflite", np.zeros((1, 20), np.float32)),)
    golden = pack_golden(Golden((np.zeros((2, 2, 3), np.uint8),), outputs))
    manifest = Manifest(
        name="scripted-notes", task="detect", architecture="none", input=spec,
        decode=AnchorsDecode(labels=("note", "serial"), strides=(64,), anchors=(((64, 64),),),
                             oriented=True, decoded=True),
        variants=(Variant(
            file="model-int8.tflite", format="tflite", precision="int8", scheme="none",
            golden_bound=1, sha256=hashlib.sha256(model).hexdigest(), bytes=len(model),
            metric=Metric(name="map", value=1, samples=1, drop=0, drop_low=0, drop_high=0),
            parity=Parity(samples=1, max_abs=0, reference_max=1, cosine=1, sqnr_db=99),
        ),),
        golden_sha256=hashlib.sha256(golden).hexdigest(),
        card_sha256=hashlib.sha256(card).hexdigest(),
        calibration=None, source_sha256="0" * 64, licence="Apache-2.0", provenance="made here",
    )  # fmt: skip
    path = tmp_path / "scripted" / "notes.edge"
    write_bundle(path, manifest, {"model-int8.tflite": model, GOLDEN: golden, CARD: card})
    return DetectorBundle(path, script)


@pytest.fixture
def pictures(tmp_path: Path, easy_lines: list[tuple[NDArray[np.uint8], str]]) -> Path:
    """A folder with two pictures, named by their serial's place."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, (image, _) in enumerate(easy_lines[:2]):
        cv2.imwrite(str(folder / f"{index}.png"), image)
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; skips where it is not."""
    folder = Path(os.environ.get("EDGECNN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is absent (set EDGECNN_DATA)")
    return folder
