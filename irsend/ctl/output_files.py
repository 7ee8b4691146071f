"""Files that are saved: whole or not at all, and never over another file."""

from __future__ import annotations

import contextlib
import filecmp
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from irsend.ctl.errors import CannotSave


def save(path: Path, octets: Iterable[bytes]) -> bool:
    """Save the octets under this name; False where a file with the same content is there.

    Raises CannotSave where something else is there, or it cannot be written;
    what `octets` raises goes through. In both cases nothing of it is left.
    """
    # A temporary file in the same directory gets the name once it is complete.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            for piece in octets:
                file.write(piece)
        return _link_or_rename(beside, path)
    except OSError as error:
        raise CannotSave(f"{path}: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _link_or_rename(beside: Path, path: Path) -> bool:
    try:
        # A link, unlike a rename, does not replace a file that came there meanwhile.
        os.link(beside, path)
    except FileExistsError:
        if path.is_file() and filecmp.cmp(beside, path, shallow=False):
            return False
        raise CannotSave(
            f"{path} is there already, and is something else; it was left as it is"
        ) from None
    except OSError:
        # A file system without links (FAT).
        if os.path.lexists(path):
            raise CannotSave(f"{path} is there already; it was left as it is") from None
        beside.rename(path)
    return True
