"""Sizes of paper and resolutions, by their names on the panel."""

from __future__ import annotations

_MM = 25.4

PAPERS: dict[str, tuple[float, float]] = {
    "A4": (210 / _MM, 297 / _MM),
    "A3": (297 / _MM, 420 / _MM),
    "A5": (148 / _MM, 210 / _MM),
    "B4": (257 / _MM, 364 / _MM),
    "B5": (182 / _MM, 257 / _MM),
    "LTR": (8.5, 11.0),
    "LGL": (8.5, 14.0),
    "11X17": (11.0, 17.0),
}
"""Width and height in inches, upright."""
LARGEST = PAPERS["A3"]
"""The size of the glass: a larger page is reduced to it."""

_SMALLEST = 10 / _MM
"""The least width and height of a sheet [ours]; a PDF page has at least 3 points."""

Size = tuple[float, float]


def resolution_of(word: str) -> tuple[int, int]:
    """Return dots an inch, across and down, of a resolution such as 200x100."""
    across, _, down = word.partition("x")
    return int(across), int(down)


def upright(paper: Size, page: Size) -> Size:
    """Return the paper turned as the page is."""
    return paper if page[0] <= page[1] else (paper[1], paper[0])


def paper_for(paper: str, page: Size) -> Size:
    """Return the paper for a page, in inches.

    "auto" is the page's own size, no larger than the glass and no smaller than 10 mm.
    """
    if paper != "auto":
        return upright(PAPERS[paper], page)
    glass = upright(LARGEST, page)
    shrunk = min(1.0, glass[0] / page[0], glass[1] / page[1])
    return max(page[0] * shrunk, _SMALLEST), max(page[1] * shrunk, _SMALLEST)
