"""The tasks that can be trained: one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import nn

from edgecnn.train.detection.recipe import DetectRecipe, build_detector
from edgecnn.train.embed_recipe import EmbedRecipe, build_embedder
from edgecnn.train.tasks.base import HostTask
from edgecnn.train.tasks.classify import ClassifyRecipe, ClassifyTask, build_classifier
from edgecnn.train.tasks.detect import DetectTask
from edgecnn.train.tasks.embed import EmbedTask
from edgecnn.train.tasks.landmarks import LandmarksRecipe, LandmarksTask, build_landmarks
from edgecnn.train.tasks.localize import LocalizeRecipe, LocalizeTask, build_localizer
from edgecnn.train.tasks.read import ReadRecipe, ReadTask, build_reader

Recipe = ReadRecipe | ClassifyRecipe | DetectRecipe | LocalizeRecipe | LandmarksRecipe | EmbedRecipe


@dataclass(frozen=True)
class TaskEntry:
    """How a task is described and made."""

    recipe: type[Recipe]
    make: Callable[[Any, bool], HostTask]
    build: Callable[[Any], nn.Module]
    """Makes the network of a resolved recipe, with random weights."""


TASKS = MappingProxyType(
    {
        "read": TaskEntry(ReadRecipe, ReadTask, build_reader),
        "classify": TaskEntry(ClassifyRecipe, ClassifyTask, build_classifier),
        "detect": TaskEntry(DetectRecipe, DetectTask, build_detector),
        "localize": TaskEntry(LocalizeRecipe, LocalizeTask, build_localizer),
        "landmarks": TaskEntry(LandmarksRecipe, LandmarksTask, build_landmarks),
        "embed": TaskEntry(EmbedRecipe, EmbedTask, build_embedder),
    }
)


def make_task(recipe: Recipe, strict: bool = False) -> HostTask:
    """Return the task of a recipe, its data opened.

    Args:
        recipe: what to train.
        strict: an unreadable picture is an error; otherwise it is reported and left out.
    """
    return TASKS[recipe.task].make(recipe, strict)


def build_network(recipe: Recipe) -> nn.Module:
    """Build the network of a resolved recipe, with random weights."""
    return TASKS[recipe.task].build(recipe)
