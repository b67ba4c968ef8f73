"""Overlays and sheets, checked by their pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgecnn.errors import InputError
from edgecnn.explain import Evidence, evidence_sheet, feature_sheet, filter_sheet, overlay
from edgecnn.explain.overlay import colour_heat
from edgecnn.explain.tiles import LINE, fit, write_line

from .conftest import Planted, TinyNet


@pytest.mark.parametrize("shape", [(40, 70, 3), (40, 70)])
def test_an_overlay_has_the_size_of_its_picture(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 100, np.uint8)
    heat = np.zeros((4, 7), np.float32)
    heat[1, 5] = 1
    out = overlay(image, heat)
    assert out.shape == (40, 70, 3) and out.dtype == np.uint8
    assert out[15, 55, 2] > out[15, 55, 0] and out[35, 5, 0] >= out[35, 5, 2]
    assert (overlay(image, heat, 0.0) == 100).all()


def test_alpha_has_bounds() -> None:
    with pytest.raises(InputError, match="alpha within"):
        overlay(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.float32), 1.5)


def test_heat_runs_from_blue_to_red() -> None:
    low, high = colour_heat(np.array([[0, 1]], np.float32))[0].astype(int)
    assert low[0] > low[2] and high[2] > high[0]


def test_evidence_stands_in_one_row_per_class() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 60, 3), np.uint8)
    heat = np.ones((10, 10), np.float32)
    rows = [Evidence("cat 0.9 (predicted)", heat), Evidence("собака 0.1 (true)", heat)]
    one, two = evidence_sheet(image, rows[:1]), evidence_sheet(image, rows)
    assert one.shape[1] == two.shape[1] > 3 * 320
    assert two.shape[0] > one.shape[0] + 160
    assert np.array_equal(two[: 24 + 160, 4:324][-160:], fit(image, 320))


def test_a_feature_sheet_shows_every_channel(held_out: Planted) -> None:
    model, x = TinyNet(2).eval(), held_out.x[:1]
    sheet = feature_sheet(model, x)
    assert sheet.shape[:2] == (20 + 4 * (4 + 96 + LINE), 4 * (96 + 8))
    first = model.forward_features(x)[0, 0].detach().numpy()
    tile = sheet[24 : 24 + 96, 4 : 4 + 96, 0][::8, ::8]
    span = np.ptp(first)
    expected = np.rint((first - first.min()) * (255 / span if span else 0))
    assert np.abs(tile.astype(np.float64) - expected).max() <= 1


def test_a_filter_sheet_shows_colours_in_the_order_of_the_network() -> None:
    convolution = nn.Conv2d(3, 2, 1)
    with torch.no_grad():
        convolution.weight[:, :, 0, 0] = torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    sheet = filter_sheet(nn.Sequential(convolution), colour="rgb")
    assert sheet[24 + 10, 4 + 10].tolist() == [1, 128, 255]
    assert sheet[24 + 10, 4 + 56 + 10].tolist() == [128, 128, 128]
    sheet = filter_sheet(nn.Sequential(convolution), colour="bgr")
    assert sheet[24 + 10, 4 + 10].tolist() == [255, 128, 1]


def test_later_filters_are_a_mean_or_one_input_channel() -> None:
    model = TinyNet(2)
    mean, one = (
        filter_sheet(model, "features.4"),
        filter_sheet(model, "features.4", input_channel=3),
    )
    assert mean.shape == one.shape and not np.array_equal(mean, one)
    with pytest.raises(InputError, match=r"no input channel 8: 0\.\.7"):
        filter_sheet(model, "features.4", input_channel=8)
    with pytest.raises(InputError, match="is a BatchNorm2d: expected a Conv2d"):
        filter_sheet(model, "features.1")
    with pytest.raises(InputError, match="no convolution"):
        filter_sheet(nn.Linear(1, 1))


def test_a_long_caption_is_cut_and_keeps_its_width() -> None:
    short, long = write_line("a", 80), write_line("long " * 40, 80)
    assert short.shape == long.shape == (LINE, 80, 3)
    assert long.min() < 100 and (long[:, -1] == 255).any()
