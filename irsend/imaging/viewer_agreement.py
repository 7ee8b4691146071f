"""Whether PDF viewers show a fax as it was decoded here.

Each viewer decodes a damaged fax in its own way. Such data is not passed
through: all viewers are to show the page that was decoded here.
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
    """Say whether PDFium decodes an XObject to the pixels of an image."""
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
    # Comparing octets is several times as fast as comparing pixels.
    return one.convert("L").tobytes() == other.convert("L").tobytes()
