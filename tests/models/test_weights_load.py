from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn

from edgecnn.errors import CheckpointError
from edgecnn.models import create_backbone
from edgecnn.models.weights import LoadedWeights, WeightsSource, load_pretrained
from edgecnn.models.weights.download import cache_folder

Tensors = dict[str, Tensor]


def make_network(num_classes: int = 5) -> nn.Module:
    return create_backbone("mobilenet_v2", width=0.1, feature_channels=16, num_classes=num_classes)


def load(network: nn.Module, path: Path, **options: object) -> LoadedWeights:
    source = WeightsSource.model_validate({"path": path, **options})
    return load_pretrained(network, source, architecture="mobilenet_v2")


def same(network: nn.Module, tensors: Tensors) -> bool:
    return all(torch.equal(v, tensors[k]) for k, v in network.state_dict().items())


def theirs(name: str) -> str:
    """Name a tensor of ours as torchvision does."""
    for pattern, replacement in (
        (r"^(features\.1)\.body\.1\.0", r"\1.conv.1"),
        (r"^(features\.1)\.body\.1\.1", r"\1.conv.2"),
        (r"\.body\.2\.0", ".conv.2"),
        (r"\.body\.2\.1", ".conv.3"),
        (r"\.body", ".conv"),
    ):
        name = re.sub(pattern, replacement, name)
    return name


@pytest.fixture
def tensors() -> Tensors:
    torch.manual_seed(1)
    return {k: v.clone() for k, v in make_network().state_dict().items()}


@pytest.fixture
def file(tmp_path: Path, tensors: Tensors) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_file(tensors, path)
    return path


def test_a_checkpoint_fills_the_network(file: Path, tensors: Tensors) -> None:
    network = make_network()
    loaded = load(network, file)
    assert same(network, tensors)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert loaded == LoadedWeights(str(file), sha256, "edgecnn", len(tensors), ())


def test_a_relative_path_is_looked_for_in_the_data_folder(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(file.parent))
    assert load(make_network(), Path(file.name)).source == file.name
    with pytest.raises(CheckpointError, match=r"no such file of weights: looked for absent and /"):
        load(make_network(), Path("absent"))


def test_a_file_of_another_hash_is_refused(file: Path) -> None:
    with pytest.raises(CheckpointError, match=f"expected sha256 {'0' * 64}, got"):
        load(make_network(), file, sha256="0" * 64)


def test_another_number_of_classes_keeps_its_own_head(file: Path, tensors: Tensors) -> None:
    network = make_network(num_classes=9)
    head = network.state_dict()["classifier.1.weight"].clone()
    assert load(network, file).left_out == ("classifier.1.bias", "classifier.1.weight")
    assert torch.equal(network.state_dict()["classifier.1.weight"], head)
    first = "features.0.0.weight"
    assert torch.equal(network.state_dict()[first], tensors[first])


def test_a_backbone_without_classifier_takes_the_features(file: Path) -> None:
    network = make_network()
    network.classifier = nn.Identity()
    assert load(network, file).left_out == ("classifier.1.bias", "classifier.1.weight")


def _drop(tensors: Tensors) -> None:
    del tensors["features.3.body.0.0.weight"]


def _add(tensors: Tensors) -> None:
    tensors["extra.weight"] = torch.zeros(1)


def _reshape(tensors: Tensors) -> None:
    tensors["features.2.body.0.1.bias"] = torch.zeros(3)


def _spoil(tensors: Tensors) -> None:
    tensors["features.2.body.0.1.bias"][1] = torch.nan


def _round(tensors: Tensors) -> None:
    tensors["features.0.0.weight"] = tensors["features.0.0.weight"].to(torch.int8)


