"""Uploads: the files of a multipart form, written to the disk as they arrive.

The files are never in memory, and the other fields are small. When a form is refused,
the rest of it is read and discarded, so that its sender gets the response.

Standards: RFC 7578 (multipart/form-data), RFC 6266 and RFC 2231 (file names).
"""

from __future__ import annotations

import contextlib
import email.message
import errno
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

from attrs import define, field
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from twisted.logger import Logger

from irsend.device.send_order import ORDER_ITEMS, Original
from irsend.panel.problems import Problem

MOST_FILES = 1000
MOST_VALUES = 150
"""Fields of a form that are no files: 100 destinations, and the others with room to spare."""
LARGEST_VALUES = 1_000_000
"""Octets of them together."""
LARGEST_PART_HEADER = 16_384
_FIELDS = ("page", *ORDER_ITEMS)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# The client gets a problem document for a wrong form; the machine's log need not have it.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@define(eq=False)
class _Part:
    """The part that is being read."""

    header_octets: int = 0
    """Octets of its header fields so far."""
    header_name: bytes = b""
    header_value: bytes = b""
    disposition: bytes = b""
    name: str = ""
    filename: str | None = None
    value: bytearray | None = field(default=None, repr=False)
    file: IO[bytes] | None = None


class Upload:
    """One form as it arrives. The directory is made for the first file; `discard` removes it."""

    log = Logger()

    def __init__(
        self,
        content_type: bytes,
        make_directory: Callable[[], Path],
        limit: int,
        more_fields: tuple[str, ...] = (),
    ) -> None:
        self._make_directory = make_directory
        self._known = (*_FIELDS, *more_fields)
        self.limit = limit
        """Octets of the whole form."""
        self._received = 0
        self._directory: Path | None = None
        self._values = self._value_octets = 0
        self._part = _Part()
        self._ended = False
        self.problem: Problem | None = None
        """Why it is refused."""
        self.originals: list[Original] = []
        self.fields: dict[str, list[str]] = {}
        _, parameters = parse_options_header(content_type)
        boundary = parameters.get(b"boundary", b"")
        if not 1 <= len(boundary) <= 70:
            self._refuse(400, "The form has no boundary")
            boundary = b"-"
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_began,
                "on_header_field": self._header_name_received,
                "on_header_value": self._header_value_received,
                "on_header_end": self._header_ended,
                "on_headers_finished": self._headers_ended,
                "on_part_data": self._part_data_received,
                "on_part_end": self._part_ended,
                "on_end": self._form_ended,
            },
        )
        # The bounds are this class's, so that a problem document can name them.
        self._parser.max_header_count = self._parser.max_header_size = 2**31

    def feed(self, octets: bytes) -> None:
        """Take the next octets of the body."""
        self._received += len(octets)
        if self._received > self.limit:
            self._refuse(413, f"The originals have up to {self.limit} octets together")
        if self.problem is not None:
            return
        try:
            self._parser.write(octets)
        except FormParserError:
            self._refuse(400, "The form is damaged")
        except OSError as error:
            if error.errno in _NO_SPACE:
                self._refuse(507, "There is no room for the originals on the disk")
            else:
                self.log.error("Originals cannot be kept: {error}", error=error)
                self._refuse(500, "The originals cannot be kept on the machine's disk")

    def finish(self) -> None:
        """End the form with the body; Problem where it cannot be used."""
        if self.problem is None and not self._ended:
            self._refuse(400, "The form is damaged: it has no end")
        if self.problem is not None:
            raise self.problem

    def discard(self) -> None:
        """Remove what was written; calling it twice does no harm."""
        if self._part.file is not None:
            # Closing flushes, and the disk may be full.
            with contextlib.suppress(OSError):
                self._part.file.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _refuse(self, status: int, detail: str) -> None:
        self.problem = self.problem or Problem(status, detail)

    def _refuse_field(self, key: str, problem: str) -> NoReturn:
        """Refuse the form for this field, and parse no more of it."""
        key = key if len(key) <= 60 else key[:57] + "..."
        errors = [{"key": key, "problem": problem}]
        self.problem = self.problem or Problem(
            422, f"Nothing is sent; refused: {key}", errors=errors
        )
        raise FormParserError

    def _refuse_as_too_large(self, detail: str) -> NoReturn:
        self._refuse(413, detail)
        raise FormParserError

    # -- callbacks of the parser --------------------------------------------------

    def _part_began(self) -> None:
        self._part = _Part()

    def _header_name_received(self, data: bytes, start: int, end: int) -> None:
        self._bound_header(end - start)
        self._part.header_name += data[start:end]

    def _header_value_received(self, data: bytes, start: int, end: int) -> None:
        self._bound_header(end - start)
        self._part.header_value += data[start:end]

    def _bound_header(self, octets: int) -> None:
        self._part.header_octets += octets
        if self._part.header_octets > LARGEST_PART_HEADER:
            self._refuse(
                400,
                f"The headers of a part of the form have up to {LARGEST_PART_HEADER} octets",
            )
            raise FormParserError

    def _header_ended(self) -> None:
        part = self._part
        if part.header_name.lower() == b"content-disposition":
            part.disposition = part.header_value
        part.header_name = part.header_value = b""

    def _headers_ended(self) -> None:
        part = self._part
        _, parameters = parse_options_header(part.disposition)
        part.name = parameters.get(b"name", b"").decode("utf-8", "replace")
        if part.name not in self._known:
            self._refuse_field(
                part.name, f"there is no such key; there are: {', '.join(_FIELDS)}"
            )
        if part.name != "page":
            self._values += 1
            if self._values > MOST_VALUES:
                self._refuse_as_too_large(
                    f"A form has up to {MOST_VALUES} values beside its pages"
                )
            part.value = bytearray()
            return
        part.filename = _filename(part.disposition, parameters)
        if part.filename is None:
            self._refuse_field(
                "page", "this is no file; allowed: a file (curl -F page=@letter.pdf)"
            )
        if part.filename:
            self._open(part.filename)

    def _open(self, filename: str) -> None:
        if len(self.originals) >= MOST_FILES:
            self._refuse_field("page", f"there are too many; allowed: up to {MOST_FILES} files")
        if self._directory is None:
            self._directory = self._make_directory()
        path = self._directory / f"{len(self.originals):04d}"
        self._part.file = path.open("wb")
        self.originals.append(Original(path=path, name=_printable(filename)))

    def _part_data_received(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.value is None:
            if part.file is None:
                # A browser sends an empty file field as an empty file without a name.
                self._open("")
            if part.file is not None:
                part.file.write(memoryview(data)[start:end])
            return
        self._value_octets += end - start
        if self._value_octets > LARGEST_VALUES:
            self._refuse_as_too_large(
                f"The values of a form have up to {LARGEST_VALUES} octets together"
            )
        part.value += data[start:end]

    def _part_ended(self) -> None:
        part = self._part
        if part.file is not None:
            part.file.close()
        elif part.value is not None:
            text = part.value.decode("utf-8", "replace")
            self.fields.setdefault(part.name, []).append(text)

    def _form_ended(self) -> None:
        self._ended = True


def _filename(disposition: bytes, parameters: dict[bytes, bytes]) -> str | None:
    """Return the file's name, empty where it has none; None where the part is no file.

    RFC 7578 forbids `filename*`, but some programs send nothing else.
    """
    plain = parameters.get(b"filename")
    if plain is not None:
        return plain.decode("utf-8", "replace")
    if b"filename*" not in disposition.lower():
        return None
    part = email.message.Message()
    try:
        part["Content-Disposition"] = disposition.decode("ascii")
        return part.get_filename("")
    except ValueError:
        return "?"


def _printable(filename: str) -> str:
    """Return a file's name for people: without its path, printable, not too long."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    name = re.sub(r"[^\x20-\x7e\xa1-\U0010ffff]", "?", name) or "a file"
    return name if len(name) <= 80 else name[:77] + "..."
