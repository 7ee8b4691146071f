"""Files that are saved: whole or not at all, and never in the place of another one."""

from __future__ import annotations

import contextlib
import filecmp
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from irsend.ctl.errors import CannotSave


def save(path: Path, octets: Iterable[bytes]) -> bool:
    """Save what comes under this name; False where just that is there already.

    Raises CannotSave where something else is there, or it cannot be written;
    what `octets` raises goes through. In both cases nothing of it is left.
    """
    # Beside it, so that the name is given to it once it is whole.
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
        # What has come there meanwhile is not lost either, as it would be by a rename.
        os.link(beside, path)
    except FileExistsError:
        if path.is_file() and filecmp.cmp(beside, path, shallow=False):
            return False
        raise CannotSave(
            f"{path} is there already, and is something else; it was left as it is"
        ) from None
    except OSError:
        # A file system without links (FAT); FileExistsError is told first where it has them.
        if os.path.lexists(path):
            raise CannotSave(f"{path} is there already; it was left as it is") from None
        beside.rename(path)
    return True
