"""A detector through the gate, onto the device, and back: its network is made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from torch import Tensor, nn

from edgecnn.bundle.manifest import AnchorsDecode, InputSpec, Suppression
from edgecnn.bundle.read import read_bundle
from edgecnn.cli.evaluate import command as evaluate
from edgecnn.data.open import open_dataset
from edgecnn.errors import DataError, InputError
from edgecnn_device.verify import verify
from edgecnn_export import ExportOptions, export
from edgecnn_export.result import Exported
from edgecnn_export.sources import Facts
from edgecnn_export.sources.torch import TorchSource
from edgecnn_export.tasks.base import Outputs
from edgecnn_export.tasks.detect import DetectGate

WIDTH, HEIGHT, CELL = 128, 64, 32
"""Of a picture, pixels; it is shown at half its size, so a cell is 16 pixels of the input."""
PICTURES = 40
SPEC = InputSpec(width=64, height=64, mean=(127.5,) * 3, std=(127.5,) * 3, resize="letterbox")
RULES = AnchorsDecode(
    labels=("red", "green"), strides=(8, 16), anchors=(((8, 8),), ((16, 16),)),
    suppression=Suppression(min_score=0.9),
)  # fmt: skip


def _mean_of_cells(side: int, weights: NDArray[np.float64], bias: list[float]) -> nn.Conv2d:
    """Weigh the mean colours of each cell, (outputs, 3)."""
    made = nn.Conv2d(3, len(weights), side, side)
    spread = torch.from_numpy(weights / side**2).float()[:, :, None, None]
    made.weight = nn.Parameter(spread.expand_as(made.weight).contiguous())
    made.bias = nn.Parameter(torch.tensor(bias))
    return made


class Squares(nn.Module):
    """Finds red squares of 8 pixels and green ones of 16, each on its own level."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList()
        for label, side in enumerate((8, 16)):
            rng = np.random.default_rng(label)
            self.heads.append(_mean_of_cells(side, rng.normal(0, 0.01, (4, 3)), [0.0] * 4))
            weights, bias = rng.normal(0, 0.1, (2, 3)), [-10.0, -10.0]
            weights[label], bias[label] = -8, -8 * 2.4
            weights[label, label] = 8  # that colour, and none of the others
            self.heads.append(_mean_of_cells(side, weights, bias))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = [head(x).permute(0, 2, 3, 1) for head in self.heads]
        return tuple(m.reshape(m.shape[0], -1, m.shape[3]) for m in maps)


