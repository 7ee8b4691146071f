"""What no linter holds: tests are told by their docstrings, modules by their first line, and stay small."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from twisted.trial import unittest

_TOP = Path(__file__).resolve().parent.parent
_LONGEST_MODULE = 480
# Past 350 lines a module needs an argument, which stands in docs/architecture.
_LONG_MODULES = {
    "irsend/protocols/esmtp_client.py",
    "irsend/protocols/esmtp.py",
    "irsend/protocols/pop3_client.py",
    "irsend/protocols/pop3_server.py",
}


class StyleTests(unittest.SynchronousTestCase):
    """The repository as a newcomer reads it."""

    def test_tests_have_docstrings(self) -> None:
        """Each test says in a sentence what would be false if it failed."""
        missing = [
            f"{path.relative_to(_TOP)}:{node.lineno} {node.name}"
            for path in (_TOP / "tests").rglob("test_*.py")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and re.fullmatch(r"test_\w{3,}", node.name)
            and not ast.get_docstring(node)
        ]
        self.assertEqual(missing, [])

    def test_modules_have_captions(self) -> None:
        """Each module of irsend begins with a line that says what it is."""
        missing = [
            str(path.relative_to(_TOP))
            for path in (_TOP / "irsend").rglob("*.py")
            if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
        ]
        self.assertEqual(missing, [])

    def test_modules_are_read_in_one_sitting(self) -> None:
        """No module is longer than 350 lines but those that have an argument."""
        long = {
            str(path.relative_to(_TOP))
            for path in (_TOP / "irsend").rglob("*.py")
            if len(path.read_text("utf-8").splitlines()) > 350
        }
        self.assertEqual(long - _LONG_MODULES, set())
        self.assertEqual(
            [
                name
                for name in _LONG_MODULES
                if len((_TOP / name).read_text("utf-8").splitlines()) > _LONGEST_MODULE
            ],
            [],
        )
