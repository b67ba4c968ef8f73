"""Each loss against numbers computed by hand, and which triplets are chosen."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from edgecnn.models.embed_heads import CosineHead, DifferenceHead, DistanceHead, squared_distances
from edgecnn.train.embed_losses import (
    Choice,
    choose_triplets,
    distill_loss,
    margin_softmax_loss,
    pair_loss,
    triplet_loss,
)

RIGHT, UP = [1.0, 0.0], [0.0, 1.0]
PEOPLE = torch.tensor([0, 0, 1, 1])
# From the first picture: its own person at 0.5, others at 0.4 (nearer), 0.6 (a little farther).
DISTANCES = torch.tensor(
    [[0.0, 0.5, 0.4, 0.6],
     [0.5, 0.0, 0.9, 0.8],
     [0.4, 0.9, 0.0, 0.1],
     [0.6, 0.8, 0.1, 0.0]]
)  # fmt: skip


def _chosen(choice: Choice, margin: float = 0.2) -> list[tuple[int, ...]]:
    found = choose_triplets(DISTANCES, PEOPLE, margin, choice)
    return [tuple(row) for row in torch.stack(found, 1).tolist()]


def test_distances_are_those_of_the_plane() -> None:
    found = squared_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
    assert found.tolist() == [[0, 25], [25, 0]]


def test_hard_takes_the_farthest_of_its_own_and_the_nearest_other() -> None:
    assert _chosen("hard") == [(0, 1, 2), (1, 0, 3), (2, 3, 0), (3, 2, 0)]


def test_semi_hard_takes_the_nearest_that_is_farther_by_less_than_the_margin() -> None:
    # 0: 2 is nearer than its own, 3 is farther by 0.1. Of 1, 2 and 3 nobody lies within 0.2.
    (first, *others) = _chosen("semi_hard")
    assert first == (0, 1, 3)
    assert [pair[:2] for pair in others] == [(1, 0), (2, 3), (3, 2)]
    assert all(PEOPLE[a] != PEOPLE[n] for a, _, n in others)
    assert (1, 0, 3) in _chosen("semi_hard", margin=0.35)


def test_random_takes_each_other_picture_as_often() -> None:
    torch.manual_seed(0)
    drawn = [_chosen("random") for _ in range(200)]
    assert all([t[:2] for t in found] == [(0, 1), (1, 0), (2, 3), (3, 2)] for found in drawn)
    assert 70 < sum(found[0][2] == 2 for found in drawn) < 130


@pytest.mark.parametrize("choice", ["random", "hard", "semi_hard"])
@pytest.mark.parametrize("people", [[0, 1, 2], [0, 0, 0]])
def test_a_batch_without_triplets_teaches_nothing(choice: Choice, people: list[int]) -> None:
    vectors = torch.randn(3, 4, requires_grad=True)
    loss = triplet_loss(vectors, torch.tensor(people), 0.2, choice)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0 and vectors.grad is not None and not vectors.grad.any()


@pytest.mark.parametrize(
    ("other", "loss"),
    [([-1.0, 0.0], 0.0), (UP, 0.0), ([3.0, 0.0], 0.2), ([0.6, 0.8], 0.0), ([0.96, 0.28], 0.12)],
)
def test_the_triplet_loss_is_the_gap_that_is_missing(other: list[float], loss: float) -> None:
    # Two equal pictures of one person: the distance to the other is 2 - 2 cos.
    vectors = torch.tensor([RIGHT, [2.0, 0.0], other])
    found = triplet_loss(vectors, torch.tensor([0, 0, 1]), 0.2, "hard")
    assert float(found) == pytest.approx(loss, abs=1e-6)


def test_pairs_of_one_person_count_as_much_as_all_others() -> None:
    logits = torch.tensor([[0.0, 2.0, -1.0], [0.0, 0.0, -3.0], [0.0, 0.0, 0.0]])
    same = math.log1p(math.exp(-2))
    different = (math.log1p(math.exp(-1)) + math.log1p(math.exp(-3))) / 2
    found = pair_loss(logits, torch.tensor([0, 0, 1]))
    assert float(found) == pytest.approx((same + different) / 2)


def test_the_distance_head_is_even_at_its_threshold() -> None:
    head = DistanceHead()
    vectors = torch.tensor([RIGHT, UP, [0.5, 0.75**0.5]])
    logits = head(vectors)
    assert logits[0, 2].item() == pytest.approx(0, abs=1e-5)  # 60 degrees: a distance of 1
    assert logits[0, 1].item() == pytest.approx(5 * (1 - 2**0.5), abs=1e-5)
    logits.sum().backward()
    assert head.threshold.grad is not None and torch.isfinite(head.threshold.grad)


def test_the_difference_head_weighs_each_number() -> None:
    head = DifferenceHead(2)
    with torch.no_grad():
        head.weight.weight.copy_(torch.tensor([[-1.0, -2.0]]))
        head.weight.bias.fill_(0.5)
    assert head(torch.tensor([RIGHT, UP])).tolist() == [[0.5, -2.5], [-2.5, 0.5]]


def test_the_cosine_head_does_not_mind_how_long_its_directions_are() -> None:
    head = CosineHead(2, 2)
    with torch.no_grad():
        head.directions.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))
    assert torch.allclose(head(torch.tensor([RIGHT, UP])), torch.eye(2))


@pytest.mark.parametrize(
    ("form", "own", "harder"),
    [("cosface", 0.5, 0.15), ("arcface", 0.5, math.cos(math.pi / 3 + 0.35)),
     ("arcface", -0.99, -0.99 - 0.35 * math.sin(0.35))],
)  # fmt: skip
def test_the_margin_makes_the_own_cosine_harder(form: str, own: float, harder: float) -> None:
    cosines = torch.tensor([[own, 0.2]])
    found = margin_softmax_loss(cosines, torch.tensor([0]), form, 0.35, 4.0)  # type: ignore[arg-type]
    expected = math.log1p(math.exp(4 * (0.2 - harder)))
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("vector", "loss"), [([5.0, 0.0], 0.0), (UP, 1.0), ([-1.0, 0.0], 2.0)])
def test_distilling_measures_the_angle_alone(vector: list[float], loss: float) -> None:
    def rows(values: list[float]) -> Tensor:
        return torch.tensor([values])

    assert float(distill_loss(rows(vector), rows(RIGHT))) == pytest.approx(loss)
