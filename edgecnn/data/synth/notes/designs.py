"""Where the notes of five currencies carry their serial numbers, and in which sizes and inks.

Sizes are those that the issuers state; places and heights of the serials were measured on a few
scans and photographs of real notes, to about 2 mm, and the generator shifts them by more.
Portraits, emblems and patterns are not described: the generator draws abstract ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Bgr = tuple[int, int, int]

RED: Bgr = (40, 30, 190)
BLACK: Bgr = (45, 40, 40)
GREEN: Bgr = (70, 110, 45)
DARK_GREEN: Bgr = (60, 75, 35)
BROWN: Bgr = (35, 60, 105)
NAVY: Bgr = (105, 50, 40)
VIOLET: Bgr = (110, 40, 90)


@dataclass(frozen=True)
class SerialPlace:
    """One of the serial numbers of a note."""

    x: float
    """Left end of the print, in mm from the note's left edge."""
    y: float
    """Middle of the print, in mm from the note's top edge."""
    length: float
    """Of the print, in mm."""
    cap: float
    """Height of the tallest character, in mm."""
    inks: tuple[Bgr, ...]
    growing: bool = False
    """Whether the numerals grow from left to right."""


@dataclass(frozen=True)
class NoteDesign:
    """One kind of note."""

    currency: str
    denomination: str
    width: float
    """mm."""
    height: float
    """mm."""
    papers: tuple[Bgr, ...]
    """Tints of the face."""
    serials: tuple[SerialPlace, ...]
    forms: tuple[str, ...]
    """Names of the grammar's patterns that this note prints."""


def _usd(value: str, first: tuple[float, float], second: tuple[float, float], form: str
         ) -> NoteDesign:  # fmt: skip
    serials = tuple(SerialPlace(x, y, 31.5, 3.2, (GREEN, DARK_GREEN)) for x, y in (first, second))
    papers = ((198, 214, 212), (190, 205, 210), (200, 210, 205), (185, 205, 215))
    return NoteDesign("USD", value, 156, 66.3, papers, serials, (form,))


def _krw(value: str, width: float, paper: Bgr, left: Bgr, right: Bgr) -> NoteDesign:
    serials = (
        SerialPlace(4, 5.5, 30, 3.0, (left,)),
        SerialPlace(width - 36, 62, 30, 3.0, (right,)),
    )
    return NoteDesign("KRW", value, width, 68, (paper,), serials, ("KRW 2006",))


def _inr(value: str, width: float, height: float, paper: Bgr) -> NoteDesign:
    """Mahatma Gandhi (New) Series: growing numerals upper left and lower right."""
    inks, forms = (BLACK, RED), ("INR 1+2", "INR 2+1", "INR 1+2 star", "INR 2+1 star")
    serials = (
        SerialPlace(8, 17, 37, 4.2, inks, growing=True),
        SerialPlace(width - 52, height - 9, 37, 4.2, inks, growing=True),
    )
    return NoteDesign("INR", value, width, height, (paper,), serials, forms)


def _rub(value: str, width: float, height: float, paper: Bgr, places: tuple[SerialPlace, ...],
         form: str = "RUB 1997") -> NoteDesign:  # fmt: skip
    return NoteDesign("RUB", value, width, height, (paper,), places, (form,))


def _rub_small(width: float) -> tuple[SerialPlace, ...]:
    """50 and 100: red at the left, grey-green at the upper right."""
    return (
        SerialPlace(10, 33, 27, 3.4, (RED,)),
        SerialPlace(width - 35, 13.5, 27, 3.4, (DARK_GREEN,)),
    )


def _rub_large(width: float) -> tuple[SerialPlace, ...]:
    """500, 1000, 5000: dark green at the left, growing, red at the upper right."""
    return (
        SerialPlace(6, 33, 28, 4.0, (DARK_GREEN,), growing=True),
        SerialPlace(width - 35, 12, 28, 3.4, (RED,)),
    )


def _jpy(value: str, width: float, papers: tuple[Bgr, ...], inks: tuple[Bgr, ...],
         forms: tuple[str, ...], length: float) -> NoteDesign:  # fmt: skip
    serials = (
        SerialPlace(25, 16, length, 3.2, inks),
        SerialPlace(width - 31 - length, 66, length, 3.2, inks),
    )
    return NoteDesign("JPY", value, width, 76, papers, serials, forms)


_OLD_YEN = ("JPY D/E, one letter", "JPY D/E")

DESIGNS: Mapping[str, tuple[NoteDesign, ...]] = MappingProxyType(
    {
        # Bank of Korea, series of 2006 to 2009: red upper left and dark lower right, the 50000
        # the other way round.
        "KRW": (
            _krw("1000", 136, (225, 200, 185), NAVY, RED),
            _krw("5000", 142, (175, 200, 225), RED, BLACK),
            _krw("10000", 148, (190, 220, 195), RED, DARK_GREEN),
            _krw("50000", 154, (150, 205, 230), BLACK, RED),
        ),
        # Bureau of Engraving and Printing: 156 x 66.3 mm; $1 and $2 have the upper right and the
        # lower left serial, later designs of $5 and up the upper left and the lower right one.
        "USD": (
            _usd("1", (98.5, 20), (20.3, 44), "USD $1, $2"),
            _usd("2", (98.5, 20), (20.3, 44), "USD $1, $2"),
            _usd("20", (14, 15), (104, 51), "USD 1996"),
            _usd("100", (14, 13), (104, 53), "USD 1996"),
        ),
        # Reserve Bank of India, Mahatma Gandhi (New) Series; sizes as announced.
        "INR": (
            _inr("10", 123, 63, (150, 180, 205)),
            _inr("20", 129, 63, (140, 215, 205)),
            _inr("50", 135, 66, (225, 210, 170)),
            _inr("100", 142, 66, (220, 185, 205)),
            _inr("200", 146, 66, (130, 195, 235)),
            _inr("500", 150, 66, (190, 195, 190)),
            _inr("2000", 166, 66, (200, 165, 215)),
        ),
        # Bank of Russia, 1997 issue and its modifications; 200 and 2000 of 2017.
        "RUB": (
            _rub("50", 150, 65, (220, 200, 180), _rub_small(150)),
            _rub("100", 150, 65, (190, 205, 215), _rub_small(150)),
            _rub("500", 150, 65, (215, 190, 200), _rub_large(150)),
            _rub("1000", 157, 69, (205, 210, 185), _rub_large(157)),
            _rub("5000", 157, 69, (170, 190, 225), _rub_large(157)),
            _rub("200", 150, 65, (185, 215, 190), _rub_small(150), "RUB 2017"),
            _rub("2000", 157, 69, (220, 200, 175), _rub_large(157), "RUB 2017"),
        ),
        # Bank of Japan: series D and E (black, brown or navy), and F of 2024 (black).
        "JPY": (
            _jpy("1000", 150, ((205, 200, 195), (215, 205, 190)), (BLACK, BROWN, NAVY),
                 _OLD_YEN, 27),
            _jpy("5000", 156, ((200, 190, 210),), (BLACK, BROWN), _OLD_YEN, 27),
            _jpy("10000", 160, ((185, 205, 215),), (BLACK, BROWN), _OLD_YEN, 27),
            _jpy("10000 F", 160, ((185, 200, 215),), (BLACK,), ("JPY F",), 30),
        ),
    }
)  # fmt: skip
"""The kinds of notes by ISO 4217 code."""
