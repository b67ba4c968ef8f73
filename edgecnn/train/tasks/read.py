"""The `read` task on the host: data adaptor, loss and validation metric."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.samples import LineSample
from edgecnn.data.synth.lines import LineGenerator
from edgecnn.models import Reader, ReaderOptions, create_reader
from edgecnn.train.recipe import LinesSection, Recipe
from edgecnn.vision.ctc import SerialReading, decode_serial
from edgecnn.vision.preprocess import preprocess
from edgecnn.vision.serials import GLYPHS, GRAMMARS, MAX_LENGTH, to_glyphs

_CLASS_OF = {glyph: index + 1 for index, glyph in enumerate(GLYPHS)}


@dataclass(frozen=True)
class LineBatch:
    """A batch as the network takes it."""

    pixels: Tensor
    """(N, C, H, W) float32, channels last in memory."""
    targets: Tensor
    """(N, longest) classes, padded with 0."""
    lengths: Tensor
    """(N,) characters per line."""
    centres: Tensor
    """(N, longest) middle of each character as a share of the width; -1 where there is none."""


@dataclass(frozen=True)
class LineItem:
    """One line before batching."""

    pixels: NDArray[np.float32]
    """(H, W, C)."""
    glyphs: str
    centres: tuple[float, ...]


def build_reader(recipe: Recipe) -> Reader:
    """Build the network of a recipe, with random weights."""
    model = recipe.model
    return create_reader(
        ReaderOptions(
            model.architecture, model.width, model.feature_channels, len(GLYPHS), model.dropout
        )
    )


class GeneratedLines(Dataset[LineItem]):
    """Generated lines as network inputs; item ``i`` is always the same line."""

    def __init__(self, lines: LinesSection, spec: InputSpec) -> None:
        self._lines = lines
        self._spec = spec.model_copy(update={"layout": "nhwc"})
        self._generator: LineGenerator | None = None

    def __getitem__(self, index: int) -> LineItem:
        if self._generator is None:  # made in the worker: fonts do not cross processes
            cv2.setNumThreads(1)
            self._generator = LineGenerator(self._lines, self._lines.seed)
        sample = self._generator(index)
        return LineItem(
            preprocess(sample.image, self._spec), to_glyphs(sample.text), sample.centres
        )


def collate(items: list[LineItem]) -> LineBatch:
    """Stack lines into a batch."""
    pixels = torch.from_numpy(np.stack([i.pixels for i in items])).permute(0, 3, 1, 2)
    targets = torch.zeros(len(items), MAX_LENGTH, dtype=torch.long)
    centres = torch.full((len(items), MAX_LENGTH), -1.0)
    for row, item in enumerate(items):
        classes = [_CLASS_OF[g] for g in item.glyphs]
        targets[row, : len(classes)] = torch.tensor(classes, dtype=torch.long)
        centres[row, : len(item.centres)] = torch.tensor(item.centres)
    lengths = torch.tensor([len(i.glyphs) for i in items])
    return LineBatch(pixels, targets, lengths, centres)


def training_batches(recipe: Recipe, start: int) -> DataLoader[LineItem]:
    """Return the batches from sample ``start`` on; their order does not depend on workers."""
    dataset = GeneratedLines(recipe.data.train, recipe.input)
    order = range(start, recipe.optimizer.samples)
    workers = recipe.data.workers
    return DataLoader(
        dataset, batch_size=recipe.optimizer.batch, sampler=order, collate_fn=collate,
        num_workers=workers, prefetch_factor=8 if workers else None,
        # A forked child inherits OpenCV's and OpenMP's locks and hangs.
        multiprocessing_context="spawn" if workers else None,
    )  # fmt: skip


def loss(model: nn.Module, batch: LineBatch, align: float) -> Tensor:
    """Return the mean loss per line, in nats: CTC, and a share of the alignment loss.

    CTC alone spends its first tens of thousands of lines finding out where the characters are.
    The generator knows: the alignment loss is the cross-entropy of each character at the column
    under its middle. It is only a start; where two middles share a column it is wrong.

    Args:
        model: a `Reader`.
        batch: lines.
        align: weight of the alignment loss.
    """
    logits: Tensor = model(batch.pixels)
    log_p = logits.float().log_softmax(2)
    columns = torch.full((logits.shape[0],), logits.shape[1], dtype=torch.long)
    per_line = nn.functional.ctc_loss(
        log_p.transpose(0, 1), batch.targets, columns, batch.lengths,
        reduction="none", zero_infinity=True,
    )  # fmt: skip
    if not align:
        return per_line.mean()
    known = batch.centres >= 0
    column = (batch.centres * logits.shape[1]).long().clamp(0, logits.shape[1] - 1)
    at_middle = log_p.gather(1, column.unsqueeze(2).expand(-1, -1, log_p.shape[2]))
    right = at_middle.gather(2, batch.targets.unsqueeze(2)).squeeze(2)
    return per_line.mean() - align * (right * known).sum() / len(per_line)


def validation_samples(recipe: Recipe) -> list[LineSample]:
    """Draw the validation split of a recipe."""
    lines = recipe.data.validation
    generator = LineGenerator(lines, lines.seed)
    return [generator(index) for index in range(recipe.data.validation_lines)]


@torch.inference_mode()
def infer_logits(
    model: nn.Module, inputs: NDArray[np.float32], batch: int = 64
) -> NDArray[np.float32]:
    """Run the float model in evaluation mode.

    Args:
        model: a `Reader`.
        inputs: (N, H, W, C) as `preprocess` returns them.
        batch: lines per forward pass.

    Returns:
        (N, T, classes) logits.
    """
    was_training = model.training
    model.eval()
    parts = [
        model(torch.from_numpy(inputs[i : i + batch]).permute(0, 3, 1, 2)).numpy()
        for i in range(0, len(inputs), batch)
    ]
    model.train(was_training)
    return np.concatenate(parts)


def read_lines(
    model: nn.Module, samples: list[LineSample], spec: InputSpec, min_confidence: float = 0.0
) -> list[SerialReading | None]:
    """Read samples with the float model and the decoder of the device."""
    nhwc = spec.model_copy(update={"layout": "nhwc"})
    inputs = np.stack([preprocess(s.image, nhwc) for s in samples])
    return [
        decode_serial(logits, GLYPHS, tuple(GRAMMARS), min_confidence)
        for logits in infer_logits(model, inputs)
    ]
