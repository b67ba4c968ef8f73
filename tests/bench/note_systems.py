"""The readers that the benchmark compares: ours, and general OCR engines with the grammars."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from note_grammar import serials, texts
from note_rivals import Kept, Page, RapidocrPages, TesseractPages
from note_scores import Answer
from note_sets import Image

from edgecnn.cli.output import find_bundle
from edgecnn_device.notes import NoteReader


class System(Protocol):
    """Reads the serials of a picture."""

    name: str

    def __call__(self, image: Image) -> Answer:
        """Read (H, W, 3) BGR."""
        ...


class Ours:
    """The product, as `edgecnn read` runs it, on one thread."""

    def __init__(self, detector: str, reader: str, variant: str | None) -> None:
        bundles = find_bundle(detector), find_bundle(reader)
        self._read = NoteReader.open(*bundles, variant)
        self.name = f"edgecnn {variant or ''}".strip()

    def __call__(self, image: Image) -> Answer:
        """Return what is given, and what was read and not given."""
        begun = time.perf_counter()
        notes = self._read(image)
        taken = 1e3 * (time.perf_counter() - begun)
        read = {s.text for n in notes for s in n.serials}
        read |= {n.verdict.text for n in notes if n.verdict is not None}
        emitted = tuple(dict.fromkeys(n.serial for n in notes if n.serial is not None))
        return Answer(emitted, tuple(sorted(read)), taken, tuple(n.quad for n in notes))


class WithGrammar:
    """A general engine whose texts go through the grammars; all that fit are emitted."""

    def __init__(self, engine: Kept) -> None:
        self._engine = engine
        self.name = f"{engine.name}, + grammar"

    def __call__(self, image: Image) -> Answer:
        """Return the serials, and every text and run of texts."""
        return with_grammar(self._engine(image))


def with_grammar(page: Page) -> Answer:
    """Return the serials of a page, and every text and run of texts."""
    found = serials(page.boxes)
    emitted = tuple(dict.fromkeys(c.reading.text for c in found))
    plain = tuple(dict.fromkeys(c.reading.text for c in found if not c.reading.repairs))
    return Answer(emitted, tuple(texts(page.boxes)), page.ms, unrepaired=plain)


def rivals(threads: int, folder: Path) -> tuple[list[System], list[str]]:
    """Return the engines that are installed, and why others are not.

    Args:
        threads: of each; 0 leaves the engine's default.
        folder: where their answers are kept.
    """
    found: list[System] = []
    missing = []
    for engine in (RapidocrPages, TesseractPages):
        try:
            found.append(WithGrammar(Kept(engine(threads), folder)))
        except RuntimeError as error:
            missing.append(str(error))
    return found, missing
