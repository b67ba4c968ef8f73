"""The vote over the frames of each video that a verb comes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecnn_device.notes import NoteEvent, NoteReading
    from edgecnn_device.notes.vote import NoteVoter
    from edgecnn_device.sources import Frame

Show = Callable[["Frame", "NoteEvent"], None]
"""Takes what became certain at a frame, or ended with it."""


class VideoVotes:
    """Hands the frames of videos to a voter, one video after the other; pictures do not vote."""

    def __init__(self, voter: NoteVoter, show: Show) -> None:
        self._voter = voter
        self._show = show
        self._last: Frame | None = None

    def take(self, frame: Frame, readings: tuple[NoteReading, ...]) -> None:
        """Take the next frame that could be read, of whatever source."""
        if frame.index == 0:
            self.finish()
        if frame.rate:
            self._last = frame
            self._tell(frame, self._voter(readings))

    def finish(self) -> None:
        """Say what is left to say of the video that was under way, if any."""
        if self._last is not None:
            self._tell(self._last, self._voter.finish())
        self._last = None

    def _tell(self, frame: Frame, events: tuple[NoteEvent, ...]) -> None:
        for event in events:
            self._show(frame, event)
