"""The pages of a received TIFF: each as an image XObject, or as a problem with its result code.

Each page is decoded, also where its data is passed through: only so it is known before
printing whether it can be. What libtiff reports at it is a problem of the page, which is printed
as far as it was decoded.

Standards: TIFF 6.0; BigTIFF; RFC 3949 (resolutions with pixels that are no squares).
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from typing import IO

from attrs import frozen
from PIL import Image, ImageCms, UnidentifiedImageError

from irsend.imaging.colour_fax import colour_page, is_colour_fax, tags_at
from irsend.imaging.fax_decoding import DecodedFax
from irsend.imaging.image_metadata import (
    MASK,
    REDUCED,
    density_of,
    kind_of,
    normalized,
    size_of,
)
from irsend.imaging.image_xobject import ImageXObject, compressed
from irsend.imaging.originals import DECODING_ERRORS, MOST_PIXELS
from irsend.imaging.paper_sizes import Size
from irsend.imaging.received_fax import received_fax
from irsend.imaging.strip_verification import is_damaged
from irsend.message.parsed_message import (
    NO_CODE,
    NOT_PRINTABLE,
    TIFF_WRONG,
    UNDECODABLE,
    Problem,
)

# No JPEG has a longer side, and each row of an image costs memory of its own.
_LONGEST_SIDE = 65_500
_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}


@frozen
class SizedImage:
    """An image XObject, and its size in inches."""

    xobject: ImageXObject
    size: Size


def tiff_pages(file: IO[bytes], name: str, most: int) -> Iterator[SizedImage | Problem]:
    """Give the pages of a TIFF, up to `most`, and its problems; no TIFF makes it raise."""
    file.seek(0)
    if file.read(4) not in _ORDERS:
        yield Problem(code=NOT_PRINTABLE, words=f"{name} is no TIFF.")
        return
    directories, whole = _directories(file, 2 * most + 2)
    if not whole:
        yield Problem(code=TIFF_WRONG, words=f"{name}: the structure of the TIFF is wrong.")
    if directories and _begins_in_colour(file, directories[0]):
        yield from _colour_pages(file, name, directories[:most])
        return
    file.seek(0)
    try:
        with warnings.catch_warnings():
            # A page that is too large is noted below, with its number.
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=("TIFF",))
    except Image.DecompressionBombError:
        yield _too_large(name, 1)
        return
    except UnidentifiedImageError:
        yield Problem(code=UNDECODABLE, words=f"{name} cannot be decoded.")
        return
    except (*DECODING_ERRORS, MemoryError):
        yield Problem(code=TIFF_WRONG, words=f"{name}: the structure of the TIFF is wrong.")
        return
    yield from _pages(image, file, name, directories, most)


def _pages(
    image: Image.Image, file: IO[bytes], name: str, directories: list[int], most: int
) -> Iterator[SizedImage | Problem]:
    number = 0
    # A file of reduced images only has no other pages.
    for pass_over in (REDUCED | MASK, MASK):
        for frame, directory in enumerate(directories):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    image.seek(frame)
                    if kind_of(image.tag_v2) & pass_over:  # type: ignore[attr-defined]
                        continue
            except EOFError:
                break
            except (Image.DecompressionBombError, *DECODING_ERRORS):
                number += 1
                yield _undecodable(name, number)
                # Pillow cannot go past a directory that it cannot read.
                return
            number += 1
            if number > most:
                return
            yield from _page(image, file, name, number, directory)
        if number:
            return
    yield Problem(code=TIFF_WRONG, words=f"{name} has no pages.")


def _page(
    image: Image.Image, file: IO[bytes], name: str, number: int, directory: int
) -> list[SizedImage | Problem]:
    """Return a page, and before it what was wrong with it."""
    if image.width * image.height > MOST_PIXELS or max(image.size) > _LONGEST_SIDE:
        return [_too_large(name, number)]
    found: list[SizedImage | Problem] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            density = density_of(image)
            tags = image.tag_v2  # type: ignore[attr-defined]
            fax = received_fax(tags, file, directory)
            if fax is not None:
                xobject = fax.xobject
                found += _fax_problems(fax.decoded, name, number)
            else:
                if is_damaged(tags, file, directory):
                    found.append(_damaged(name, number))
                image.load()
                xobject = compressed(normalized(image))
    except (Image.DecompressionBombError, *DECODING_ERRORS, MemoryError):
        return [_undecodable(name, number)]
    if xobject is not None:
        found.append(SizedImage(xobject, size_of((xobject.width, xobject.height), density)))
    return found


def _fax_problems(fax: DecodedFax | None, name: str, number: int) -> list[Problem]:
    """Return what is said of a fax that is not exact."""
    if fax is None:
        return []
    if not fax.legible:
        return [_undecodable(name, number)]
    found = []
    if fax.recovered:
        words = (
            f"{name}: page {number} is not what its tags say; it is printed as {fax.recovered}."
        )
        found.append(Problem(code=NO_CODE, words=words))
    if fax.damaged_rows:
        rows = f"{fax.damaged_rows} of its {fax.height} rows cannot be decoded"
        found.append(_damaged(name, number, rows))
    elif fax.more:
        found.append(_damaged(name, number, "its data goes on behind its last row"))
    return found


# -- colour fax -------------------------------------------------------------------------


def _begins_in_colour(file: IO[bytes], directory: int) -> bool:
    """Say whether the first page is a colour fax, which Pillow cannot open; then all pages are."""
    try:
        return is_colour_fax(tags_at(file, directory))
    except (*DECODING_ERRORS, MemoryError):
        return False


def _colour_pages(
    file: IO[bytes], name: str, directories: list[int]
) -> Iterator[SizedImage | Problem]:
    for number, directory in enumerate(directories, 1):
        try:
            tags = tags_at(file, directory)
            if not is_colour_fax(tags):
                raise ValueError("another kind of page")
            damaged = is_damaged(tags, file, directory)
            image, density = colour_page(tags, file)
        except (
            Image.DecompressionBombError,
            ImageCms.PyCMSError,
            *DECODING_ERRORS,
            MemoryError,
        ):
            yield _undecodable(name, number)
            continue
        if damaged:
            yield _damaged(name, number)
        yield SizedImage(compressed(image), size_of(image.size, density))


def _undecodable(name: str, number: int) -> Problem:
    return Problem(code=UNDECODABLE, words=f"{name}: page {number} cannot be decoded.")


def _damaged(name: str, number: int, how: str = "") -> Problem:
    words = f"{name}: page {number} is damaged{': ' if how else ''}{how}."
    return Problem(code=UNDECODABLE, words=words)


def _too_large(name: str, number: int) -> Problem:
    words = f"{name}: page {number} has more than {MOST_PIXELS} pixels, or a side of {_LONGEST_SIDE}."
    return Problem(code=UNDECODABLE, words=words)


def _directories(file: IO[bytes], most: int) -> tuple[list[int], bool]:
    """Return the offsets of a TIFF's directories, and whether their chain is right.

    Up to the first that is wrong: outside of the file, or the second time the same.
    """
    file.seek(0)
    head = file.read(16)
    order, big = _ORDERS[head[:4]], b"+" in head[2:4]
    count_form, next_form, entry = ("Q", "Q", 20) if big else ("H", "I", 12)
    found: dict[int, None] = {}
    try:
        (at,) = struct.unpack_from(order + next_form, head, 8 if big else 4)
        while at and len(found) < most:
            if at in found:
                return list(found), False
            file.seek(at)
            count = file.read(struct.calcsize(order + count_form))
            (entries,) = struct.unpack(order + count_form, count)
            if not 0 < entries < 65_536:
                return list(found), False
            found[at] = None
            file.seek(entries * entry, 1)
            following = file.read(struct.calcsize(order + next_form))
            # Some writers leave out the zero that ends the chain: that is an error all the same.
            (at,) = struct.unpack(order + next_form, following)
    except (struct.error, OSError, OverflowError, ValueError):
        return list(found), False
    return list(found), bool(found)
