"""The base of what a manifest holds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Takes the keys that it names and no others, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
