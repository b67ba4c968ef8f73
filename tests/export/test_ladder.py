"""The ladder on a network that plain int8 spoils, and the honesty of its choice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgecnn.bundle.manifest import Format, InputSpec
from edgecnn.bundle.read import read_bundle
from edgecnn_export import Exported, ExportOptions, export
from edgecnn_export.improve import fold_norms, rescale
from edgecnn_export.sources import Description, Source, open_source
from edgecnn_export.sources.torch import TorchSource

LABELS = tuple("abcdefgh")


class Linear(nn.Module):
    """Three convolutions without an activation between two of them, so that they can be rescaled;
    with heads of its own for two labels, so that answers differ."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1),
            nn.Conv2d(24, 24, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(96, len(LABELS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.body(x))
        return out


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("arrays") / "x.npy"
    rng = np.random.default_rng(0)
    coarse = rng.uniform(-1, 1, (400, 4, 4, 3)).repeat(8, 1).repeat(8, 2)
    np.save(path, coarse.astype(np.float32))
    return path


@pytest.fixture(scope="module")
def source() -> TorchSource:
    """A network whose channels are rescaled: it computes the same, and int8 spoils it."""
    torch.manual_seed(0)
    net = Linear().eval()
    with torch.no_grad():
        net.head.weight.mul_(30)
        net.head.bias.zero_()
    patch = pytest.MonkeyPatch()
    patch.setattr("edgecnn_export.sources.torch.build_foreign", lambda name: net)
    described = Description(shape=(3, 32, 32), mean=(127.5,), std=(127.5,), labels=LABELS)
    opened = open_source("some:net", described)
    patch.undo()
    assert isinstance(opened, TorchSource)
    example = torch.randn(2, 3, 32, 32)
    return replace(opened, network=rescale(fold_norms(net, example), example, spread=500.0))


def _export(source: Source, arrays: Path, out: Path, **more: object) -> Exported:
    options = {
        "calibration": arrays,
        "formats": ("onnx",),
        "max_drop": 10.0,
        "method": "minmax",
    } | more
    return export(source, out, ExportOptions(**options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def climbed(
    source: TorchSource, arrays: Path, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    return _export(source, arrays, tmp_path_factory.mktemp("out") / "x.edge")


def test_without_a_ladder_the_copy_is_refused(
    source: TorchSource, arrays: Path, tmp_path: Path
) -> None:
    assert not _export(source, arrays, tmp_path / "x.edge", ladder=False).passed


def test_equalization_is_the_first_rung_and_brings_it_back(climbed: Exported) -> None:
    assert climbed.passed
    item = climbed.variants[0]
    assert item.variant.precision == "int8"
    assert item.rung.startswith("equalize")
    assert [s.rung for s in item.steps][:2] == ["plain", "equalize"]
    assert item.steps[0].passed is False
    assert item.steps[-1].passed is True
    assert item.plain is not None


def test_what_chose_the_rung_did_not_score_it(climbed: Exported) -> None:
    """Eighty samples are held back; half of them chose, the other half scored."""
    assert climbed.float_score.samples == 80
    assert climbed.variants[0].variant.metric.samples == 40
    assert climbed.variants[1].variant.metric.samples == 80


def test_the_report_tells_the_climb_and_the_card_no_time(climbed: Exported) -> None:
    path = climbed.bundle.with_name("x.report.json")
    found = json.loads(path.read_text(encoding="utf-8"))["variants"][0]
    assert found["steps"][0]["rung"] == "plain"
    assert found["cost"]["bytes"] == pytest.approx(0, abs=2000)
    assert found["ms"] > 0
    assert climbed.bundle.with_name("x.report.png").read_bytes().startswith(b"\x89PNG")
    card = read_bundle(climbed.bundle).card()
    assert "half of the gate set chose it" in card
    assert " ms" not in card


class _Untouchable:
    """Hides the torch network, as an ONNX file has none, and still converts it."""

    def __init__(self, source: TorchSource) -> None:
        self.facts, self.gate, self.formats = source.facts, source.gate, source.formats
        self.infer, self.network, self._source = source.infer, None, source

    def require_operators(self, formats: tuple[Format, ...]) -> None:
        pass

    def convert(self, kind: Format, network: nn.Module | None, spec: InputSpec) -> bytes:
        return self._source.convert(kind, self._source.network, spec)


def test_layers_in_float_are_the_worst_by_measurement(
    source: TorchSource, arrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgecnn_export.ladder.METHODS", ())
    item = _export(_Untouchable(source), arrays, tmp_path / "x.edge", max_drop=70.0).variants[0]
    assert item.steps[1].detail == "equalize needs a torch network; the source is an ONNX file"
    assert item.rung == "1 layer in float"
    ranked = tuple(row.layer for row in item.sensitivity)
    assert item.variant.excluded_layers == ranked[: len(item.variant.excluded_layers)]
    assert item.plain is not None
    assert item.variant.bytes > item.plain.bytes


def test_an_improvement_that_was_asked_for_is_compared_with_none(
    source: TorchSource, arrays: Path, tmp_path: Path
) -> None:
    from edgecnn_export.workshop import Improvement

    done = _export(source, arrays, tmp_path / "x.edge", improvement=Improvement(equalize=True))
    item = done.variants[0]
    assert (item.rung, item.improvement) == ("plain", "equalize")
    assert [s.rung for s in item.steps] == ["without equalize"]
    assert item.steps[0].drop is not None
    assert item.steps[0].drop > item.variant.metric.drop
