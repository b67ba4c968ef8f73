"""Says once that a bundle is for research alone, wherever it is loaded."""

from __future__ import annotations

import logging
from functools import cache

_LOG = logging.getLogger("edgecnn")


@cache
def say_research(name: str, licence: str) -> None:
    """Warn on stderr where a licence speaks of research; once in a process for each bundle."""
    if "research" in licence.lower():
        _LOG.warning("edgecnn: %s: licence: %s", name, licence)
