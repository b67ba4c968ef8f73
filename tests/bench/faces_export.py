"""A foreign face embedder in int8: each face's vector beside fp32's, and the accuracy on LFW.

    python tests/bench/faces_export.py [--calibration 200]
    python tests/bench/faces_export.py --yunet [--calibration 100]

MobileFaceNet of EDGECNN_DATA (trained on MS-Celeb-1M, withdrawn: measured, and never shipped).
Faces are found and brought upright by YuNet's five points. Those that calibrate are of lfw_more,
whose people are in no fold; the pairs of lfw_pairs_folds1-5 score. Each fold is scored at the
threshold that is best on the other four, for fp32 and int8 alike.

``--yunet`` exports that detector instead, whose 12 outputs are scored by their least cosine with
fp32's on 200 more pictures of lfw_more, and prints every rung of the ladder.
"""

from __future__ import annotations

import argparse
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.cli.export_table import show
from edgecnn.cli.output import print_table
from edgecnn.data.scoring import paired_drop
from edgecnn_device.runner import open_runner
from edgecnn_export import Exported, ExportOptions, export
from edgecnn_export.sources import Description

SIDE = 112
POINTS = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366],
                   [41.5493, 92.3655], [70.7299, 92.2041]], np.float32)  # fmt: skip
"""Eyes, nose and mouth in a face of 112 px (Deng et al., "ArcFace", CVPR 2019, their code)."""
DESCRIPTION = Description(
    mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), task="embed",
    licence="Apache-2.0", provenance="MS-Celeb-1M",
)  # fmt: skip
Image = NDArray[np.uint8]
Vectors = dict[str, NDArray[np.float32]]


class Aligner:
    """Finds the largest face and brings it upright."""

    def __init__(self, model: Path) -> None:
        self._find = cv2.FaceDetectorYN.create(str(model), "", (320, 320), 0.5)

    def __call__(self, picture: Image) -> Image:
        """Return (112, 112, 3) BGR; of a picture without a face, its middle."""
        height, width = picture.shape[:2]
        self._find.setInputSize((width, height))
        found = self._find.detect(picture)[1]
        if found is None:
            return np.asarray(cv2.resize(picture, (SIDE, SIDE)), np.uint8)
        face = max(found, key=lambda f: float(f[2] * f[3]))
        points = face[4:14].reshape(5, 2)
        matrix, _ = cv2.estimateAffinePartial2D(points, POINTS, method=cv2.LMEDS)
        return np.asarray(cv2.warpAffine(picture, matrix, (SIDE, SIDE)), np.uint8)


def read_faces(
    archive: Path, wanted: set[str] | None, align: Aligner
) -> Iterator[tuple[str, Image]]:
    """Yield name and upright face of the wanted pictures, or of all."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile() or not member.name.endswith(".jpg"):
                continue
            name = Path(member.name).stem
            if wanted is not None and name not in wanted:
                continue
            file = tar.extractfile(member)
            assert file is not None
            data = np.frombuffer(file.read(), np.uint8)
            yield name, align(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8))


def read_pairs(path: Path) -> tuple[list[tuple[str, str]], NDArray[np.bool_], NDArray[np.int64]]:
    """Return the pairs, whether each is one person, and its fold."""
    lines = path.read_text(encoding="utf-8").splitlines()
    folds, number = map(int, lines[0].split())
    pairs, same = [], []
    for line in lines[1:]:
        parts = line.split("\t")
        one, two = ((parts[0], parts[1]), (parts[0], parts[2])) if len(parts) == 3 else (
            (parts[0], parts[1]), (parts[2], parts[3]))  # fmt: skip
        pairs.append((f"{one[0]}_{int(one[1]):04}", f"{two[0]}_{int(two[1]):04}"))
        same.append(len(parts) == 3)
    return pairs, np.array(same), np.repeat(np.arange(folds), 2 * number)


def right(vectors: Vectors, pairs: list[tuple[str, str]], same: NDArray[np.bool_],
          folds: NDArray[np.int64]) -> NDArray[np.bool_]:  # fmt: skip
    """Tell which pairs are judged rightly, each fold at the others' best threshold."""
    unit = {name: v / np.linalg.norm(v) for name, v in vectors.items()}
    scores = np.array([float(unit[a] @ unit[b]) for a, b in pairs])
    out = np.zeros(len(pairs), bool)
    for fold in range(folds.max() + 1):
        others, here = folds != fold, folds == fold
        steps = np.sort(scores[others])
        best = max(steps, key=lambda t: float(((scores[others] >= t) == same[others]).mean()))
        out[here] = (scores[here] >= best) == same[here]
    return out


