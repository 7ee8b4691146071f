"""A light installation: an environment that has irsend and what it always needs, and no extra.

Nothing is downloaded: the packages are those of the environment that runs the tests, by
symbolic links.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

_TOP = Path(__file__).resolve().parent.parent


def needed(extra: str = "") -> dict[str, Distribution]:
    """Return the distributions that `pip install irsend[EXTRA]` installs, without irsend, by name."""
    seen: set[tuple[str, str]] = set()
    waiting = {("irsend", extra)}
    while waiting:
        seen |= waiting
        waiting = {two for one in waiting for two in required(*one)} - seen
    return {name: distribution(name) for name, _ in seen if name != "irsend"}


def required(name: str, extra: str) -> set[tuple[str, str]]:
    """Return name and extra of each package that a distribution requires."""
    required = set()
    for line in distribution(name).requires or ():
        one = Requirement(line)
        if one.marker is None or one.marker.evaluate({"extra": extra}):
            its_name = re.sub(r"[-_.]+", "-", one.name).lower()
            required |= {(its_name, each) for each in ("", *one.extras)}
    return required


def size(distributions: dict[str, Distribution]) -> int:
    """Return the octets that these occupy on the disk, as du counts, without Python's bytecode."""
    blocks = 0
    for one in distributions.values():
        for file in one.files or ():
            path = Path(str(one.locate_file(file)))
            if path.suffix != ".pyc" and path.exists():
                blocks += path.stat().st_blocks
    return blocks * 512


def make(directory: Path) -> Path:
    """Make the environment in a directory that is not there yet; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    (packages,) = directory.glob("lib/python*/site-packages")
    for one in needed().values():
        for file in one.files or ():
            # A directory is linked as a whole, but for namespaces that packages share.
            parts = file.parts[:2] if file.parts[0] == "zope" else file.parts[:1]
            if parts[0] in ("..", "__pycache__"):
                continue
            link = packages.joinpath(*parts)
            link.parent.mkdir(exist_ok=True)
            if not link.exists():
                link.symlink_to(Path(str(one.locate_file("")), *parts).resolve())
    (packages / "irsend").symlink_to(_TOP / "irsend")
    return directory / "bin" / "python"
