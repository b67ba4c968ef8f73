"""A training recipe: one strict yaml that holds every number a run depends on."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgecnn.bundle.manifest import InputSpec, Name
from edgecnn.data.synth.lines import LineProfile
from edgecnn.errors import RecipeError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LinesSection(LineProfile):
    """A generated set of serial-number lines."""

    seed: int = Field(ge=0)


class DataSection(_Strict):
    """What trains and what chooses."""

    train: LinesSection
    validation: LinesSection
    validation_lines: int = Field(500, ge=5)
    workers: int = Field(2, ge=0)


class ModelSection(_Strict):
    """The network."""

    architecture: str = "mobilenet_v2"
    width: float = Field(1.0, gt=0)
    feature_channels: int = Field(1280, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1)


class OptimizerSection(_Strict):
    """AdamW with linear warm-up, a constant rate and a cosine decay at the end."""

    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    batch: int = Field(48, gt=0)
    samples: int = Field(gt=0)
    """Lines seen in all."""
    warmup: float = Field(0.02, ge=0, lt=1)
    """Share of the samples with a rising rate."""
    decay: float = Field(0.4, ge=0, le=1)
    """Share of the samples, at the end, with a falling rate."""
    align: float = Field(0.25, ge=0, le=1)
    """Share of the samples, at the start, in which the alignment loss fades out."""
    clip: float = Field(5.0, gt=0)
    """Largest norm of the gradient."""


class Recipe(_Strict):
    """Everything a run depends on."""

    name: Name
    task: Literal["read"]
    seed: int = Field(0, ge=0)
    init: str | None = None
    """A RUN of the same network to start from, relative to where the training is started."""
    epoch: int = Field(20_000, gt=0)
    """Samples between two validations and checkpoints."""
    input: InputSpec
    model: ModelSection
    optimizer: OptimizerSection
    data: DataSection
    licence: Annotated[str, Field(max_length=500)]
    provenance: Annotated[str, Field(max_length=2000)]

    def to_yaml(self) -> str:
        """Serialize the resolved recipe."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


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
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"{path}: {_explain(error)}") from error


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


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return f"{place}: {first['msg']}, got {first['input']!r}"
    known = _keys(first["loc"][:-1])
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
    return f"unknown key {place}: {hint}"


def _keys(path: tuple[int | str, ...]) -> list[str]:
    section: type[BaseModel] = Recipe
    for part in path:
        annotation: Any = section.model_fields[str(part)].annotation
        section = next(
            (a for a in (annotation, *get_args(annotation)) if isinstance(a, type)), Recipe
        )
    return list(section.model_fields)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
