from __future__ import annotations

import pytest

from edgecnn_device.licences import say_research


def test_a_licence_for_research_is_said_once_and_others_never(
    caplog: pytest.LogCaptureFixture,
) -> None:
    say_research.cache_clear()
    for _ in range(3):
        say_research("faces", "For research only: LFW pictures")
        say_research("notes", "Apache-2.0")
    assert [r.getMessage() for r in caplog.records] == [
        "edgecnn: faces: licence: For research only: LFW pictures"
    ]
