"""Explains what a trained run makes of one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgecnn.bundle.manifest import InputSpec
from edgecnn.errors import InputError
from edgecnn.explain.gradcam import grad_cam, predict
from edgecnn.explain.sheets import Evidence, evidence_sheet, feature_sheet, filter_sheet
from edgecnn.explain.tiles import Picture
from edgecnn.models.base import ConvNet
from edgecnn.train.run import LoadedRun
from edgecnn.vision.preprocess import preprocess

View = Literal["gradcam", "features", "filters"]


@dataclass(frozen=True)
class Answer:
    """A class and how probable the network finds it."""

    index: int
    label: str
    score: float
    """0..1."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """A sheet and what it is about."""

    sheet: Picture
    predicted: Answer
    explained: Answer
    """The class asked for; without one, the predicted."""


def explain(
    run: LoadedRun, image: NDArray[np.uint8], *, target: str | None = None,
    view: View = "gradcam", layer: str | None = None,
) -> Explanation:  # fmt: skip
    """Explain a picture.

    Args:
        run: a classifier.
        image: (H, W, 3) BGR or (H, W) grey, upright.
        target: name or index of the class to explain; by default the predicted one. Where the two
            differ, the Grad-CAM sheet has a row for each.
        view: ``gradcam``, ``features`` (channels of a feature map) or ``filters``.
        layer: dotted name; by default the last feature map, or the first convolution's filters.

    Raises:
        InputError: the run is no classifier, or has no such class or layer.
    """
    if not isinstance(run.model, ConvNet):
        kind = type(run.model).__name__
        raise InputError(f"expected a RUN that classifies pictures, got one of a {kind}")
    x = to_input(image, run.input)
    scores = predict(run.model, x)
    best = int(scores.argmax())
    asked = best if target is None else _find_class(target, run.classes, len(scores))
    predicted, explained = (
        Answer(i, run.classes[i] if run.classes else str(i), float(scores[i]))
        for i in (best, asked)
    )
    if view == "filters":
        sheet = filter_sheet(run.model, layer, colour=run.input.colour)
    elif view == "features":
        sheet = feature_sheet(run.model, x, layer)
    else:
        rows = [Evidence(_caption(predicted, "predicted"), grad_cam(run.model, x, best, layer))]
        if asked != best:
            heat = grad_cam(run.model, x, asked, layer)
            rows.append(Evidence(_caption(explained, "asked for"), heat))
        sheet = evidence_sheet(image, rows)
    return Explanation(sheet, predicted, explained)


def to_input(image: NDArray[np.uint8], spec: InputSpec) -> Tensor:
    """Prepare a picture as the network takes it: (1, C, H, W)."""
    pixels = preprocess(image, spec.model_copy(update={"layout": "nchw"}))
    return torch.from_numpy(pixels)[None]


def _caption(answer: Answer, role: str) -> str:
    return f"{answer.label} {answer.score:.3f} ({role})"


def _find_class(target: str, classes: tuple[str, ...], count: int) -> int:
    if target in classes:
        return classes.index(target)
    if target.isdecimal() and int(target) < count:
        return int(target)
    known = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
    raise InputError(f"no class {target!r}: expected 0..{count - 1} or a name: {known}")
