"""Sources that edgecnn did not train: what they are asked, how they are scored, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, helper

from edgecnn.bundle.read import read_bundle
from edgecnn.cli.evaluate import command as evaluate
from edgecnn.cli.run import command as run
from edgecnn.data.images import read_image
from edgecnn.data.synth.shapes import write_shapes
from edgecnn.errors import DataError, InputError
from edgecnn.models.foreign import build_foreign
from edgecnn_device.runner import open_runner
from edgecnn_device.verify import verify
from edgecnn_export import Exported, ExportOptions, export
from edgecnn_export.sources import Description, load_description, open_source

SHAPE = (3, 32, 32)
WriteOnnx = Callable[..., Path]
NORMAL = Description(shape=SHAPE, mean=(127.5,), std=(127.5,))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures in one folder, without labels."""
    folder = tmp_path_factory.mktemp("pictures")
    write_shapes(folder / "set", 60, seed=5)
    (folder / "flat").mkdir()
    for index, path in enumerate(sorted((folder / "set").rglob("*.png"))):
        path.rename(folder / "flat" / f"{index}.png")
    return folder / "flat"


@pytest.fixture(autouse=True)
def _beside_the_network(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.chdir(root / "tests/export")


def _export(source: str | Path, pictures: Path, out: Path, **more: object) -> Exported:
    options = {"calibration": pictures, "description": NORMAL, "formats": ("onnx",)} | more
    return export(source, out, ExportOptions(**options))  # type: ignore[arg-type]


def test_a_module_with_labels_is_scored_by_agreement_on_a_fifth(
    pictures: Path, tmp_path: Path
) -> None:
    described = NORMAL.model_copy(update={"labels": ("a", "b", "c", "d"), "licence": "MIT"})
    done = _export("foreign_net:labels", pictures, tmp_path / "x.edge", description=described)
    done.require_passed()
    assert (done.metric, done.float_score.samples) == ("agreement", 12)
    manifest = read_bundle(done.bundle).manifest
    assert manifest.task == "classify"
    assert manifest.calibration is not None
    assert manifest.calibration.samples == 48
    assert manifest.licence == "MIT"
    assert all(c.ok for c in verify(done.bundle))


def test_labels_that_the_network_knows_are_scored_by_accuracy(
    pictures: Path, tmp_path: Path
) -> None:
    write_shapes(tmp_path / "set", 40, seed=6)
    classes = tuple(sorted(p.name for p in (tmp_path / "set").iterdir()))
    described = NORMAL.model_copy(update={"labels": classes})
    done = _export("foreign_net:labels", pictures, tmp_path / "x.edge", description=described,
                   evaluate=tmp_path / "set", precisions=("fp32",))  # fmt: skip
    assert (done.metric, done.float_score.samples) == ("accuracy", 40)
    assert len(done.float_score.groups) == 4


def test_an_onnx_embedder_gives_the_same_vectors(
    pictures: Path, tmp_path: Path, write_onnx: WriteOnnx
) -> None:
    path = write_onnx("vector", tmp_path / "Vector_Net.onnx", batch="n", opset=11)
    described = NORMAL.model_copy(update={"task": "embed"})
    done = _export(path, pictures, tmp_path / "x.edge", description=described)
    done.require_passed()
    bundle = read_bundle(done.bundle)
    assert (done.metric, bundle.manifest.name, bundle.manifest.task) == (
        "cosine", "vector-net", "embed",
    )  # fmt: skip
    assert bundle.manifest.input.layout == "nchw"
    picture = next(pictures.glob("*.png"))
    arguments = [str(done.bundle), str(picture), "--variant", "onnx-fp32", "--json"]
    found = json.loads(CliRunner().invoke(run, arguments).output)["results"][0]["vector"]
    runner = open_runner(bundle, "onnx-fp32")
    x = torch.from_numpy(np.asarray(runner.prepare(read_image(picture)), np.float32))
    wanted = build_foreign("foreign_net:vector").eval()(x)[0].tolist()
    assert found == pytest.approx(wanted, abs=1e-4)


def test_several_outputs_are_passed_on_by_name(pictures: Path, tmp_path: Path) -> None:
    done = _export("foreign_net:two", pictures, tmp_path / "x.edge", formats=("onnx", "tflite"))
    done.require_passed()
    assert all(len(v.parities) == 2 for v in done.variants)
    assert all(c.ok for c in verify(done.bundle))
    results = open_runner(done.bundle)(np.zeros((40, 50, 3), np.uint8))
    assert [(r.name, r.values.shape) for r in results] == [  # type: ignore[union-attr]
        ("output0", (2, 16, 16)), ("output1", (5, 16, 16)),
    ]  # fmt: skip


def test_outputs_without_a_task_have_no_metric(pictures: Path, tmp_path: Path) -> None:
    done = _export("foreign_net:two", pictures, tmp_path / "x.edge", precisions=("fp32",))
    with pytest.raises(InputError, match=r"\(tensors\) have no metric"):
        CliRunner().invoke(evaluate, [str(done.bundle), str(pictures)], catch_exceptions=False)


def test_arrays_calibrate_and_score(tmp_path: Path) -> None:
    arrays = np.random.default_rng(0).uniform(-1, 1, (40, 32, 32, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", arrays)
    described = NORMAL.model_copy(update={"task": "embed"})
    done = _export("foreign_net:vector", tmp_path / "x.npy", tmp_path / "x.edge",
                   description=described)  # fmt: skip
    assert (done.passed, done.float_score.samples) == (True, 8)


def test_tflite_from_onnx_is_refused_in_one_line(
    pictures: Path, tmp_path: Path, write_onnx: WriteOnnx
) -> None:
    path = write_onnx("vector", tmp_path / "v.onnx")
    with pytest.raises(InputError, match="TFLite is made from torch"):
        _export(path, pictures, tmp_path / "x.edge", formats=("tflite",))


def test_every_unknown_operator_is_listed(tmp_path: Path) -> None:
    nodes = [helper.make_node("Spin", ["x"], ["y"], domain="of.mine"),
             helper.make_node("Whirl", ["y"], ["z"], domain="of.mine")]  # fmt: skip
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 8, 8]) for n in "xz"]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("of.mine", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), str(tmp_path / "odd.onnx"))
    with pytest.raises(InputError, match=r"no operator for: of\.mine\.Spin, of\.mine\.Whirl"):
        open_source(tmp_path / "odd.onnx")


