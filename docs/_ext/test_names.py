"""Whether a test that a page names is there. It imports no test and needs no sphinx."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_problem(identity: str) -> str:
    """Say what is wrong with a test's id, or nothing: module, then class and method where given."""
    parts = identity.split(".")
    for length in range(len(parts), 0, -1):
        file = REPOSITORY.joinpath(*parts[:length]).with_suffix(".py")
        if file.exists():
            source = file.read_text("utf-8")
            for defined in parts[length:]:
                if not re.search(rf"\b(?:class|def) {re.escape(defined)}\b", source):
                    return f"{file.name} has no {defined}"
            return ""
    return f"there is no test module {identity}"
