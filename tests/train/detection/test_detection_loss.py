from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from edgecnn.train.detection.loss import Targets, Wing, along_object, decode_boxes, detection_loss
from edgecnn.vision import anchors as on_device
from edgecnn.vision.anchors import decode_turns
from edgecnn.vision.boxes import from_centres, giou_matrix, iou_matrix

ANCHORS = torch.tensor([[50.0, 50, 20, 40], [80, 30, 10, 10], [20, 90, 60, 15]])


def _targets(*rows: tuple[int, int, tuple[float, ...]]) -> Targets:
    places = torch.tensor([r[0] for r in rows], dtype=torch.long)
    classes = torch.tensor([r[1] for r in rows], dtype=torch.long)
    boxes = torch.tensor([r[2] for r in rows]).reshape(-1, 5)
    return Targets(places, classes, boxes, torch.zeros(len(rows), 0, 3))


def test_torch_and_device_decode_alike() -> None:
    raw = torch.randn(200, 4) * 3
    anchors = ANCHORS.repeat(67, 1)[:200]
    ours, theirs = decode_boxes(raw, anchors), on_device.decode_boxes(raw.numpy(), anchors.numpy())
    assert np.allclose(ours.numpy(), theirs, rtol=1e-5)


def test_overlaps_of_upright_boxes_are_the_usual_ones() -> None:
    generator = torch.Generator().manual_seed(1)
    predicted, truth = (torch.rand(100, 4, generator=generator) * 50 + 5 for _ in range(2))
    iou, giou = along_object(predicted, torch.cat((truth, torch.zeros(100, 1)), 1))
    a, b = from_centres(predicted.numpy()), from_centres(truth.numpy())
    assert np.allclose(iou, np.diag(iou_matrix(a, b)), atol=1e-5)
    assert np.allclose(giou, np.diag(giou_matrix(a, b)), atol=1e-5)


@pytest.mark.parametrize("angle", [0.3, 1.6, -2.9])
def test_a_turned_box_overlaps_itself_wholly(angle: float) -> None:
    box = torch.tensor([[30.0, 40, 20, 8]])
    iou, giou = along_object(box, torch.cat((box, torch.tensor([[angle]])), 1))
    assert iou.item() == pytest.approx(1) and giou.item() == pytest.approx(1)
    beside = torch.tensor([[30 + 8 * math.cos(angle), 40 + 8 * math.sin(angle), 20, 8]])
    moved, _ = along_object(beside, torch.cat((box, torch.tensor([[angle]])), 1))
    assert moved.item() == pytest.approx(12 / 28)  # by 8 of its 20 pixels along itself


def test_a_perfect_answer_costs_next_to_nothing() -> None:
    raw = torch.zeros(3, 8)
    raw[0, 4:] = torch.tensor([f(k * 0.7) for k in (1, 2) for f in (math.cos, math.sin)]) * 3
    logits = torch.full((3, 2), -12.0)
    logits[0, 1] = 12
    targets = _targets((0, 1, (50, 50, 20, 40, 0.7)))
    found = detection_loss(raw, logits, ANCHORS, targets, Wing())
    assert float(found.score) < 1e-4
    assert float(found.box) == pytest.approx(0, abs=1e-5)
    assert float(found.angle) == pytest.approx(0, abs=1e-5)


def test_an_opposite_turn_costs_most() -> None:
    raw = torch.zeros(3, 8)
    raw[0, 4] = raw[0, 6] = -1
    targets = _targets((0, 0, (50, 50, 20, 40, 0)))
    found = detection_loss(raw, torch.zeros(3, 2), ANCHORS, targets, Wing())
    assert float(found.angle) == pytest.approx(2, abs=0.02)
    assert float(found.box) == pytest.approx(0, abs=1e-5)


def test_where_nothing_is_there_only_scores_count() -> None:
    raw = torch.randn(3, 4, requires_grad=True)
    logits = torch.zeros(3, 2, requires_grad=True)
    found = detection_loss(raw, logits, ANCHORS, _targets(), Wing())
    assert found.box.item() == found.angle.item() == 0
    # Three places, two classes, each half sure: 6 x 0.5**2 x ln 2.
    assert found.score.item() == pytest.approx(1.5 * math.log(2))
    (found.score + found.box).backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None and float(raw.grad.abs().max()) == 0


def test_steps_down_the_loss_find_the_boxes() -> None:
    wanted: Tensor = torch.tensor([[52.0, 47, 30, 30, 0.5]])
    raw = torch.zeros(3, 8, requires_grad=True)
    logits = torch.zeros(3, 1, requires_grad=True)
    with torch.no_grad():
        raw[:, 4] = raw[:, 6] = 1
    optimizer = torch.optim.Adam([raw, logits], 0.03)
    targets = Targets(torch.tensor([0]), torch.tensor([0]), wanted, torch.zeros(1, 0, 3))
    for _ in range(400):
        optimizer.zero_grad()
        parts = detection_loss(raw, logits, ANCHORS, targets, Wing())
        (parts.score + parts.box + parts.angle).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    found, scores = raw.detach(), logits.detach().sigmoid()
    assert torch.allclose(decode_boxes(found, ANCHORS)[0], wanted[0, :4], atol=0.5)
    assert decode_turns(found[:1, 4:].numpy()) == pytest.approx([0.5], abs=0.02)
    assert scores[0].item() > 0.9 and scores[1:].max().item() < 0.2


def test_points_pull_to_their_places_but_for_those_that_are_not_seen() -> None:
    raw = torch.zeros(3, 4 + 4, requires_grad=True)
    points = torch.tensor([[[52.0, 46, 1], [-900, 900, 0]]])
    place, box = torch.tensor([0]), torch.tensor([[50.0, 50, 20, 40, 0]])
    targets = Targets(place, place, box, points)
    found = detection_loss(raw, torch.zeros(3, 1), ANCHORS, targets, Wing(0.1, 0.02))
    # Both of its numbers are off by a tenth of their anchor's side, where the parts join.
    assert found.points.item() == pytest.approx(0.1 * math.log(6), rel=1e-4)
    assert found.angle.item() == 0
    found.points.backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None and raw.grad[0, 4].item() < 0 < raw.grad[0, 5].item()
    assert float(raw.grad[0, 6:].abs().max()) == float(raw.grad[1:].abs().max()) == 0
