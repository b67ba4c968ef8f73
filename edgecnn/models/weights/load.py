"""Fills a network with pretrained weights, and says what was filled."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from edgecnn.errors import CheckpointError
from edgecnn.models.layouts import to_ours
from edgecnn.models.weights.download import Progress, fetch
from edgecnn.models.weights.formats import detect_format, read_tensors
from edgecnn.models.weights.options import Layout, WeightsSource, find_file
from edgecnn.models.weights.tflite import IN_ORDER, name_layers, read_layers

HEAD = "classifier."


@dataclass(frozen=True)
class LoadedWeights:
    """What a network was filled with; a run records it."""

    source: str
    """The path or url as it was given."""
    sha256: str
    """Of the file."""
    layout: Layout
    tensors: int
    """Tensors of the network that were filled."""
    left_out: tuple[str, ...]
    """Tensors that were not: of the head, where the number of classes differs."""


def load_pretrained(
    model: nn.Module, source: WeightsSource, *, architecture: str, progress: Progress | None = None
) -> LoadedWeights:
    """Fill a network from a file of weights; after an error it is as it was.

    A last classifier layer of another number of classes is left at its random start, and a
    network without classifier takes the features alone; nothing else may differ.

    Args:
        model: a registered network, or the backbone of a task model.
        source: where the file is, and whose names its tensors bear.
        architecture: the name that the network is registered under.
        progress: of a download.

    Raises:
        CheckpointError: the file is absent, damaged, not the one of the hash, holds NaN or an
            infinite number, or does not fit: the message names the first tensor.
        EdgecnnError: a download failed.
    """
    name = source.url or str(source.path)
    content = _find(source, progress).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if source.sha256 not in (None, sha256):
        raise CheckpointError(f"{name}: expected sha256 {source.sha256}, got {sha256}")
    tensors = _read(model, content, name, source, architecture)
    left_out = _left_out(model, tensors)
    wanted = {key: t for key, t in model.state_dict().items() if key not in left_out}
    found = {key: t for key, t in tensors.items() if key not in left_out}
    _refuse_misfits(wanted, found, name)
    model.load_state_dict(found, strict=False)
    return LoadedWeights(name, sha256, source.layout, len(found), tuple(sorted(left_out)))


def _find(source: WeightsSource, progress: Progress | None) -> Path:
    if source.url is None:
        return find_file(source.path or Path())
    return fetch(source.url, source.sha256 or "", progress=progress)


def _read(
    model: nn.Module, content: bytes, name: str, source: WeightsSource, architecture: str
) -> dict[str, Tensor]:
    """Return the tensors of a file under the names of the network."""
    is_tflite = detect_format(content, name) == "tflite"
    if is_tflite != (source.layout == "tflite"):
        what, layout = ("a", "tflite") if is_tflite else ("no", "edgecnn, torchvision or timm")
        raise CheckpointError(
            f"{name}: {what} TFLite file, the layout is {source.layout}: expected layout {layout}"
        )
    if source.layout == "tflite":
        if architecture not in IN_ORDER:
            raise CheckpointError(
                f"{name}: TFLite weights are read for {' and '.join(IN_ORDER)}, not {architecture}"
            )
        return name_layers(model, read_layers(content, name), name)
    tensors = read_tensors(content, name, source.allow_pickle)
    if source.layout == "edgecnn":
        return tensors
    try:
        return to_ours(architecture, source.layout, tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{name}: {error}") from error


def _left_out(model: nn.Module, tensors: dict[str, Tensor]) -> set[str]:
    """Return the names of a head that differs only in its number of classes, or is not there."""
    own = model.state_dict()
    if not any(key.startswith(HEAD) for key in own):
        return {key for key in tensors if key.startswith(HEAD)}
    layers = [k.removesuffix(".weight") for k in own if k.startswith(HEAD) and own[k].ndim > 1]
    names = {f"{layers[-1]}.{kind}" for kind in ("weight", "bias")} & own.keys()
    if not names <= tensors.keys():
        return set()
    shapes = [(tuple(own[key].shape), tuple(tensors[key].shape)) for key in names]
    differ = all(a[:1] != b[:1] and a[1:] == b[1:] for a, b in shapes)
    return names if differ else set()


def _refuse_misfits(wanted: dict[str, Tensor], found: dict[str, Tensor], name: str) -> None:
    for key, tensor in wanted.items():
        other = found.get(key)
        # Counts of batches decide nothing, and old checkpoints lack them.
        if other is None and key.endswith("num_batches_tracked"):
            continue
        if other is None or other.shape != tensor.shape:
            is_ = "absent" if other is None else tuple(other.shape)
            raise CheckpointError(
                f"{name}: {key} should be {tuple(tensor.shape)}, is {is_}: "
                "another architecture, width or layout"
            )
        if tensor.is_floating_point() != other.is_floating_point():
            raise CheckpointError(f"{name}: {key} should be {tensor.dtype}, is {other.dtype}")
        if other.is_floating_point() and not torch.isfinite(other).all():
            raise CheckpointError(f"{name}: {key} holds NaN or infinity: the file is damaged")
    for key in found:
        if key not in wanted:
            raise CheckpointError(f"{name}: {key} is not in the network: another architecture")
