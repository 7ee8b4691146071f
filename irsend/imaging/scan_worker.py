"""The scan worker: makes the attachments of one sending, and ends.

It takes one order on its input, and says on its output line by line how far it is:

    {"page": 1, "of": 3}
    {"made": ["scan.pdf"], "type": "application/pdf", "pages": 3}
    {"refused": "x.pdf is encrypted; ..."}
    {"full": true}

The last says that what it was to make would be larger than the order allows.

It limits itself, so that a file made to break a decoder breaks this process and
nothing else.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from irsend.errors import MemoryFull, ScanRefused
from irsend.imaging.resource_limits import MEMORY, limit


def main() -> None:
    """Do what the order says."""
    order = json.load(sys.stdin)
    limit(resource.RLIMIT_AS, MEMORY)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, order["seconds"])
    os.nice(5)
    try:
        _say(_scan(order))
    except ScanRefused as refused:
        _say({"refused": str(refused)})
    except MemoryFull:
        _say({"full": True})
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        _say({"full": True})
    except MemoryError:
        _say({"refused": "reading the originals takes too much memory"})


def _scan(order: dict[str, Any]) -> dict[str, Any]:
    # Behind the limits: what is imported here is what decodes.
    from irsend.imaging.attachments import Form, make_files
    from irsend.imaging.originals import Original, read_pages
    from irsend.imaging.paper_sizes import resolution_of

    form = Form(**order["form"])
    # A limit on files holds for what Python compiles too, and would leave half of it in its cache.
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
        lambda page: _say({"page": page, "of": total}),
        most_octets,
    )
    return {"made": [path.name for path in made], "type": of_type, "pages": total}


def _say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
