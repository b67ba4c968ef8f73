"""Reads a form with pictures in memory: pictures of people must not be spooled to a disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from edgecnn_device.kiosk.web.errors import ApiError
from edgecnn_device.kiosk.web.pictures import MOST_BYTES

MOST_PICTURES = 10
MOST_FORM = 24 * 1024 * 1024
"""Bytes of a whole form; the form and the pictures cut from it are in memory at once."""
_MOST_FIELD = 4096
_MOST_FIELDS = 4


@dataclass(frozen=True)
class Form:
    """What came in a form."""

    fields: dict[str, str]
    pictures: tuple[tuple[str, bytes], ...]
    """File name as the client gave it, without folders, and content."""


@dataclass
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    file: str | None = None
    data: bytearray = field(default_factory=bytearray)


class _Reader:
    """Collects the parts, and refuses what is too much as soon as it is."""

    def __init__(self, files: str) -> None:
        self._files = files
        self._part, self._header, self._value = _Part(), bytearray(), bytearray()
        self.fields: dict[str, str] = {}
        self.pictures: list[tuple[str, bytes]] = []
        self.ended = False

    def on_part_begin(self) -> None:
        self._part = _Part()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def on_header_end(self) -> None:
        self._part.headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()
        if len(self._part.headers) > 8:
            raise _bad("a part of the form has too many headers")

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._part.headers.get(b"content-disposition", b""))
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            if self._part.name != self._files:
                raise _bad(f"pictures are expected in the field {self._files}")
            if len(self.pictures) >= MOST_PICTURES:
                raise _bad(f"at most {MOST_PICTURES} pictures at once")
            self._part.file = _plain(options[b"filename"].decode("utf-8", "replace"))
        elif len(self.fields) >= _MOST_FIELDS:
            raise _bad("the form has too many fields")

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._part.data += data[start:end]
        most = _MOST_FIELD if self._part.file is None else MOST_BYTES
        if len(self._part.data) > most:
            raise ApiError(413, "too_long", f"{self._part.file or 'a field'}: at most {most} bytes",
                           {"Connection": "close"})  # fmt: skip

    def on_part_end(self) -> None:
        part = self._part
        if part.file is not None:
            self.pictures.append((part.file, bytes(part.data)))
        elif part.name in self.fields:
            raise _bad("a field of the form came twice")
        else:
            self.fields[part.name] = part.data.decode("utf-8", "replace")

    def on_end(self) -> None:
        self.ended = True

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > _MOST_FIELD:
            raise _bad("a header of the form is too long")


async def read_form(content_type: str, chunks: AsyncIterator[bytes], files: str) -> Form:
    """Read a multipart/form-data body (RFC 7578).

    Args:
        content_type: the header, with the boundary.
        chunks: the body.
        files: name of the field with the pictures.

    Raises:
        ApiError: 413, 415 or 422.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise ApiError(415, "form", "expected multipart/form-data with a boundary")
    reader = _Reader(files)
    callbacks = {name: getattr(reader, name) for name in dir(reader) if name.startswith("on_")}
    try:
        parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise _bad("the form is damaged") from error
    if not reader.ended:
        raise _bad("the form is cut short")
    return Form(reader.fields, tuple(reader.pictures))


def _plain(name: str) -> str:
    """Return a file name as it may be shown; some clients send whole paths."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:100] or "picture"


def _bad(message: str) -> ApiError:
    return ApiError(422, "form", message)
