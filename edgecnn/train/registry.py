"""The tasks that can be trained: one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from edgecnn.train.sections import BaseRecipe
from edgecnn.train.tasks.base import HostTask
from edgecnn.train.tasks.classify import ClassifyRecipe, ClassifyTask
from edgecnn.train.tasks.landmarks import LandmarksRecipe, LandmarksTask
from edgecnn.train.tasks.read import ReadRecipe, ReadTask

Recipe = ReadRecipe | ClassifyRecipe | LandmarksRecipe


@dataclass(frozen=True)
class TaskEntry:
    """How a task is described and made."""

    recipe: type[Recipe]
    make: Callable[[Any, bool], HostTask]


TASKS = MappingProxyType(
    {
        "read": TaskEntry(ReadRecipe, ReadTask),
        "classify": TaskEntry(ClassifyRecipe, ClassifyTask),
        "landmarks": TaskEntry(LandmarksRecipe, LandmarksTask),
    }
)


def make_task(recipe: BaseRecipe, strict: bool = False) -> HostTask:
    """Return the task of a recipe, its data opened.

    Args:
        recipe: what to train.
        strict: an unreadable picture is an error; otherwise it is reported and left out.
    """
    entry = next(e for e in TASKS.values() if isinstance(recipe, e.recipe))
    return entry.make(recipe, strict)