def _draw(rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[tuple[int, list[int]]]]:
    """Squares in some cells: bright ones, pale ones, and dark ones that cannot be found."""
    image = rng.integers(0, 30, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    things = []
    for y in range(0, HEIGHT, CELL):
        for x in range(0, WIDTH, CELL):
            label = int(rng.choice((-1, 0, 1), p=(0.5, 0.25, 0.25)))
            if label < 0:
                continue
            side = CELL // 2 if label == 0 else CELL
            image[y : y + side, x : x + side] = 0
            image[y : y + side, x : x + side, 2 - label] = rng.choice((255, 212, 60))
            things.append((label, [x, y, side, side]))
    return image, things


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO set whose json states a wrong size, and a folder for calibration."""
    root = tmp_path_factory.mktemp("squares")
    images, annotations = [], []
    for index in range(PICTURES + 12):
        image, things = _draw(np.random.default_rng((9, index)))
        part, name = ("images" if index < PICTURES else "calibration"), f"{index:02d}.png"
        (root / part).mkdir(exist_ok=True)
        assert cv2.imwrite(str(root / part / name), image)
        if part == "images":
            images.append({"id": index, "file_name": name, "width": 999, "height": 999})
            annotations += [{"image_id": index, "category_id": k, "bbox": b} for k, b in things]
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(RULES.labels)],
    }
    (root / "annotations").mkdir()
    (root / "annotations/instances_val.json").write_text(json.dumps(content), encoding="utf-8")
    return root  # fmt: skip


def _gate(squares: Path) -> DetectGate:
    return DetectGate(RULES, SPEC, lambda: open_dataset(f"{squares}:val"))


@pytest.fixture(scope="module")
def exported(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    facts = Facts("squares", "detect", SPEC, "by hand", "Apache-2.0", "generated", "0" * 64)
    source = TorchSource(facts, _gate(squares), Squares().eval())
    options = ExportOptions(calibration=squares / "calibration", max_drop=3.0)
    return export(source, tmp_path_factory.mktemp("out") / "squares.edge", options)


def test_every_variant_passes_with_a_paired_interval(exported: Exported) -> None:
    exported.require_passed()
    assert (exported.metric, exported.float_score.samples) == ("map50", PICTURES)
    assert 0.5 < exported.float_score.value < 0.8  # a third of the squares are too dark
    for item in exported.variants:
        metric = item.variant.metric
        assert (metric.name, metric.samples) == ("map50", PICTURES)
        assert metric.drop_low <= metric.drop <= metric.drop_high
    bundle = read_bundle(exported.bundle)
    assert (bundle.manifest.task, bundle.manifest.decode) == ("detect", RULES)
    assert all(c.ok for c in verify(exported.bundle))


def test_the_card_gives_the_ap_of_each_class(exported: Exported) -> None:
    card = read_bundle(exported.bundle).card()
    assert "| class | n | AP50, float | 95 % interval |" in card
    first, second = exported.float_score.groups
    assert (first.name, second.name) == RULES.labels
    assert first.interval is not None and first.interval[0] < first.value < first.interval[1]
    assert f"| red | {first.samples} | {first.value:.4f} | {first.interval[0]:.4f} to " in card


@pytest.mark.parametrize("variant", ["tflite-int8", "onnx-fp32"])
def test_the_device_scores_what_the_gate_scored(
    exported: Exported, squares: Path, tmp_path: Path, variant: str
) -> None:
    arguments = [str(exported.bundle), f"{squares}:val", "--variant", variant,
                 "--save", str(tmp_path)]  # fmt: skip
    found = json.loads(CliRunner().invoke(evaluate, [*arguments, "--json"]).stdout)
    stated = read_bundle(exported.bundle).variant(variant).metric
    assert (found["task"], found["metric"], found["samples"]) == ("detect", "map50", PICTURES)
    assert found["value"] == pytest.approx(stated.value)
    assert found["interval"][0] < found["value"] < found["interval"][1]
    assert set(found["per_class"]) == set(RULES.labels)
    # The pale squares score below the bundle's threshold, and are found all the same.
    assert found["classes"][0]["at_threshold"]["recall"] < found["classes"][0]["best_f1"]["recall"]
    plot = tmp_path / f"precision-recall-{variant}.png"
    assert plot.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="--overwrite"):
        CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    again = CliRunner().invoke(evaluate, [*arguments, "--overwrite"])
    assert again.exit_code == 0
    assert f"mAP50 {found['value']:.4f} (" in again.stdout


def _outputs(squares: Path) -> tuple[DetectGate, Outputs]:
    gate = _gate(squares)
    inputs = np.stack([np.asarray(s(SPEC), np.float32) for s in gate.open(None).samples])
    with torch.inference_mode():
        found = Squares().eval()(torch.from_numpy(inputs).permute(0, 3, 1, 2))
    return gate, tuple(x.numpy() for x in found)


def test_a_part_of_the_set_is_scored_alone(squares: Path) -> None:
    gate, outputs = _outputs(squares)
    everything, some = np.arange(PICTURES), np.arange(3, PICTURES, 2)
    whole = gate.score(outputs, outputs, everything)
    part = tuple(o[some] for o in outputs)
    assert gate.score(part, part, some).value == pytest.approx(whole.matches.map50_of(some))


def test_a_broken_variant_drops_by_all_there_is(squares: Path) -> None:
    gate, outputs = _outputs(squares)
    everything = np.arange(PICTURES)
    whole = gate.score(outputs, outputs, everything)
    assert whole.drop_to(whole).points == 0
    broken = tuple(np.full_like(o, np.nan) for o in outputs)
    drop = whole.drop_to(gate.score(broken, outputs, everything))
    assert drop.points == pytest.approx(100 * whole.value)
    assert 0 < drop.low < drop.points < drop.high


def test_other_classes_are_refused(squares: Path) -> None:
    other = AnchorsDecode(labels=("red", "blue"), strides=(8,), anchors=(((8, 8),),))
    with pytest.raises(DataError, match="red, green; the run knows red, blue"):
        DetectGate(other, SPEC, lambda: open_dataset(f"{squares}:val")).open(None)