def export_faces(data: Path, folder: Path, align: Aligner, number: int) -> Exported:
    """Export by the gate, calibrated and gated on people of no fold."""
    faces = read_faces(data / "lfw_more.tar", None, align)
    for part, count in (("calibration", number), ("gate", 500)):
        (folder / part).mkdir()
        for _ in range(count):
            name, face = next(faces)
            cv2.imwrite(str(folder / part / f"{name}.png"), face)
    options = ExportOptions(calibration=folder / "calibration", evaluate=folder / "gate",
                            description=DESCRIPTION)  # fmt: skip
    return export(data / "mobilefacenet/MobileFaceNet.onnx", folder / "m.edge", options, print)


def export_detector(data: Path, folder: Path, number: int) -> Exported:
    """Export YuNet at 320 px, which takes BGR pixels as they are."""
    with tarfile.open(data / "lfw_more.tar") as tar:
        files = [m for m in tar.getmembers() if m.name.endswith(".jpg")][: number + 200]
        for index, member in enumerate(files):
            part = folder / ("calibration" if index < number else "gate")
            part.mkdir(exist_ok=True)
            file = tar.extractfile(member)
            assert file is not None
            (part / Path(member.name).name).write_bytes(file.read())
    options = ExportOptions(calibration=folder / "calibration", evaluate=folder / "gate",
                            description=Description(colour="bgr"))  # fmt: skip
    return export(data / "face_yunet/yunet_n_320_320.onnx", folder / "y.edge", options, print)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calibration", type=int, default=200)
    parser.add_argument("--yunet", action="store_true")
    arguments = parser.parse_args()
    data = Path(os.environ.get("EDGECNN_DATA", "shared/data"))
    if arguments.yunet:
        with tempfile.TemporaryDirectory() as name:
            show(export_detector(data, Path(name), arguments.calibration))
        return
    align = Aligner(data / "face_yunet/yunet_n_320_320.onnx")
    pairs, same, folds = read_pairs(data / "lfw_pairs_folds1-5.txt")
    wanted = {name for pair in pairs for name in pair}
    with tempfile.TemporaryDirectory() as name:
        exported = export_faces(data, Path(name), align, arguments.calibration)
        show(exported)
        runners = {p: open_runner(exported.bundle, f"onnx-{p}") for p in ("fp32", "int8")}
        vectors: dict[str, Vectors] = {p: {} for p in runners}
        for face_name, face in read_faces(data / "lfw_dev.tar", wanted, align):
            for precision, runner in runners.items():
                vectors[precision][face_name] = runner.infer(runner.prepare(face))[0][0]
    cosines = [
        float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        for a, b in ((vectors["fp32"][n], vectors["int8"][n]) for n in vectors["fp32"])
    ]
    judged = {p: right(v, pairs, same, folds) for p, v in vectors.items()}
    drop = paired_drop(judged["fp32"].tolist(), judged["int8"].tolist())
    rows = [
        ["mean cosine of int8 with fp32", f"{np.mean(cosines):.4f}"],
        ["first percentile", f"{np.percentile(cosines, 1):.4f}"],
        ["LFW fp32, %", f"{100 * judged['fp32'].mean():.2f}"],
        ["LFW int8, %", f"{100 * judged['int8'].mean():.2f}"],
        ["points lost", f"{drop.points:.2f} ({drop.low:.2f} to {drop.high:.2f})"],
    ]
    print_table(f"MobileFaceNet, {len(cosines)} faces, {len(pairs)} pairs", ["", ""], rows)


if __name__ == "__main__":
    main()
