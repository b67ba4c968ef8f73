"""The features of a frozen base, computed once and kept: a cache that refuses what it is not of."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from edgecnn.bundle.manifest import InputSpec
from edgecnn.data.pictures import labels_of
from edgecnn.data.samples import Dataset
from edgecnn.errors import DataError
from edgecnn.files import write_atomic
from edgecnn.models.base import ConvNet
from edgecnn.train.pictures import prepared


@dataclass(frozen=True)
class FeatureKey:
    """What cached features were computed from."""

    weights: str
    """sha256 of every tensor of the frozen base."""
    preprocessing: str
    """sha256 of the input section."""
    data: str
    """sha256 of every decoded picture and its label, in order."""


def feature_key(model: ConvNet, spec: InputSpec, dataset: Dataset) -> FeatureKey:
    """Compute the key of a base, a preprocessing and a dataset; reads every picture."""
    weights = hashlib.sha256(type(model).__qualname__.encode())
    for name, tensor in model.features.state_dict().items():
        weights.update(name.encode())
        weights.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    data = hashlib.sha256()
    for sample in dataset.samples:
        image = sample.read()
        data.update(f"{image.shape} {sample.label}".encode())
        data.update(np.ascontiguousarray(image).tobytes())
    preprocessing = hashlib.sha256(spec.model_dump_json().encode())
    return FeatureKey(weights.hexdigest(), preprocessing.hexdigest(), data.hexdigest())


@torch.no_grad()
def compute_features(model: ConvNet, spec: InputSpec, dataset: Dataset) -> Tensor:
    """Run the base in evaluation mode: (N, F) vectors, as the classifier takes them."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = [
        model.pool(model.forward_features(x.to(device))).cpu() for x in prepared(dataset, spec)
    ]
    model.train(was_training)
    return torch.cat(parts)


def cached_features(model: ConvNet, spec: InputSpec, dataset: Dataset, path: Path) -> Tensor:
    """Return the features of a dataset from a cache, which is made where it is absent.

    Args:
        model: its base (`features` and `pool`) does not change any more.
        spec: how pictures are prepared.
        dataset: whose pictures.
        path: a safetensors file.

    Returns:
        (N, F) float32, in the order of the dataset.

    Raises:
        DataError: the file is no cache, or one of other weights, preprocessing or data; it says
            which, and nothing is changed.
    """
    key = feature_key(model, spec, dataset)
    if path.exists():
        return _read(path, key)
    found = compute_features(model, spec, dataset)
    tensors = {"features": found.contiguous(), "labels": torch.from_numpy(labels_of(dataset))}
    # Of several processes each writes the same.
    write_atomic(path, save(tensors, asdict(key)), overwrite=True)
    return found


def _read(path: Path, key: FeatureKey) -> Tensor:
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = dict(file.metadata() or {})
            found: Tensor = file.get_tensor("features")
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{path}: not a feature cache: {error}: delete it or name another"
        ) from error
    changed = [f.name for f in fields(key) if metadata.get(f.name) != getattr(key, f.name)]
    if changed:
        raise DataError(
            f"{path}: features of other {' and '.join(changed)}: delete it to compute them anew, "
            "or name another file"
        )
    return found
