"""Checkpoints: one safetensors file for the weights, one for what resuming needs; both atomic."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from edgecnn.errors import CheckpointError
from edgecnn.files import write_atomic
from edgecnn.train.sections import BaseRecipe

WEIGHTS = "checkpoint.safetensors"
STATE = "resume.safetensors"


def save_weights(model: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """Write the weights of ``model``, contiguous, with string metadata."""
    tensors = {k: v.detach().contiguous() for k, v in model.state_dict().items()}
    write_atomic(path, save(tensors, metadata), overwrite=True)


def load_weights(model: nn.Module, path: Path) -> dict[str, str]:
    """Fill ``model`` from a checkpoint and return its metadata.

    Raises:
        CheckpointError: the file is no checkpoint, or is one of another architecture.
    """
    tensors, metadata = _read(path)
    _fill(model, tensors, path)
    return metadata


def load_start(model: nn.Module, path: Path, own: str = "") -> None:
    """Fill ``model`` from a run that it goes on from; what serves learning alone may differ.

    Args:
        model: to fill.
        path: of the checkpoint.
        own: prefix of tensors that each run has for itself: they stay as they are.

    Raises:
        CheckpointError: as of `load_weights`.
    """
    tensors, _ = _read(path)
    if own:
        kept = {k: v for k, v in model.state_dict().items() if k.startswith(own)}
        tensors = {k: v for k, v in tensors.items() if not k.startswith(own)} | kept
    _fill(model, tensors, path)


def _fill(model: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    expected = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    found = {k: tuple(v.shape) for k, v in tensors.items()}
    if expected != found:
        odd = sorted(set(expected.items()) ^ set(found.items()))
        name = odd[0][0]
        raise CheckpointError(
            f"{path}: a checkpoint of another architecture: {name} should be "
            f"{expected.get(name, 'absent')}, is {found.get(name, 'absent')} "
            f"({len({k for k, _ in odd})} tensors differ): export it with its own recipe"
        )
    model.load_state_dict(tensors)


def facts_of(recipe: BaseRecipe) -> dict[str, str]:
    """Return what a checkpoint says of itself."""
    facts = {"recipe": recipe.name}
    if recipe.init is not None:
        facts["init"] = f"{recipe.init}, sha256 {checkpoint_sha256(Path(recipe.init) / WEIGHTS)}"
    return facts


def save_state(
    model: nn.Module, average: nn.Module | None, optimizer: torch.optim.Optimizer, path: Path,
    metadata: dict[str, str],
) -> None:  # fmt: skip
    """Write weights, their moving average and the optimizer's moments in one file."""
    tensors = {f"model/{k}": v.detach().contiguous() for k, v in model.state_dict().items()}
    if average is not None:
        tensors |= {f"average/{k}": v.detach().contiguous()
                    for k, v in average.state_dict().items()}  # fmt: skip
    for index, entry in optimizer.state_dict()["state"].items():
        for key, value in entry.items():
            if value is not None:
                tensors[f"optimizer/{index}/{key}"] = torch.as_tensor(value).contiguous().clone()
    write_atomic(path, save(tensors, metadata), overwrite=True)


def load_state(
    model: nn.Module, average: nn.Module | None, optimizer: torch.optim.Optimizer, path: Path
) -> dict[str, str]:
    """Fill all of them from `save_state` and return the metadata."""
    tensors, metadata = _read(path)
    moments: dict[int, dict[str, Tensor]] = {}
    weights: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}}
    for name, tensor in tensors.items():
        owner, _, rest = name.partition("/")
        if owner in weights:
            weights[owner][rest] = tensor
        else:
            index, _, key = rest.partition("/")
            moments.setdefault(int(index), {})[key] = tensor
    _fill(model, weights["model"], path)
    if average is not None:
        _fill(average, weights["average"], path)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return metadata


def checkpoint_sha256(path: Path) -> str:
    """Return the hash that a bundle's manifest records."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: expected a checkpoint: {error.strerror}") from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path}: no such checkpoint: expected a RUN of edgecnn train"
        ) from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a safetensors checkpoint: {error}") from error
