"""img2pdf: the library, each file of a line into the PDF that the line names then."""

from __future__ import annotations

import sys

import img2pdf


def main() -> None:
    """Do what the lines say until there are no more."""
    print("ready", flush=True)
    for line in sys.stdin:
        tiff, pdf = line.split()
        with open(pdf, "wb") as written:
            img2pdf.convert(tiff, outputstream=written)
        print("done", flush=True)


if __name__ == "__main__":
    main()
