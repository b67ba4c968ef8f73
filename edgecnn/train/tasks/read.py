"""The `read` task on the host: recipe, data adaptor, loss and validation metric."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.samples import Fault, LineSample
from edgecnn.data.scoring import score_readings
from edgecnn.data.synth.lines import LineGenerator, LineProfile
from edgecnn.errors import RecipeError
from edgecnn.models import Reader, ReaderOptions, create_reader
from edgecnn.train import checkpoint
from edgecnn.train.sections import BaseRecipe, Strict
from edgecnn.train.stream import shard
from edgecnn.train.tasks.base import Batch, Validation
from edgecnn.vision.ctc import SerialReading, decode_serial
from edgecnn.vision.preprocess import preprocess
from edgecnn.vision.serials import GLYPHS, GRAMMARS, MAX_LENGTH, to_glyphs

_CLASS_OF = {glyph: index + 1 for index, glyph in enumerate(GLYPHS)}


class LinesSection(LineProfile):
    """A generated set of serial-number lines."""

    seed: int = Field(ge=0)


class LinesData(Strict):
    """What trains and what chooses."""

    train: LinesSection
    validation: LinesSection
    validation_lines: int = Field(500, ge=5)
    workers: int = Field(2, ge=0)


class ReaderModel(Strict):
    """The network."""

    architecture: str = "mobilenet_v2"
    width: float = Field(1.0, gt=0)
    feature_channels: int = Field(1280, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1)


class ReadLoss(Strict):
    """CTC, with a start that knows where the characters are."""

    align: float = Field(0.25, ge=0, le=1)
    """Share of the samples, at the start, in which the alignment loss fades out."""


class ReadRecipe(BaseRecipe):
    """Everything a run depends on that reads lines of text."""

    task: Literal["read"] = "read"
    epoch: int = Field(20_000, gt=0)
    """Lines between two validations: generated lines have no end of their own."""
    model: ReaderModel = ReaderModel()
    loss: ReadLoss = ReadLoss()
    data: LinesData

    @property
    def network(self) -> str:
        """What the network is, for a card."""
        return f"{self.model.architecture}, width {self.model.width:g}, read head"


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

    def to(self, device: torch.device) -> LineBatch:
        """Return the batch on a device."""
        return LineBatch(self.pixels.to(device), self.targets.to(device),
                         self.lengths.to(device), self.centres.to(device))  # fmt: skip


@dataclass(frozen=True)
class LineItem:
    """One line before batching."""

    pixels: NDArray[np.float32]
    """(H, W, C)."""
    glyphs: str
    centres: tuple[float, ...]


def build_reader(recipe: ReadRecipe) -> Reader:
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
    per_line = _ctc(logits, batch.targets, batch.lengths)
    if not align:
        return per_line.mean()
    known = batch.centres >= 0
    column = (batch.centres * logits.shape[1]).long().clamp(0, logits.shape[1] - 1)
    at_middle = log_p.gather(1, column.unsqueeze(2).expand(-1, -1, log_p.shape[2]))
    right = at_middle.gather(2, batch.targets.unsqueeze(2)).squeeze(2)
    return per_line.mean() - align * (right * known).sum() / len(per_line)


def _ctc(logits: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
    """Return the CTC loss of each line, (N,)."""
    columns = torch.full((logits.shape[0],), logits.shape[1], dtype=torch.long)
    return nn.functional.ctc_loss(
        logits.float().log_softmax(2).transpose(0, 1), targets, columns, lengths,
        reduction="none", zero_infinity=True,
    )  # fmt: skip


def validation_samples(recipe: ReadRecipe) -> list[LineSample]:
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


class ReadTask:
    """Trains a reader of lines."""

    metric = "serial_exact"
    unit = "lines"
    faults: tuple[Fault, ...] = ()
    notices: tuple[str, ...] = ()

    def __init__(self, recipe: ReadRecipe, strict: bool = False) -> None:
        if recipe.optimizer.samples is None:
            raise RecipeError(
                "optimizer.samples: expected a number: generated lines have no epochs"
            )
        self.recipe = recipe
        self.epoch_samples = recipe.epoch
        self._validation = validation_samples(recipe)

    def build(self) -> nn.Module:
        """Build the reader, from the weights of ``init`` where the recipe names a RUN."""
        model = build_reader(self.recipe)
        if self.recipe.init is not None:
            checkpoint.load_weights(model, Path(self.recipe.init) / checkpoint.WEIGHTS)
        return model

    def trained(self, model: nn.Module) -> nn.Module:
        """Return the whole reader."""
        return model

    def base(self, model: nn.Module) -> tuple[nn.Module | None, float]:
        """Return nothing: a reader learns as a whole."""
        return None, 1.0

    def hold(self, model: nn.Module) -> None:
        """Do nothing: no part of a reader is frozen."""

    def batches(self, start: int, rank: int, world: int) -> DataLoader[LineItem]:
        """Return the batches from line ``start`` on; their order does not depend on workers."""
        data, options = self.recipe.data, self.recipe.optimizer
        return DataLoader(
            GeneratedLines(data.train, self.recipe.input),
            batch_sampler=shard(start, options.samples or 0, options.batch, rank, world),
            collate_fn=collate, num_workers=data.workers,
            prefetch_factor=8 if data.workers else None,
            # A forked child inherits OpenCV's and OpenMP's locks and hangs.
            multiprocessing_context="spawn" if data.workers else None,
        )  # fmt: skip

    def loss(self, model: nn.Module, batch: Batch, progress: float) -> Tensor:
        """Return the mean loss per line, with the alignment loss fading out."""
        assert isinstance(batch, LineBatch)
        fades = self.recipe.loss.align
        return loss(model, batch, max(0.0, 1 - progress / fades) if fades else 0.0)

    def validate(self, model: nn.Module) -> Validation:
        """Return the share of validation serials read whole, and the mean CTC loss."""
        spec = self.recipe.input.model_copy(update={"layout": "nhwc"})
        items = [
            LineItem(preprocess(s.image, spec), to_glyphs(s.text), ()) for s in self._validation
        ]
        logits = infer_logits(model, np.stack([i.pixels for i in items]))
        readings = [decode_serial(x, GLYPHS, tuple(GRAMMARS), 0.0) for x in logits]
        batch = collate(items)
        value = _ctc(torch.from_numpy(logits), batch.targets, batch.lengths).mean()
        return Validation(score_readings(readings, self._validation).exact, float(value))
