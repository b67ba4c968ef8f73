"""Reads tensors from the bytes of a safetensors or torch file, told apart by their content."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from edgecnn.errors import CheckpointError

Format = Literal["safetensors", "tflite", "torch"]

CONTAINERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts put the weights beside epoch and optimizer."""

PARALLEL = "module."
"""Prefix that `torch.nn.DataParallel` gives to every name."""


def detect_format(content: bytes, name: str) -> Format:
    """Tell the format of a file from its first bytes.

    Raises:
        CheckpointError: it is none of the three.
    """
    if content[4:8] == b"TFL3":
        return "tflite"
    if content.startswith((b"PK\x03\x04", b"\x80\x02")):
        return "torch"
    if content[8:9] == b"{":
        return "safetensors"
    raise CheckpointError(
        f"{name}: not a file of weights: expected safetensors, TFLite or torch, "
        f"it starts with {content[:8]!r}"
    )


def read_tensors(content: bytes, name: str, allow_pickle: bool) -> dict[str, Tensor]:
    """Read the tensors of a safetensors or torch file by name.

    A torch file is read with ``weights_only``: plain containers and tensors, no other object.

    Args:
        content: the whole file.
        name: what errors call it.
        allow_pickle: whether a torch file is read at all.

    Raises:
        CheckpointError: the file is damaged, is a torch file and ``allow_pickle`` is not set, or
            holds something else than tensors under names.
    """
    if detect_format(content, name) == "safetensors":
        try:
            return load_safetensors(content)
        except SafetensorError as error:
            raise CheckpointError(f"{name}: a damaged safetensors file: {error}") from error
    if not allow_pickle:
        raise CheckpointError(
            f"{name}: a torch file holds a pickle, which can run code when it is read: convert it "
            "to safetensors, or give --allow-pickle (allow_pickle: true) if you trust its maker"
        )
    return _named_tensors(_load_torch(content, name), name)


def _load_torch(content: bytes, name: str) -> object:
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{name}: holds objects other than tensors, which are not read: save its state_dict()"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, OSError) as error:
        raise CheckpointError(f"{name}: a damaged torch file: {_first_line(error)}") from error


def _named_tensors(loaded: object, name: str) -> dict[str, Tensor]:
    while isinstance(loaded, Mapping):
        inner = next((loaded[key] for key in CONTAINERS if isinstance(loaded.get(key), Mapping)), 0)
        if not inner:
            break
        loaded = inner
    if not isinstance(loaded, Mapping) or not loaded:
        raise CheckpointError(f"{name}: expected tensors by name, got {type(loaded).__name__}")
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{name}: {key!r} is no tensor but {type(value).__name__}")
    if all(key.startswith(PARALLEL) for key in loaded):
        return {key.removeprefix(PARALLEL): value for key, value in loaded.items()}
    return dict(loaded)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