def _cut_head(tensors: Tensors) -> None:
    tensors["classifier.1.weight"] = torch.zeros(5, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_drop, r"features\.3\.body\.0\.0\.weight should be .* is absent"),
        (_add, r"extra\.weight is not in the network"),
        (_reshape, r"features\.2\.body\.0\.1\.bias should be \(48,\), is \(3,\)"),
        (_spoil, r"features\.2\.body\.0\.1\.bias holds NaN or infinity"),
        (_round, r"features\.0\.0\.weight should be torch.float32, is torch.int8"),
        (_cut_head, r"classifier\.1\.weight should be \(5, 16\), is \(5, 8\)"),
    ],
)
def test_a_misfit_is_named_and_changes_nothing(
    tmp_path: Path, tensors: Tensors, change: Callable[[Tensors], None], message: str
) -> None:
    network = make_network()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    change(tensors)
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=message):
        load(network, tmp_path / "other.safetensors")
    assert same(network, before)


@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        OrderedDict,
        lambda t: {"state_dict": t, "epoch": 3},
        lambda t: {"model": {"module." + k: v for k, v in t.items()}},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_torch_file_is_read_when_allowed(
    tmp_path: Path, tensors: Tensors, wrap: Callable[[Tensors], object], zipped: bool
) -> None:
    path = tmp_path / "tiny.pth"
    torch.save(wrap(tensors), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"can run code when it is read.*--allow-pickle"):
        load(make_network(), path)
    network = make_network()
    load(network, path, allow_pickle=True)
    assert same(network, tensors)


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("this pickle ran",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Payload(), "objects other than tensors"),
        (make_network, "objects other than tensors"),
        ({"epoch": 3}, "'epoch' is no tensor but int"),
        ([1, 2], "expected tensors by name, got list"),
        ({}, "expected tensors by name, got dict"),
    ],
)
def test_a_torch_file_of_other_things_is_refused_unrun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: object, message: str
) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match=message):
        load(make_network(), tmp_path / "odd.pth", allow_pickle=True)
    assert capsys.readouterr().out == ""


def test_torchvision_names_are_mapped(tmp_path: Path, tensors: Tensors) -> None:
    path = tmp_path / "theirs.safetensors"
    renamed = {theirs(k): v for k, v in tensors.items() if "num_batches" not in k}
    save_file(renamed, path)
    network = make_network()
    assert load(network, path, layout="torchvision").layout == "torchvision"
    assert same(network, tensors)
    save_file({**renamed, "odd": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match=r"theirs\.safetensors: odd"):
        load(network, path, layout="torchvision")


@pytest.mark.parametrize(
    ("content", "layout", "message"),
    [
        (b"", "edgecnn", "not a file of weights"),
        (b"<!DOCTYPE html><html>", "edgecnn", "starts with b'<!DOCTYP'"),
        (b"\x40\0\0\0\0\0\0\0{", "edgecnn", "a damaged safetensors file"),
        (b"PK\x03\x04rest", "edgecnn", "a damaged torch file"),
        (b"\x80\x02", "edgecnn", "torch file"),
        (b"\x1c\0\0\0TFL3", "edgecnn", "a TFLite file, the layout is edgecnn"),
        (b"\x1c\0\0\0TFL3", "tflite", "a damaged TFLite file"),
        (b"\x40\0\0\0\0\0\0\0{", "tflite", "no TFLite file, the layout is tflite"),
    ],
)
def test_another_file_is_told_by_its_content(
    tmp_path: Path, content: bytes, layout: str, message: str
) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load(make_network(), tmp_path / "file", layout=layout, allow_pickle=True)


def test_a_url_is_downloaded_and_loaded(file: Path, tensors: Tensors) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    handler = partial(Quiet, directory=str(file.parent))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        source = WeightsSource(
            url=f"http://127.0.0.1:{server.server_address[1]}/{file.name}", sha256=sha256
        )
        network = make_network()
        loaded = load_pretrained(network, source, architecture="mobilenet_v2")
        server.shutdown()
        thread.join()
    assert loaded.source == source.url and loaded.sha256 == sha256
    assert same(network, tensors) and (cache_folder() / sha256).exists()


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"path": "a", "url": "https://host/a", "sha256": "0" * 64},
        {"url": "https://host/a"},
        {"path": "a", "sha256": "abc"},
        {"path": "a", "layout": "keras"},
        {"path": "a", "pickle": True},
    ],
)
def test_a_source_is_one_place_with_known_keys(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WeightsSource.model_validate(content)
