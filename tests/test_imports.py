"""The imports of irsend, read from its source, are those of tests/import_table.py."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import irsend
from tests.import_table import (
    MAY_IMPORT,
    REACTOR_BY_NAME,
    WITHOUT_RINGS,
    WITHOUT_TWISTED,
)

ROOT = Path(irsend.__file__).parent


def imports_of(source: str, module: str) -> Iterator[str]:
    """Give the whole name of everything that a module imports, wherever in it."""
    package = module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                origin = ".".join([*above, *([origin] if origin else [])])
            for alias in node.names:
                yield f"{origin}.{alias.name}"


def modules() -> Iterator[tuple[str, Path]]:
    """Give name and path of each module of irsend."""
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(["irsend", *path.relative_to(ROOT).with_suffix("").parts])
        yield name, path


def part_of(name: str) -> str:
    """Return the part that a whole name belongs to: the longest row that fits; empty for none."""
    part = name.removeprefix("irsend.")
    while part not in MAY_IMPORT and "." in part:
        part = part.rpartition(".")[0]
    return part if part in MAY_IMPORT else ""


def module_of(name: str) -> str:
    """Return the longest module that a whole name begins with: what behind it stands in that module."""
    while name not in MODULES and "." in name:
        name = name.rpartition(".")[0]
    return name


def ring_in(imports: Iterable[tuple[str, str]]) -> list[str]:
    """Return the modules of a ring of imports, the first one again at its end; empty for none."""
    graph: TopologicalSorter[str] = TopologicalSorter()
    for module, imported in imports:
        if module != imported:
            graph.add(module, imported)
    try:
        graph.prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return ring
    return []


MODULES = {name.removesuffix(".__init__") for name, _ in modules()}

ALL = [
    (module, imported)
    for module, path in modules()
    for imported in imports_of(path.read_text("utf-8"), module)
]


class ReadingTests(SynchronousTestCase):
    """What this test takes for an import."""

    def test_forms(self) -> None:
        """Imports are found in every form, at the top, in functions and behind conditions."""
        source = (
            "import a\nimport b.c as d\nfrom e import f\n"
            "def g():\n    from h.i import j, k\n"
            "if TYPE_CHECKING:\n    from l import m\n"
            "from . import n\nfrom .o import p\nfrom ..q import r\n"
        )
        self.assertEqual(
            list(imports_of(source, "irsend.x.y")),
            [
                "a",
                "b.c",
                "e.f",
                "irsend.x.n",
                "irsend.x.o.p",
                "irsend.q.r",
                "h.i.j",
                "h.i.k",
                "l.m",
            ],
        )

    def test_rings(self) -> None:
        """A ring is found over two modules and over three, and none in a diamond."""
        self.assertEqual(
            ring_in([("a", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]), []
        )
        self.assertEqual(set(ring_in([("a", "b"), ("b", "c"), ("c", "b")])), {"b", "c"})
        self.assertEqual(set(ring_in([("a", "b"), ("b", "c"), ("c", "a")])), {"a", "b", "c"})


class ImportTests(SynchronousTestCase):
    """The house stands on its ground."""

    def test_every_part_is_in_the_table(self) -> None:
        """Each module and package right below irsend has its row."""
        parts = {
            path.stem
            for path in ROOT.iterdir()
            if (path.suffix == ".py" and path.stem != "__init__")
            or (path.is_dir() and any(path.glob("*.py")))
        }
        self.assertEqual(parts - set(MAY_IMPORT), set())

    def test_table(self) -> None:
        """No part imports another that its row does not name."""
        wrong = [
            f"{module} imports {imported}"
            for module, imported in ALL
            if imported.split(".")[0] == "irsend"
            and part_of(imported)
            and part_of(imported) != part_of(module)
            and part_of(imported) not in MAY_IMPORT.get(part_of(module), ())
        ]
        self.assertEqual(wrong, [])

    def test_table_goes_upwards(self) -> None:
        """Each row names only parts of the rows above it: there is no circle."""
        above: set[str] = set()
        for part, allowed in MAY_IMPORT.items():
            self.assertEqual(set(allowed) - above, set(), part)
            above.add(part)

    def test_no_rings(self) -> None:
        """No module of these packages imports itself by way of others, also not for its types alone."""
        for package in WITHOUT_RINGS:
            inside = f"irsend.{package}"
            ring = ring_in(
                (module.removesuffix(".__init__"), module_of(imported))
                for module, imported in ALL
                if f"{module}.".startswith(f"{inside}.")
                and f"{imported}.".startswith(f"{inside}.")
            )
            self.assertEqual(ring, [], package)

    def test_nothing_imports_tap(self) -> None:
        """The command line is imported by twistd and `irsend-machine` alone."""
        importers = {module for module, imported in ALL if imported.startswith("irsend.tap")}
        self.assertEqual(importers, {"irsend.machine_program"})

    def test_reactor(self) -> None:
        """The reactor is imported by name where the table says so, and handed in elsewhere."""
        wrong = [
            module
            for module, imported in ALL
            if imported.startswith("twisted.internet.reactor")
            and part_of(module) not in REACTOR_BY_NAME
        ]
        self.assertEqual(wrong, [])

    def test_without_twisted(self) -> None:
        """Values and the client of the HTTP interface do without Twisted."""
        wrong = [
            f"{module} imports {imported}"
            for module, imported in ALL
            if part_of(module) in WITHOUT_TWISTED and imported.split(".")[0] == "twisted"
        ]
        self.assertEqual(wrong, [])

    def test_no_tests(self) -> None:
        """What is installed imports nothing of the tests."""
        wrong = [module for module, imported in ALL if imported.split(".")[0] == "tests"]
        self.assertEqual(wrong, [])
