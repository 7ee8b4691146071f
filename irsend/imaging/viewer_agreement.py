"""Whether a reader of PDF viewers_agree a xobject as it was decoded here.

A fax that was damaged on its way is decoded by each reader in its own way. Such
data is not carried over: all are to see the page that the machine saw.
"""

from __future__ import annotations

import io

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from irsend.imaging.image_xobject import ImageXObject
from irsend.imaging.page_layout import ImagePages

_A_SHEET = (8.0, 11.0)


def viewers_agree(xobject: ImageXObject, image: Image.Image) -> bool:
    """Say whether PDFium decodes a xobject to the pixels of an image."""
    written = io.BytesIO()
    with pikepdf.new() as pdf:
        ImagePages(pdf, "A4").add(xobject, _A_SHEET)
        pdf.save(written)
    try:
        document = pypdfium2.PdfDocument(written.getvalue())
    except pypdfium2.PdfiumError:
        return False
    try:
        for one in document[0].get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]):
            shown = one.get_bitmap().to_pil()
            return _same(shown, image)
    except pypdfium2.PdfiumError:
        return False
    finally:
        document.close()
    return False


def _same(one: Image.Image, other: Image.Image) -> bool:
    if one.size != other.size:
        return False
    # Octets are compared several times as fast as pixels.
    return one.convert("L").tobytes() == other.convert("L").tobytes()
