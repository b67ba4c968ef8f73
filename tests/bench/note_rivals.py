"""General OCR engines on whole pictures, kept per picture so that a second run costs nothing.

rapidocr finds, turns and recognizes with its own models and defaults; tesseract searches for sparse
text (page segmentation 11). Each gives boxes of text; `note_grammar` makes serials of them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from note_sets import Image

from edgecnn.files import write_atomic

Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class TextBox:
    """A piece of text that an engine found."""

    text: str
    score: float
    """0..1, by the engine's own account."""
    corners: Corners
    """Four, from the top left of the text as it lies in the picture, clockwise."""


class Engine(Protocol):
    """Reads all the text of a picture."""

    name: str

    def __call__(self, image: Image) -> tuple[TextBox, ...]:
        """Read (H, W, 3) BGR."""
        ...


class RapidocrPages:
    """rapidocr with its default models, detection, angle classifier and limits.

    Raises:
        RuntimeError: it is not installed.
    """

    def __init__(self, threads: int) -> None:
        try:
            import rapidocr
        except ImportError as error:
            raise RuntimeError("rapidocr is not installed: pip install rapidocr") from error
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        params: dict[str, object] = {"Global.log_level": "error"}
        if threads:  # 0 leaves the engine's default
            kinds = ("intra", "inter")
            params |= {f"EngineConfig.onnxruntime.{k}_op_num_threads": threads for k in kinds}
        self._engine: Any = rapidocr.RapidOCR(params=params)
        self.name = f"rapidocr, {_threads(threads)}"

    def __call__(self, image: Image) -> tuple[TextBox, ...]:
        """Find, turn and recognize."""
        found = self._engine(image)
        if found.boxes is None or found.txts is None:
            return ()
        return tuple(
            TextBox(str(text), float(score), tuple(map(tuple, np.asarray(box).tolist())))
            for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True)
        )


class TesseractPages:
    """tesseract, sparse text, English.

    Raises:
        RuntimeError: it is not installed.
    """

    def __init__(self, threads: int) -> None:
        if shutil.which("tesseract") is None:
            raise RuntimeError("tesseract is not installed: apt-get install tesseract-ocr")
        self._environment = {"PATH": os.environ["PATH"]}
        if threads:
            self._environment["OMP_THREAD_LIMIT"] = str(threads)
        self.name = f"tesseract, {_threads(threads)}"

    def __call__(self, image: Image) -> tuple[TextBox, ...]:
        """Return each word."""
        _, data = cv2.imencode(".png", image)
        done = subprocess.run(
            ["tesseract", "-", "-", "--psm", "11", "tsv"], input=np.asarray(data).tobytes(),
            capture_output=True, check=True, env=self._environment,
        )  # fmt: skip
        lines = done.stdout.decode(errors="replace").splitlines()
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return tuple(_word(r) for r in rows if float(r["conf"]) >= 0 and (r["text"] or "").strip())


def _word(row: dict[str, str]) -> TextBox:
    x, y, w, h = (float(row[k]) for k in ("left", "top", "width", "height"))
    corners = ((x, y), (x + w, y), (x + w, y + h), (x, y + h))
    return TextBox(row["text"], float(row["conf"]) / 100, corners)


def _threads(count: int) -> str:
    return {0: "default threads", 1: "1 thread"}.get(count, f"{count} threads")


@dataclass(frozen=True)
class Page:
    """What an engine read on a picture."""

    boxes: tuple[TextBox, ...]
    ms: float | None
    """Wall time; None where the answer was kept from an earlier run."""


class Kept:
    """An engine whose answers are kept in a folder, by the picture's hash."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.name = engine.name
        self._engine = engine
        self._folder = folder / engine.name.replace(", ", "-").replace(" ", "-")

    def __call__(self, image: Image) -> Page:
        """Read, or take what was read."""
        digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()
        path = self._folder / f"{digest[:32]}.json"
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            return Page(tuple(_box(b) for b in kept), None)
        begun = time.perf_counter()
        boxes = self._engine(image)
        taken = 1e3 * (time.perf_counter() - begun)
        self._folder.mkdir(parents=True, exist_ok=True)
        plain = [[b.text, b.score, b.corners] for b in boxes]
        write_atomic(path, json.dumps(plain, ensure_ascii=False).encode(), overwrite=True)
        return Page(boxes, taken)


def _box(kept: list[Any]) -> TextBox:
    text, score, corners = kept
    return TextBox(text, score, tuple((x, y) for x, y in corners))
