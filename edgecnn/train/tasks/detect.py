"""The `detect` task on the host: targets, loss and metric of labelled boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from edgecnn.data.anchors import box_sizes, find_anchors
from edgecnn.data.box_points import with_points
from edgecnn.data.box_scoring import BoxScore, match_boxes, score_boxes, scoring_rules
from edgecnn.data.landmarks import mirror_pairs
from edgecnn.data.pictures import usable_boxes
from edgecnn.data.samples import Dataset, Fault
from edgecnn.errors import DataError, RecipeError
from edgecnn.models.detector import Detector
from edgecnn.train.detection.assign import assign
from edgecnn.train.detection.loss import Targets, Wing, detection_loss
from edgecnn.train.detection.recipe import DetectRecipe, build_detector, decode_rules
from edgecnn.train.loading import load_batches
from edgecnn.train.scenes import SceneBatch, SceneStream, collate, still_batches
from edgecnn.train.splits import agreed_classes, open_both
from edgecnn.train.start import start
from edgecnn.train.tasks.base import Batch, Validation
from edgecnn.train.transfer import hold
from edgecnn.vision.anchors import Detections, anchor_grid, decode_detections
from edgecnn.vision.placement import Size, placement


class DetectTask:
    """Trains a detector."""

    metric = "map50"
    unit = "pictures"

    def __init__(self, recipe: DetectRecipe, strict: bool) -> None:
        train, validation, self.faults = open_splits(recipe, strict)
        self.recipe = _resolved(recipe, train, validation)
        self.epoch_samples = len(train.samples)
        self._train, self._validation = train, validation
        spec = recipe.input
        grid = anchor_grid(decode_rules(self.recipe), spec.width, spec.height)
        self._anchors = torch.from_numpy(grid.copy())
        self.notices = tuple(f"{f.file}: {f.kind}: {f.detail}: left out" for f in self.faults)

    def build(self) -> Detector:
        """Build the network with the weights it starts from, and freeze what a transfer says."""
        model = build_detector(self.recipe)
        self.notices += start(model, model.backbone, self.recipe, self._train)
        return model

    def trained(self, model: nn.Module) -> nn.Module:
        """Return the whole detector."""
        return model

    def base(self, model: nn.Module) -> tuple[nn.Module | None, float]:
        """Return the backbone, and its share of the learning rate."""
        assert isinstance(model, Detector)
        return model.backbone, self.recipe.transfer.rate

    def hold(self, model: nn.Module) -> None:
        """Keep what is frozen in evaluation mode."""
        assert isinstance(model, Detector)
        hold(model.backbone, self.recipe.transfer)

    def batches(self, start: int, rank: int, world: int) -> Iterable[SceneBatch]:
        """Return this process's batches from picture ``start`` of the shuffled stream on."""
        options, data = self.recipe.optimizer, self.recipe.data
        total = options.samples or (options.epochs or 0) * self.epoch_samples
        stream = SceneStream(self._train, self.recipe.input, data.augment, self.recipe.seed)
        return load_batches(stream, collate, start, total, options.batch, rank, world, data.workers)

    def loss(self, model: nn.Module, batch: Batch, progress: float) -> Tensor:
        """Return the weighted sum of the parts, per object."""
        assert isinstance(batch, SceneBatch)
        return self._loss(model(batch.pixels), batch)

    def _loss(self, outputs: tuple[Tensor, ...], batch: SceneBatch) -> Tensor:
        levels = [x.shape[1] for x in outputs[0::2]]
        raw, logits = torch.cat(outputs[0::2], 1), torch.cat(outputs[1::2], 1)
        anchors = self._anchors.to(raw.device)
        targets = find_targets(anchors, levels, batch)
        every = anchors.repeat(len(batch.counts), 1)
        weights = self.recipe.loss
        wing = Wing(weights.wing, weights.wing_curvature)
        parts = detection_loss(
            raw.flatten(0, 1), logits.flatten(0, 1).float(), every, targets, wing
        )
        boxes = weights.box * parts.box + weights.angle * parts.angle
        return parts.score + boxes + weights.points * parts.points

    def validate(self, model: nn.Module) -> Validation:
        """Return mAP at IoU 0.5 and the mean loss per object on the validation split."""
        found: list[Detections] = []
        losses: list[float] = []
        for outputs, batch in infer_scenes(model, self.recipe, self._validation):
            losses += [float(self._loss(outputs, batch))] * len(batch.counts)
            found += decode_batch(outputs, self.recipe, batch.sizes)
        matches = match_boxes(found, self._validation)
        return Validation(matches.map50(), sum(losses) / len(losses))


