"""The scan worker: makes the attachments of one sending, and ends.

It reads one order from its input, and writes an answer a line to its output:

    {"page": 1, "of": 3}
    {"made": ["scan.pdf"], "type": "application/pdf", "pages": 3}
    {"refused": "x.pdf is encrypted; ..."}
    {"full": true}

The last says that the attachments would be larger than the order allows.

It limits its own resources, so that a file made to break a decoder breaks this
process and nothing else.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from irsend.errors import MemoryFull, ScanRefused
from irsend.imaging.resource_limits import MEMORY, limit


class Order(TypedDict):
    """What is to be made of which originals."""

    originals: list[tuple[str, str]]
    """Path and name of each."""
    form: dict[str, str]
    """Fields of `attachments.AttachmentOptions`."""
    into: str
    most_pages: int
    most_octets: int
    seconds: int
    """Of CPU."""


def main() -> None:
    """Carry out the order."""
    order: Order = json.load(sys.stdin)
    limit(resource.RLIMIT_AS, MEMORY)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, order["seconds"])
    os.nice(5)
    try:
        _answer(_scan(order))
    except ScanRefused as refused:
        _answer({"refused": str(refused)})
    except MemoryFull:
        _answer({"full": True})
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        _answer({"full": True})
    except MemoryError:
        _answer({"refused": "reading the originals takes too much memory"})


def _scan(order: Order) -> dict[str, object]:
    # Imported once the limits hold: these modules decode.
    from irsend.imaging.attachments import AttachmentOptions, make_files
    from irsend.imaging.originals import Original, read_pages
    from irsend.imaging.paper_sizes import resolution_of

    form = AttachmentOptions(**order["form"])
    # The limit on files holds for compiled modules too: Python would leave half of one in its cache.
    sys.dont_write_bytecode = True
    most_octets = order["most_octets"]
    limit(resource.RLIMIT_FSIZE, most_octets)
    originals = [Original(path=Path(path), name=name) for path, name in order["originals"]]
    total, pages = read_pages(originals, resolution_of(form.resolution), order["most_pages"])
    made, of_type = make_files(
        pages,
        total,
        form,
        Path(order["into"]),
        lambda page: _answer({"page": page, "of": total}),
        most_octets,
    )
    return {"made": [path.name for path in made], "type": of_type, "pages": total}


def _answer(words: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
