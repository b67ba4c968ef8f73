"""What is wrong in the labels of banknotes/, seen by eye on the pictures.

Found because a reader gave the same serial twice and it was not the label's; then every INR picture
was looked at. `notes.py --labels-as-given` scores without any of this. One right label stays that
nobody can read: INR_14.jpg shows only the end of its serial.
"""

WRONG = {
    # The phone's status bar, "0 K/s" and "3:38"; the note beside it is a 10 rupee note.
    ("INR_115.jpg", "0KS108338"): "36C128451",
    # A 10 rupee note of the older series, two digits and a letter, both serials in plain sight.
    ("INR_132.jpg", "4DA584030"): "84Q301049",
    ("INR_61.jpg", "4DA584030"): "84Q301049",
    ("INR_62.jpg", "4DA584030"): "84Q301049",
}
"""File and serial as labelled, to what the picture shows; the quads of such a label are dropped."""

ALSO_THERE = {
    "INR_202.jpg": ("5HA852592", "4AM155722", "75L414302", "36C128451"),
}
"""Serials that can be read on other notes of a picture and have no label: no mistake if read, no
miss if not."""