def test_a_quantized_file_and_no_file_are_refused(
    pictures: Path, tmp_path: Path, write_onnx: WriteOnnx
) -> None:
    path = write_onnx("vector", tmp_path / "v.onnx")
    done = _export(path, pictures, tmp_path / "x.edge", precisions=("int8",), max_drop=90.0)
    bundle = read_bundle(done.bundle)
    (tmp_path / "q.onnx").write_bytes(bundle.model(bundle.manifest.variants[0]))
    with pytest.raises(InputError, match="quantized already"):
        open_source(tmp_path / "q.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match="not a readable ONNX model"):
        open_source(tmp_path / "broken.onnx")


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (Description(shape=(3, 64, 64)), "the network takes 3,32,32"),
        (Description(shape=(3, 32, 32), mean=(1.0, 2.0)), "mean and std need 3 numbers"),
        (Description(labels=("a", "b")), "2 labels do not fit"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    description: Description, message: str, tmp_path: Path, write_onnx: WriteOnnx
) -> None:
    path = write_onnx("vector", tmp_path / "v.onnx")
    with pytest.raises(InputError, match=message):
        open_source(path, description)


def test_a_module_needs_the_size_of_its_input() -> None:
    with pytest.raises(InputError, match="give --input C,H,W"):
        open_source("foreign_net:vector")
    with pytest.raises(InputError, match="does not take"):
        open_source("foreign_net:vector", Description(shape=(1, 32, 32)))


def test_a_description_file_names_its_wrong_key(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("means: [1]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"p\.yaml: means: .*keys: colour, mean"):
        load_description(tmp_path / "p.yaml", None)
    (tmp_path / "p.yaml").write_text("mean: [1, 2, 3]\ntask: embed\n", encoding="utf-8")
    assert load_description(tmp_path / "p.yaml", SHAPE).mean == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_a_description_says_how_pictures_are_resized(tmp_path: Path, resize: str) -> None:
    (tmp_path / "p.yaml").write_text(f"resize: {resize}\n", encoding="utf-8")
    assert load_description(tmp_path / "p.yaml", None).spec(SHAPE, "nchw").resize == resize


def test_calibration_too_small_to_hold_a_fifth_back(pictures: Path, tmp_path: Path) -> None:
    files = sorted(pictures.glob("*.png"))[:9]
    (tmp_path / "few.txt").write_text("\n".join(map(str, files)), encoding="utf-8")
    with pytest.raises(DataError, match="held back"):
        _export("foreign_net:vector", tmp_path / "few.txt", tmp_path / "x.edge")


def test_saved_ranges_do_without_the_samples(pictures: Path, tmp_path: Path) -> None:
    described = NORMAL.model_copy(update={"task": "embed"})
    files = sorted(pictures.glob("*.png"))
    for name, some in (("calibration", files[:30]), ("gate", files[30:])):
        (tmp_path / f"{name}.txt").write_text("\n".join(map(str, some)), encoding="utf-8")
    first = _export("foreign_net:vector", tmp_path / "calibration.txt", tmp_path / "a.edge",
                    description=described, evaluate=tmp_path / "gate.txt",
                    save_ranges=tmp_path / "ranges.json")  # fmt: skip
    again = ExportOptions(
        formats=("onnx",), description=described, evaluate=tmp_path / "gate.txt",
        ranges=tmp_path / "ranges.json",
    )  # fmt: skip
    second = export("foreign_net:vector", tmp_path / "b.edge", again)
    assert first.bundle.read_bytes() == second.bundle.read_bytes()
    shared = replace(again, evaluate=tmp_path / "calibration.txt")
    with pytest.raises(DataError, match="30 of 30 calibration samples are also in the gate"):
        export("foreign_net:vector", tmp_path / "c.edge", shared)


def test_a_full_disk_leaves_nothing_behind(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise InputError("x.report.json: cannot write: No space left on device")

    monkeypatch.setattr("edgecnn_export.report.write_atomic", full)
    described = NORMAL.model_copy(update={"task": "embed"})
    with pytest.raises(InputError, match="No space left"):
        _export("foreign_net:vector", pictures, tmp_path / "out" / "x.edge",
                description=described, precisions=("fp32",))  # fmt: skip
    assert not any((tmp_path / "out").iterdir())
