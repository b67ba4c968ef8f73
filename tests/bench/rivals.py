"""The general OCR engines that a user would pick instead, behind one interface, for benchmarks.

rapidocr (`pip install rapidocr`; its models are inside the wheel) and tesseract (Debian's
tesseract-ocr). Neither is a dependency of edgecnn.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

TESSERACT_HEIGHT = 48
"""Tesseract is made for glyphs of some 30 px: lower lines are enlarged to this height."""


@dataclass(frozen=True)
class RivalReading:
    """What an engine read, as it wrote it."""

    text: str
    confidence: float
    """0..1, by the engine's own account."""


class Rival(Protocol):
    """An engine that reads a cut-out, straightened line."""

    name: str

    def read(self, image: NDArray[np.uint8]) -> RivalReading:
        """Read (H, W, 3) BGR."""
        ...


class _Rapidocr:
    name = "rapidocr recognizer"

    def __init__(self) -> None:
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise RuntimeError("rapidocr is not installed: pip install rapidocr") from error
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        threads = {f"EngineConfig.onnxruntime.{k}_op_num_threads": 1 for k in ("intra", "inter")}
        self._engine: Any = RapidOCR(params={**threads, "Global.log_level": "error"})

    def read(self, image: NDArray[np.uint8]) -> RivalReading:
        """Recognize only: no detection and no turning, which the line has had."""
        found = self._engine(image, use_det=False, use_cls=False, use_rec=True)
        texts = found.txts or ()
        if not texts:
            return RivalReading("", 0.0)
        return RivalReading("".join(texts), float(np.mean(found.scores)))


class _Tesseract:
    name = "tesseract"

    def __init__(self) -> None:
        if shutil.which("tesseract") is None:
            raise RuntimeError("tesseract is not installed: apt-get install tesseract-ocr")

    def read(self, image: NDArray[np.uint8]) -> RivalReading:
        """Read one line (page segmentation 7), capitals, digits and the star only."""
        scale = TESSERACT_HEIGHT / image.shape[0]
        if scale > 1:
            image = np.asarray(
                cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8
            )
        _, data = cv2.imencode(".png", image)
        allowed = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
        command = ["tesseract", "-", "-", "--psm", "7", "-c", f"tessedit_char_whitelist={allowed}",
                   "tsv"]  # fmt: skip
        done = subprocess.run(
            command, input=np.asarray(data).tobytes(), capture_output=True, check=False,
            env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        rows = [r.split("\t") for r in done.stdout.decode(errors="replace").splitlines()[1:]]
        words = [(r[11], float(r[10])) for r in rows if len(r) == 12 and r[11].strip()]
        if not words:
            return RivalReading("", 0.0)
        return RivalReading("".join(w for w, _ in words), min(c for _, c in words) / 100)


def rapidocr_recognizer() -> Rival:
    """Return rapidocr's recognizer on one thread; RuntimeError where it is not installed."""
    return _Rapidocr()


def tesseract_line() -> Rival:
    """Return tesseract on one thread; RuntimeError where it is not installed."""
    return _Tesseract()
