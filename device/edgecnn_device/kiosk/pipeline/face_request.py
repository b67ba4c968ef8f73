"""Somebody's wish that a camera look at a face: to verify, to identify or to enrol it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from edgecnn_device.kiosk.pipeline.presentation import Look
from edgecnn_device.kiosk.ports import EnrolResult, FaceAnswer

Outcome: TypeAlias = FaceAnswer | EnrolResult


@dataclass(eq=False)
class FaceRequest:
    """One of them; the worker fills it, who asked waits for `outcome`."""

    kind: Literal["verify", "identify", "enrol"]
    camera: str
    person: str | None
    """Who is claimed or enrolled; None to identify."""
    outcome: Future[Outcome] = field(default_factory=Future)
    track: int | None = None
    """Of the person in front, whose presentation it is."""
    looks: list[Look] = field(default_factory=list)
    fault: str = "no picture came from the camera"
    """What is missing yet, in words for the person."""
    seen: bool = False
    """Whether a face was in view."""
    fmr: float = 1.0
    """Bound of the decision's rate."""
