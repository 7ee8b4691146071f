"""One page of a PDF, opened by PDFium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pypdfium2

from irsend.errors import ScanRefused


@contextmanager
def open_page(file: Path, page: int) -> Iterator[pypdfium2.PdfPage]:
    """Open a page, counted from 1; ScanRefused where the file is no PDF or has no such page."""
    try:
        pdf = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError:
        raise ScanRefused(f"{file.name} cannot be read as PDF") from None
    try:
        if not 1 <= page <= len(pdf):
            raise ScanRefused(f"{file.name} has {len(pdf)} pages, and no page {page}")
        yield pdf[page - 1]
    finally:
        pdf.close()
