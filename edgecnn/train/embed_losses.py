"""What teaches a network that pictures of one person lie together: five losses over a batch."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from edgecnn.models.embed_heads import squared_distances

Choice = Literal["random", "hard", "semi_hard"]
Form = Literal["arcface", "cosface"]


def pair_loss(logits: Tensor, people: Tensor) -> Tensor:
    """Return the cross-entropy on same or different over all pairs of a batch.

    The pairs of one person and those of two count half each: of a batch nearly all are of two.

    Args:
        logits: (N, N) that two pictures are of one person.
        people: (N,).
    """
    one, two = torch.triu_indices(len(people), len(people), 1, device=people.device)
    chosen, same = logits[one, two], people[one] == people[two]
    losses = nn.functional.binary_cross_entropy_with_logits(chosen, same.float(), reduction="none")
    return torch.stack([losses[kind].mean() for kind in (same, ~same) if kind.any()]).mean()


def triplet_loss(vectors: Tensor, people: Tensor, margin: float, choice: Choice) -> Tensor:
    """Return the mean of max(0, d(a, p) - d(a, n) + margin) over the chosen triplets.

    d is the squared L2 distance of unit vectors, 0..4, as in Schroff et al., "FaceNet", CVPR 2015.

    Args:
        vectors: (N, D), not normalized.
        people: (N,).
        margin: by which another person must be farther away.
        choice: which triplets, see `choose_triplets`.
    """
    distances = squared_distances(nn.functional.normalize(vectors))
    anchors, positives, negatives = choose_triplets(distances.detach(), people, margin, choice)
    if not len(anchors):
        return distances.sum() * 0  # nobody twice, or only one person: nothing to learn
    gaps = distances[anchors, positives] - distances[anchors, negatives]
    return nn.functional.relu(gaps + margin).mean()


def choose_triplets(
    distances: Tensor, people: Tensor, margin: float, choice: Choice
) -> tuple[Tensor, Tensor, Tensor]:
    """Choose anchors, positives and negatives, each (T,), from a batch.

    Args:
        distances: (N, N).
        people: (N,).
        margin: of the loss.
        choice: random: for each pair of one person, anybody else; hard: for each anchor the
            farthest picture of its person and the nearest of another (batch hard of Hermans et al.,
            arXiv:1703.07737); semi_hard: for each pair of one person, the nearest picture of
            another that is farther than the positive by less than the margin (Schroff et al.,
            CVPR 2015), and where there is none, anybody else.
    """
    same = people[:, None] == people[None]
    other = ~same
    paired = same & ~torch.eye(len(people), dtype=torch.bool, device=people.device)
    if choice == "hard":
        (anchors,) = torch.where(paired.any(1) & other.any(1))
        farthest = distances.masked_fill(~paired, -1).argmax(1)
        nearest = distances.masked_fill(same, math.inf).argmin(1)
        return anchors, farthest[anchors], nearest[anchors]
    anchors, positives = torch.where(paired & other.any(1, keepdim=True))
    if not len(anchors):
        return anchors, positives, anchors
    anybody = torch.multinomial(other[anchors].float(), 1).squeeze(1)
    if choice == "random":
        return anchors, positives, anybody
    rows, reach = distances[anchors], distances[anchors, positives][:, None]
    fits = other[anchors] & (rows > reach) & (rows < reach + margin)
    nearest = rows.masked_fill(~fits, math.inf).argmin(1)
    return anchors, positives, torch.where(fits.any(1), nearest, anybody)


def margin_softmax_loss(
    cosines: Tensor, people: Tensor, form: Form, margin: float, scale: float
) -> Tensor:
    """Return the cross-entropy over people after the own one's cosine was made harder.

    Args:
        cosines: (N, people) of each vector with each person's direction.
        people: (N,).
        form: arcface: the margin, in radians, is added to the angle (Deng et al., CVPR 2019);
            cosface: it is taken from the cosine (Wang et al., CVPR 2018).
        margin: above 0.
        scale: the cosines are multiplied by this before the softmax.
    """
    own = cosines.gather(1, people[:, None])
    if form == "cosface":
        harder = own - margin
    else:
        angle = own.clamp(-1 + 1e-6, 1 - 1e-6).acos()
        # Past a half turn the cosine would rise again: go on straight from there.
        harder = torch.where(
            angle + margin < math.pi, (angle + margin).cos(), own - margin * math.sin(margin)
        )
    logits = scale * cosines.scatter(1, people[:, None], harder)
    return nn.functional.cross_entropy(logits, people)


def hint_loss(maps: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error of a map to a teacher's, as a share of the teacher's square mean.

    Each place of a map teaches by itself, so that a picture says more than its one vector does
    (Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015, equation 3).

    Args:
        maps: (N, C, H, W), what the student's features give.
        targets: likewise, the teacher's.
    """
    error = (maps - targets).square().mean()
    return error / targets.square().mean().clamp(min=1e-12)


def distill_loss(vectors: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of 1 - cosine, 0..2, to the teacher's vectors (N, D)."""
    return 1 - nn.functional.cosine_similarity(vectors, targets).mean()
