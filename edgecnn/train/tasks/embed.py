"""The `embed` task on the host: data, loss and metric of one vector per picture of a person."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.pair_scoring import METRIC, AllPairsScore, people_of, score_vectors
from edgecnn.data.samples import Dataset, Fault
from edgecnn.errors import RecipeError
from edgecnn.models.base import ConvNet
from edgecnn.models.embedder import Embedder
from edgecnn.train.embed_losses import (
    distill_loss,
    hint_loss,
    margin_softmax_loss,
    pair_loss,
    triplet_loss,
)
from edgecnn.train.embed_recipe import EmbedLoss, EmbedRecipe, build_embedder, map_shapes
from edgecnn.train.embed_stream import PeopleBatch, PeopleStream, collate
from edgecnn.train.loading import load_batches
from edgecnn.train.online_teacher import Lesson, OnlineTeacher, Shape
from edgecnn.train.people import PeopleOrder, names_of, usable_people, with_least
from edgecnn.train.pictures import prepared
from edgecnn.train.splits import open_both
from edgecnn.train.start import start
from edgecnn.train.stream import Shuffle
from edgecnn.train.tasks.base import Batch, Validation
from edgecnn.train.teacher import load_teacher
from edgecnn.train.transfer import hold


class EmbedTask:
    """Trains an embedder."""

    metric = METRIC
    unit = "pictures"

    def __init__(self, recipe: EmbedRecipe, strict: bool) -> None:
        self._train, self._validation, self.faults = open_splits(recipe, strict)
        people = len(names_of(self._train))
        data = recipe.data.model_copy(update={"people": people})
        self._teacher, loss = _teacher_of(recipe)
        self.recipe = recipe.model_copy(update={"data": data, "loss": loss})
        # Whole steps: a batch norm over one last picture has no statistics.
        batch = recipe.optimizer.batch
        self.epoch_samples = max(len(self._train.samples) // batch, 1) * batch
        self._targets = _targets(recipe, self._train)
        self.notices = (
            *(f"{f.file}: {f.kind}: {f.detail}: left out" for f in self.faults),
            f"{len(self._train.samples)} pictures of {people} people train, "
            f"{len(self._validation.samples)} of {len(names_of(self._validation))} choose",
        )

    def build(self) -> Embedder:
        """Build the network with the weights it starts from, and freeze what a transfer says."""
        model = build_embedder(self.recipe)
        backbone = cast(ConvNet, model.backbone)
        self.notices += start(model, backbone, self.recipe, self._train, own="hint.")
        return model

    def trained(self, model: nn.Module) -> nn.Module:
        """Return the network."""
        return model

    def base(self, model: nn.Module) -> tuple[nn.Module | None, float]:
        """Return the backbone, and its share of the learning rate."""
        return cast(Embedder, model).backbone, self.recipe.transfer.rate

    def hold(self, model: nn.Module) -> None:
        """Keep what is frozen of the backbone in evaluation mode; the rest is always new."""
        hold(cast(ConvNet, cast(Embedder, model).backbone), self.recipe.transfer)

    def batches(self, start: int, rank: int, world: int) -> Iterable[PeopleBatch]:
        """Return this process's batches from picture ``start`` of the stream on."""
        recipe, options, data = self.recipe, self.recipe.optimizer, self.recipe.data
        total = options.samples or (options.epochs or 0) * self.epoch_samples
        order: Shuffle | PeopleOrder
        if recipe.loss.kind == "distill":
            order = Shuffle(len(self._train.samples), recipe.seed)
        else:
            _refuse_torn(options.batch // world, data.pictures_each, world)
            people = people_of(self._train)
            order = PeopleOrder(people, options.batch, data.pictures_each, recipe.seed)
        stream = PeopleStream(
            self._train, recipe.input, data.augment, recipe.seed, order, self._targets
        )
        yield from load_batches(
            stream, collate, start, total, options.batch, rank, world, data.workers
        )

    def loss(self, model: nn.Module, batch: Batch, progress: float) -> Tensor:
        """Return the loss of a batch."""
        assert isinstance(batch, PeopleBatch)
        if self._teacher is not None:
            lesson, stages = self._teacher(batch.pixels), self.recipe.loss.stages
            if stages:
                vectors, made = model(batch.pixels, stages, lesson.maps)
                return stages_loss(vectors, made, lesson)
            return lesson_loss(model(batch.pixels), lesson, self.recipe.loss)
        return embed_loss(model(batch.pixels), batch, self.recipe.loss)

    def validate(self, model: nn.Module) -> Validation:
        """Return the metric on the validation people, and as the loss their equal error rate."""
        score = score_model(model, self.recipe.input, self._validation)
        return Validation(score.tar, score.eer)


def embed_loss(
    found: Tensor | tuple[Tensor, Tensor], batch: PeopleBatch, options: EmbedLoss
) -> Tensor:
    """Return the loss of what a network in training mode makes of a batch."""
    vectors, head = found if isinstance(found, tuple) else (found, found)
    vectors, head = vectors.float(), head.float()
    if options.kind == "distill":
        return distill_loss(vectors, batch.targets)
    if options.kind == "triplet":
        return triplet_loss(vectors, batch.people, options.width, options.choice)
    if options.kind == "margin_softmax":
        return margin_softmax_loss(head, batch.people, options.form, options.width, options.scale)
    return pair_loss(head, batch.people)


def lesson_loss(
    found: Tensor | tuple[Tensor, Tensor], lesson: Lesson, options: EmbedLoss
) -> Tensor:
    """Return the loss to what a teacher says of the same batch."""
    vectors, maps = found if isinstance(found, tuple) else (found, None)
    loss = distill_loss(vectors.float(), lesson.vectors)
    if maps is None or not lesson.maps:
        return loss
    return loss + options.hint * hint_loss(maps.float(), lesson.maps[-1])


def stages_loss(vectors: Tensor, made: Sequence[Tensor], lesson: Lesson) -> Tensor:
    """Return the sum of what each stage is off, see `Embedder.taught`."""
    parts = [hint_loss(one.float(), wanted)
             for one, wanted in zip(made, lesson.maps, strict=True)]  # fmt: skip
    return distill_loss(vectors.float(), lesson.vectors) + torch.stack(parts).sum()


@torch.no_grad()
def infer_vectors(model: nn.Module, spec: InputSpec, dataset: Dataset) -> NDArray[np.float32]:
    """Run a float model in evaluation mode over a dataset: (N, D), not normalized."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = [model(x.to(device)).float().cpu() for x in prepared(dataset, spec)]
    model.train(was_training)
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    return found


def score_model(model: nn.Module, spec: InputSpec, dataset: Dataset) -> AllPairsScore:
    """Score a float model on pictures of people, as `usable_people` returns them."""
    return score_vectors(infer_vectors(model, spec, dataset), people_of(dataset))


def open_splits(recipe: EmbedRecipe, strict: bool) -> tuple[Dataset, Dataset, tuple[Fault, ...]]:
    """Open the training and the validation people of a recipe; see `open_both`.

    Raises:
        RecipeError: somebody is in both.
    """
    train, validation, faults = open_both(recipe.data, recipe.seed, usable_people, strict)
    train = with_least(train, recipe.data.least)
    if not train.samples:
        raise RecipeError(
            f"data.least: nobody in {train.name} has {recipe.data.least} pictures: lower it"
        )
    both = names_of(train) & names_of(validation)
    if both:
        raise RecipeError(
            f"data: {len(both)} people of {validation.name} are in {train.name} too: nobody may "
            "train and choose"
        )
    return train, validation, faults


def _targets(recipe: EmbedRecipe, train: Dataset) -> NDArray[np.float32] | None:
    if recipe.data.teacher is None or recipe.data.teacher.endswith(".onnx"):
        return None
    found = load_teacher(Path(recipe.data.teacher), train)
    _refuse_size(found.shape[1], recipe)
    return found


def _teacher_of(recipe: EmbedRecipe) -> tuple[OnlineTeacher | None, EmbedLoss]:
    """Open a teacher that is asked while training; the loss then knows its channels."""
    if recipe.data.teacher is None or not recipe.data.teacher.endswith(".onnx"):
        return None, recipe.loss
    teacher, spec = OnlineTeacher(Path(recipe.data.teacher)), recipe.input
    size, maps = teacher.shapes((spec.channels, spec.height, spec.width))
    _refuse_size(size, recipe)
    if recipe.loss.stages:
        _check_stages(recipe, maps)
        return teacher, recipe.loss
    if not recipe.loss.hint:
        return teacher, recipe.loss
    if not maps:
        raise RecipeError(f"loss.hint: {recipe.data.teacher} gives no map: set it to 0")
    (channels, rows, columns), wanted = maps[-1], map_shapes(recipe)[-1]
    if wanted[1:] != (rows, columns):
        raise RecipeError(
            f"loss.hint: expected a map of {wanted[1]} x {wanted[2]} as the network has, the "
            f"teacher's has {rows} x {columns}: choose other strides, or set it to 0"
        )
    return teacher, recipe.loss.model_copy(update={"hint_channels": channels})


def _check_stages(recipe: EmbedRecipe, maps: Sequence[Shape]) -> None:
    """Refuse stages that do not end where the teacher's maps belong."""
    shapes, stages = map_shapes(recipe), recipe.loss.stages
    rising = all(a < b for a, b in itertools.pairwise(stages))
    if len(stages) != len(maps) or not rising or stages[-1] != len(shapes) - 1:
        raise RecipeError(
            f"loss.stages: expected {len(maps)} rising layers, the last {len(shapes) - 1}, got "
            f"{list(stages)}"
        )
    for stage, wanted in zip(stages, maps, strict=True):
        if shapes[stage] != wanted:
            raise RecipeError(
                f"loss.stages: layer {stage} gives {shapes[stage]}, the teacher's map there is "
                f"{wanted}: choose other layers"
            )


def _refuse_size(found: int, recipe: EmbedRecipe) -> None:
    if found != recipe.model.size:
        raise RecipeError(
            f"model.size: the teacher's vectors have {found} numbers, got {recipe.model.size}"
        )


def _refuse_torn(share: int, pictures: int, world: int) -> None:
    if share % pictures:
        raise RecipeError(
            f"optimizer.batch: the {share} pictures of each of {world} processes are not whole "
            f"people of {pictures}"
        )
