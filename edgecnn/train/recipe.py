"""Reads a training recipe: one strict yaml that holds every number a run depends on."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from edgecnn.errors import RecipeError
from edgecnn.train.registry import TASKS, Recipe
from edgecnn.train.sections import BaseRecipe
from edgecnn.train.tasks.read import ReadRecipe


def load_recipe(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: a yaml file.
        overrides: ``section.key=value`` each, applied last.

    Raises:
        RecipeError: the file cannot be read, a key is unknown (the nearest one is named) or a
            value does not fit.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: expected a yaml recipe, got: {_one_line(error)}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: expected keys and values, got {type(content).__name__}")
    for override in overrides:
        _apply(content, override)
    entry = TASKS.get(str(content.get("task")))
    if entry is None:
        raise RecipeError(
            f"{path}: task: expected one of {', '.join(TASKS)}, got {content.get('task')!r}"
        )
    try:
        return entry.recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"{path}: {_explain(error, entry.recipe)}") from error


def load_read_recipe(path: Path) -> ReadRecipe:
    """Read a recipe of the `read` task.

    Raises:
        RecipeError: as `load_recipe`, or a recipe of another task.
    """
    recipe = load_recipe(path)
    if not isinstance(recipe, ReadRecipe):
        raise RecipeError(f"{path}: task: expected read, got {recipe.task}")
    return recipe


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise RecipeError(f"--set {override}: expected section.key=value")
    *sections, last = key.split(".")
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise RecipeError(f"--set {override}: {section} is a value, not a section")
    try:
        content[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {override}: {_one_line(error)}") from error


def _explain(error: ValidationError, kind: type[BaseRecipe]) -> str:
    # A mistyped key often leaves a required one missing: the mistake is the better message.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "value_error":  # our own words, which say what came
        return f"{place}: {first['msg'].removeprefix('Value error, ')}"
    if first["type"] != "extra_forbidden":
        return f"{place}: {first['msg']}, got {first['input']!r}"
    known = _keys(kind, first["loc"][:-1])
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
    return f"unknown key {place}: {hint}"


def _keys(kind: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    section = kind
    for part in path:
        annotation: Any = section.model_fields[str(part)].annotation
        section = next(
            (a for a in (annotation, *get_args(annotation)) if isinstance(a, type)), section
        )
    return list(section.model_fields)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
