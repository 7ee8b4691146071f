"""Saves printed documents as files (`tray --save`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

from irsend.ctl.errors import REFUSED, WRONG_USE, CannotSave, MachineRefused
from irsend.ctl.invocation import Invocation
from irsend.ctl.json_values import JsonObject
from irsend.ctl.output import print_error
from irsend.ctl.output_files import save


@define(eq=False)
class DocumentSaving:
    """Saves documents into a directory; keeps the list of files and the exit status."""

    call: Invocation
    directory: Path
    dots: int | None
    """Resolution of the page images; None: no page images."""
    saved: list[dict[str, object]] = field(factory=list)
    status: int = 0

    def save(self, document: JsonObject) -> None:
        """Save one document; a failure is printed, and does not stop the next."""
        number = str(document.get("number"))
        if not re.fullmatch(r"[0-9]{4}", number):
            # The number becomes the name of a file.
            raise self.call.machine.not_irsend("a document has no number of four digits")
        files: list[str] = []
        try:
            for name, path, media_type, query in self._parts(number, document):
                self._save_file(self.directory / name, path, media_type, query)
                files.append(str(self.directory / name))
        except CannotSave as error:
            self._report_failure(f"{error}.", WRONG_USE)
        except MachineRefused as error:
            if not error.concerns_one:
                raise
            self._report_failure(str(error), REFUSED)
        if files:
            self.saved.append({"number": number, "files": files})

    def _parts(
        self, number: str, document: JsonObject
    ) -> Iterator[tuple[str, str, str, dict[str, object]]]:
        """Yield the files of a document: name, path at the machine, media type, query."""
        yield f"{number}.pdf", f"/api/tray/{number}.pdf", "application/pdf", {}
        if self.dots is not None:
            for page in range(1, int(str(document["pages"])) + 1):
                path = f"/api/tray/{number}/{page}.png"
                yield f"{number}-{page}.png", path, "image/png", {"dots": self.dots}

    def _save_file(
        self, file: Path, path: str, media_type: str, query: dict[str, object]
    ) -> None:
        with self.call.machine.file(path, media_type, **query) as octets:
            is_new = save(file, octets)
        if not self.call.as_json:
            said = f"Saved {file}" if is_new else f"{file} is there already."
            self.call.output.line(said)

    def _report_failure(self, sentence: str, status: int) -> None:
        print_error(sentence)
        self.status = max(self.status, status)
