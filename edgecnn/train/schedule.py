"""The learning rate as a function of the samples seen: nothing to save, nothing to resume."""

from __future__ import annotations

import math

from edgecnn.train.sections import OptimizerSection, ScheduleSection


def learning_rate(
    options: OptimizerSection, schedule: ScheduleSection, seen: int, total: int
) -> float:
    """Return the rate after ``seen`` of ``total`` samples.

    Linear warm-up (Goyal et al., arXiv:1706.02677), then a constant rate, then cosine decay to
    zero (Loshchilov and Hutter, ICLR 2017) or steps.
    """
    warm = schedule.warmup * total
    rate = options.learning_rate * min(1.0, (seen + options.batch) / max(1.0, warm))
    if schedule.kind == "step":
        return rate * schedule.gamma ** sum(seen >= share * total for share in schedule.steps)
    left = (total - seen) / max(1.0, schedule.decay * total)
    return rate * (0.5 - 0.5 * math.cos(math.pi * min(1.0, max(0.0, left))))
