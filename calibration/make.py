"""Makes calibration/serial-lines again: generated lines that look like the training material.

    python calibration/make.py

They are drawn as the reader's first recipe draws its training lines, with a seed that nothing else
uses, so that no picture of a training, validation, gate or test set is among them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from edgecnn.data.synth.lines import LineGenerator
from edgecnn.train.recipe import load_read_recipe

HERE = Path(__file__).parent
RECIPE = HERE.parent / "edgecnn/zoo/recipes/serial-reader-coarse.yaml"
SEED, COUNT = 3001, 200


def main() -> None:
    """Write the pictures and their manifest."""
    folder = HERE / "serial-lines"
    folder.mkdir(exist_ok=True)
    generator = LineGenerator(load_read_recipe(RECIPE).data.train, SEED)
    files = []
    for index in range(COUNT):
        name = f"line-{index:03d}.jpg"
        _, data = cv2.imencode(".jpg", generator(index).image, (cv2.IMWRITE_JPEG_QUALITY, 92))
        raw = np.asarray(data).tobytes()
        (folder / name).write_bytes(raw)
        files.append({"file": name, "sha256": hashlib.sha256(raw).hexdigest()})
    manifest = {
        "purpose": "ranges of the int8 variants of serial-reader",
        "made_by": f"calibration/make.py, seed {SEED}",
        "licence": "Apache-2.0",
        "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
