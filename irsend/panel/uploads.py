"""Uploads: the files of a multipart form, written to the disk as they come.

A form of pages is never in memory. Where it is wrong, the rest of it is read and
thrown away, so that its sender hears why.

Standards: RFC 7578 (multipart/form-data), RFC 6266 (file names).
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from attrs import define, field
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from irsend.device.orders import Original
from irsend.panel.problems import Problem

_MOST_FILES = 1000
_LONGEST_HEADER = 16_384
_LONGEST_FIELD = 1_000_000
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@define(eq=False)
class _Part:
    """What is known of the part that is being read."""

    header_name: bytes = b""
    header_value: bytes = b""
    disposition: bytes = b""
    name: str = ""
    value: bytearray | None = field(default=None, repr=False)
    file: IO[bytes] | None = None


class Upload:
    """One form that is arriving. `directory` is made with the first file; `discard` removes it."""

    def __init__(
        self, content_type: bytes, make_directory: Callable[[], Path], most: int
    ) -> None:
        self._make_directory = make_directory
        self.most = most
        self._taken = 0
        self._directory: Path | None = None
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
            if error.errno not in _FULL:
                raise
            self._refuse(507, "There is no room for the originals on the disk")

    def finish(self) -> None:
        """Hear that the body has ended; Problem where it cannot be used."""
        if self.problem is None and not self._ended:
            self._refuse(400, "The form is damaged: it has no end")
        if self.problem is not None:
            raise self.problem

    def discard(self) -> None:
        """Remove what was written; once more does no harm."""
        if self._part.file is not None:
            self._part.file.close()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _refuse(self, status: int, why: str) -> None:
        self.problem = self.problem or Problem(status, why)

    # -- what the parser hears --------------------------------------------------

    def _part_began(self) -> None:
        self._part = _Part()

    def _header_name_came(self, data: bytes, start: int, end: int) -> None:
        self._part.header_name += data[start:end]
        self._bound()

    def _header_value_came(self, data: bytes, start: int, end: int) -> None:
        self._part.header_value += data[start:end]
        self._bound()

    def _bound(self) -> None:
        part = self._part
        if len(part.header_name) + len(part.header_value) > _LONGEST_HEADER:
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
        filename = parameters.get(b"filename")
        if filename is None or part.name != "page":
            part.value = bytearray()
            return
        if len(self.originals) >= _MOST_FILES:
            raise FormParserError
        if self._directory is None:
            self._directory = self._make_directory()
        path = self._directory / f"{len(self.originals):04d}"
        part.file = path.open("wb")
        self.originals.append(Original(path=path, name=_shown(filename)))

    def _data_came(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.file is not None:
            part.file.write(memoryview(data)[start:end])
        elif part.value is not None:
            part.value += data[start:end]
            if len(part.value) > _LONGEST_FIELD:
                raise FormParserError

    def _part_ended(self) -> None:
        part = self._part
        if part.file is not None:
            part.file.close()
        elif part.value is not None:
            text = part.value.decode("utf-8", "replace")
            self.fields.setdefault(part.name, []).append(text)

    def _form_ended(self) -> None:
        self._ended = True


def _shown(filename: bytes) -> str:
    """Return a file's name as sentences have it: without its path, printable, not too long."""
    name = PurePosixPath(filename.decode("utf-8", "replace").replace("\\", "/")).name
    name = re.sub(r"[^\x20-\x7e\xa1-\U0010ffff]", "?", name) or "a file"
    return name if len(name) <= 80 else name[:77] + "..."
