"""Banknotes: from a picture to currency and serial number.

reader = NoteReader.open(Path("note-detector.edge"), Path("serial-reader.edge"))
for note in reader(image):  # (H, W, 3) BGR
    print(note.currency, note.serial, note.reason)
"""

from edgecnn_device.notes.prints import NoteOptions
from edgecnn_device.notes.reader import NoteReader
from edgecnn_device.notes.results import KnownNote, NoteReading, SerialRead
from edgecnn_device.notes.vote import NoteEvent, NoteInSight, NoteVoter, VoteOptions

__all__ = [
    "KnownNote",
    "NoteEvent",
    "NoteInSight",
    "NoteOptions",
    "NoteReader",
    "NoteReading",
    "NoteVoter",
    "SerialRead",
    "VoteOptions",
]