def find_targets(anchors: Tensor, levels: list[int], batch: SceneBatch) -> Targets:
    """Return what each place of a batch should say; places of all pictures in one row."""
    places, objects, first = [], [], 0
    for number, count in enumerate(batch.counts):
        owner = assign(anchors, levels, batch.oriented[first : first + count])
        chosen = torch.nonzero(owner >= 0).squeeze(1)
        places.append(chosen + number * len(anchors))
        objects.append(owner[chosen] + first)
        first += count
    every = torch.cat(objects)
    return Targets(
        torch.cat(places), batch.classes[every], batch.oriented[every], batch.points[every]
    )


@torch.no_grad()
def infer_scenes(
    model: nn.Module, recipe: DetectRecipe, dataset: Dataset
) -> Iterator[tuple[tuple[Tensor, ...], SceneBatch]]:
    """Run a float model in evaluation mode over a dataset, in its order, without augmentation.

    Yields:
        The outputs for a few pictures on the CPU, and those pictures.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    for batch in still_batches(dataset, recipe.input):
        outputs = model(batch.pixels.to(device))
        yield tuple(x.float().cpu() for x in outputs), batch
    model.train(was_training)


def score_model(model: nn.Module, recipe: DetectRecipe, dataset: Dataset) -> BoxScore:
    """Score a float model on what `usable_boxes` gives.

    Raises:
        DataError: the model knows other classes.
        MissingExtraError: pycocotools is not installed.
    """
    if dataset.classes != recipe.data.classes:
        raise DataError(
            f"{dataset.name}: has the classes {', '.join(dataset.classes)}; the run knows "
            f"{', '.join(recipe.data.classes)}"
        )
    found: list[Detections] = []
    for outputs, batch in infer_scenes(model, recipe, dataset):
        found += decode_batch(outputs, recipe, batch.sizes)
    return score_boxes(found, with_points(dataset, recipe.model.points))


def decode_batch(
    outputs: tuple[Tensor, ...], recipe: DetectRecipe, sizes: Sequence[Size]
) -> list[Detections]:
    """Decode as the device does, but give nearly everything, to be scored.

    Args:
        outputs: for some pictures.
        recipe: of the network.
        sizes: width and height of each picture.
    """
    rules = decode_rules(recipe).model_copy(
        update={"suppression": scoring_rules(recipe.suppression)}
    )
    arrays = [x.numpy() for x in outputs]
    return [
        decode_detections(
            [x[i : i + 1] for x in arrays], rules, placement(size, recipe.input)
        )
        for i, size in enumerate(sizes)
    ]  # fmt: skip


def open_splits(recipe: DetectRecipe, strict: bool) -> tuple[Dataset, Dataset, tuple[Fault, ...]]:
    """Open the training and the validation split of a recipe; see `open_both`."""
    train, validation, faults = open_both(recipe.data, recipe.seed, usable_boxes, strict)
    wanted = recipe.model.points
    for dataset in (train, validation):
        if wanted and dataset.points != wanted:
            raise RecipeError(
                f"model.points: expected {', '.join(wanted)}, in this order; {dataset.name} has "
                f"{', '.join(dataset.points) or 'none'}"
            )
    return with_points(train, wanted), with_points(validation, wanted), faults


def _resolved(recipe: DetectRecipe, train: Dataset, validation: Dataset) -> DetectRecipe:
    """Write classes, anchors and mirror pairs into the recipe; all sources must agree."""
    wanted = agreed_classes(recipe.data, train, validation)
    if recipe.model.oriented and any(s.quads is None for s in train.samples if len(s.boxes)):
        raise RecipeError("model.oriented: the training split has upright boxes alone")
    anchors = recipe.anchors
    if not anchors.sizes:
        levels, each = len(recipe.model.strides), anchors.per_level
        found = find_anchors(
            box_sizes(train, recipe.input, recipe.model.oriented), levels * each, recipe.seed
        )
        rows = found.sizes.round(1).reshape(levels, each, 2).tolist()
        anchors = anchors.model_copy(update={"sizes": tuple(tuple(map(tuple, r)) for r in rows)})
    augment = recipe.data.augment
    if augment.mirror and not augment.mirror_pairs:
        pairs = mirror_pairs(recipe.model.points)
        augment = augment.model_copy(update={"mirror_pairs": pairs})
    data = recipe.data.model_copy(update={"classes": wanted, "augment": augment})
    return recipe.model_copy(update={"data": data, "anchors": anchors})
