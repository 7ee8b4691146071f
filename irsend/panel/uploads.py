"""Uploads: the files of a multipart form, written to the disk as they come.

A form of pages is never in memory, and its words are few. Where it is wrong, the
rest of it is read and thrown away, so that its sender hears why.

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
"""Of a form: as many destinations as there may be, and the other words with room to spare."""
LARGEST_VALUES = 1_000_000
"""Octets of them together."""
LONGEST_HEAD = 16_384
"""Octets in front of a part."""
_WORDS = ("page", *ORDER_ITEMS)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# What is wrong with a form is told to its sender, and is nothing for the machine's log.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@define(eq=False)
class _Part:
    """What is known of the part that is being read."""

    head: int = 0
    """Octets of its headers so far."""
    header_name: bytes = b""
    header_value: bytes = b""
    disposition: bytes = b""
    name: str = ""
    filename: str | None = None
    value: bytearray | None = field(default=None, repr=False)
    file: IO[bytes] | None = None


class Upload:
    """One form that is arriving. `directory` is made with the first file; `discard` removes it."""

    log = Logger()

    def __init__(
        self,
        content_type: bytes,
        make_directory: Callable[[], Path],
        most: int,
        also: tuple[str, ...] = (),
    ) -> None:
        self._make_directory = make_directory
        self._known = (*_WORDS, *also)
        self.most = most
        self._taken = 0
        self._directory: Path | None = None
        self._values = self._value_octets = 0
        self._part = _Part()
        self._ended = False
        self.problem: Problem | None = None
        """Why it cannot be taken."""
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
                "on_header_field": self._header_name_came,
                "on_header_value": self._header_value_came,
                "on_header_end": self._header_ended,
                "on_headers_finished": self._headers_ended,
                "on_part_data": self._data_came,
                "on_part_end": self._part_ended,
                "on_end": self._form_ended,
            },
        )
        # Bounded here, part by part, so that it can be said in words.
        self._parser.max_header_count = self._parser.max_header_size = 2**31

    def feed(self, octets: bytes) -> None:
        """Take the next octets of the body."""
        self._taken += len(octets)
        if self._taken > self.most:
            self._refuse(413, f"The originals have up to {self.most} octets together")
        if self.problem is not None:
            return
        try:
            self._parser.write(octets)
        except FormParserError:
            self._refuse(400, "The form is damaged")
        except OSError as error:
            if error.errno in _FULL:
                self._refuse(507, "There is no room for the originals on the disk")
            else:
                self.log.error("Originals cannot be kept: {error}", error=error)
                self._refuse(500, "The originals cannot be kept on the machine's disk")

    def finish(self) -> None:
        """Hear that the body has ended; Problem where it cannot be used."""
        if self.problem is None and not self._ended:
            self._refuse(400, "The form is damaged: it has no end")
        if self.problem is not None:
            raise self.problem

    def discard(self) -> None:
        """Remove what was written; once more does no harm."""
        if self._part.file is not None:
            # It writes what it still holds, for which there may be no room.
            with contextlib.suppress(OSError):
                self._part.file.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _refuse(self, status: int, why: str) -> None:
        self.problem = self.problem or Problem(status, why)

    def _stop(self, key: str, why: str) -> NoReturn:
        """Refuse for something about this key, and read no more of the form."""
        key = key if len(key) <= 60 else key[:57] + "..."
        errors = [{"key": key, "problem": why}]
        self.problem = self.problem or Problem(
            422, f"Nothing is sent; refused: {key}", errors=errors
        )
        raise FormParserError

    def _stop_as_too_much(self, why: str) -> NoReturn:
        self._refuse(413, why)
        raise FormParserError

    # -- what the parser hears --------------------------------------------------

    def _part_began(self) -> None:
        self._part = _Part()

    def _header_name_came(self, data: bytes, start: int, end: int) -> None:
        self._bound_head(end - start)
        self._part.header_name += data[start:end]

    def _header_value_came(self, data: bytes, start: int, end: int) -> None:
        self._bound_head(end - start)
        self._part.header_value += data[start:end]

    def _bound_head(self, octets: int) -> None:
        self._part.head += octets
        if self._part.head > LONGEST_HEAD:
            self._refuse(
                400, f"The headers of a part of the form have up to {LONGEST_HEAD} octets"
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
            self._stop(part.name, f"there is no such key; there are: {', '.join(_WORDS)}")
        if part.name != "page":
            self._values += 1
            if self._values > MOST_VALUES:
                self._stop_as_too_much(
                    f"A form has up to {MOST_VALUES} values beside its pages"
                )
            part.value = bytearray()
            return
        part.filename = _filename(part.disposition, parameters)
        if part.filename is None:
            self._stop("page", "this is no file; allowed: a file (curl -F page=@letter.pdf)")
        if part.filename:
            self._open(part.filename)

    def _open(self, filename: str) -> None:
        if len(self.originals) >= MOST_FILES:
            self._stop("page", f"there are too many; allowed: up to {MOST_FILES} files")
        if self._directory is None:
            self._directory = self._make_directory()
        path = self._directory / f"{len(self.originals):04d}"
        self._part.file = path.open("wb")
        self.originals.append(Original(path=path, name=_shown(filename)))

    def _data_came(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.value is None:
            if part.file is None:
                # A browser sends an empty box as a file of no name with nothing in it.
                self._open("")
            if part.file is not None:
                part.file.write(memoryview(data)[start:end])
            return
        self._value_octets += end - start
        if self._value_octets > LARGEST_VALUES:
            self._stop_as_too_much(
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

    RFC 7578 forbids `filename*`, and there are programs that send nothing else.
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


def _shown(filename: str) -> str:
    """Return a file's name as sentences have it: without its path, printable, not too long."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    name = re.sub(r"[^\x20-\x7e\xa1-\U0010ffff]", "?", name) or "a file"
    return name if len(name) <= 80 else name[:77] + "..."
