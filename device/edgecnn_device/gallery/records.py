"""What a gallery tells: people, matches, exports, damage, and who did what when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn_device.gallery.identity import ModelIdentity


@dataclass(frozen=True)
class Person:
    """Who is enrolled."""

    name: str
    templates: int
    """How many pictures of them are enrolled."""
    model: ModelIdentity
    """What made the templates."""


@dataclass(frozen=True)
class Match:
    """How alike a person is to a query."""

    person: str
    score: float
    """Cosine similarity of the most alike of their templates, -1 to 1. Tell it to no user: with
    scores a picture can be improved step by step until it passes."""


@dataclass(frozen=True)
class Damaged:
    """A row that was refused: it is compared with nobody, the rest is served."""

    row: int
    """Its number in the table of templates."""
    person: str | None
    """Whose it is; None where that cannot be read either."""
    reason: str


@dataclass(frozen=True)
class AuditEntry:
    """One line of the log: no biometrics, no scores."""

    at: str
    """UTC, ISO 8601, to the second, by the clock of the machine."""
    actor: str
    action: str
    """create, enrol, delete, export, lock, reset, or what `Gallery.record` was given."""
    person: str | None
    """A name while the person is enrolled, then "person N"; None where nobody is concerned."""


@dataclass(frozen=True, eq=False)
class PersonExport:
    """All that is kept about a person, for them to have (GDPR, articles 15 and 20)."""

    name: str
    model: ModelIdentity
    enrolled: tuple[str, ...]
    """Per template: UTC, ISO 8601."""
    vectors: NDArray[np.float32]
    """(N, D) unit vectors, in the order of ``enrolled``."""
    audit: tuple[AuditEntry, ...]
    """What the log says of them."""
