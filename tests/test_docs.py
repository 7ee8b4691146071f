"""The documentation says what the code does: generated parts, names, commands, the example."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from irsend.device import load_model, model_names
from irsend.device.codes import CODES
from irsend.device.items import items_of
from irsend.device.quirks import Quirks
from irsend.device.windows import ITEMS
from irsend.panel import openapi
from irsend.testing import PrinterMixin
from tests import test_style
from tests.live.postfix import OLD_TLS

_REPOSITORY = Path(__file__).parents[1]
_DOCS = _REPOSITORY / "docs"
_PAGES = sorted(_DOCS.glob("*.rst"))
_READ_FIRST = [_REPOSITORY / "README.md", _REPOSITORY / "CONTRIBUTING.md"]


def _extension(name: str) -> ModuleType:
    """Import a module of docs/_ext, as sphinx does."""
    sys.path.insert(0, str(_DOCS / "_ext"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(_DOCS / "_ext"))


def _roles(name: str) -> Iterator[tuple[str, str]]:
    for page in _PAGES:
        for target in re.findall(rf":{name}:`([^`]+)`", page.read_text("utf-8")):
            yield page.name, target


class GeneratedTests(SynchronousTestCase):
    """What the pages take from the code is all of it, once."""

    def setUp(self) -> None:
        self.generated = _extension("generated")

    def entries(self, part: str) -> list[str]:
        return re.findall(
            r"^\.\. confval:: (\S+)$", "\n".join(getattr(self.generated, part)()), re.M
        )

    def test_settings(self) -> None:
        """The page of settings has each key of the windows once, in the panel's order."""
        self.assertEqual(self.entries("settings"), list(ITEMS))

    def test_settings_told(self) -> None:
        """Beside each key stand its label, its meaning and what is allowed."""
        page = re.sub(r"[\\`]", "", "\n".join(self.generated.settings()))
        for key, about in ITEMS.items():
            entry = page.partition(f".. confval:: {key}\n")[2].partition(".. confval::")[0]
            self.assertIn(f"**{about.label}.**\n   {about.meaning}", entry)
            self.assertIn(f":Allowed: {about.kind.allowed}\n", entry)

    def test_absent_settings(self) -> None:
        """An item that some models lack says which."""
        key = "authent_encryption.allow_ssl_smtp_receive"
        entry = "\n".join(self.generated.settings()).partition(f".. confval:: {key}\n")[2]
        lacking = [name for name in model_names() if not load_model(name).has_item(key)]
        self.assertLessEqual({"estudio190f", "ir2200"}, set(lacking))
        there = ", ".join(f"``{name}``" for name in lacking)
        self.assertIn(f"Not on {there}.", entry.partition(".. confval::")[0])

    def test_configuration(self) -> None:
        """The pages of settings and configuration have every key of etc/irsend.toml once."""
        shown = self.entries("settings") + self.entries("configuration")
        self.assertEqual(sorted(shown), sorted(self.generated.declared_keys()))
        self.assertEqual(len(shown), len(set(shown)))

    def test_models(self) -> None:
        """The page of models has each model with its ciphers, mechanisms and addresses of sources."""
        page = "\n".join(self.generated.models())
        for name in model_names():
            model = load_model(name)
            entry = page.partition(f".. _model-{name}:\n")[2].partition("\n.. _model-")[0]
            self.assertIn(f"``{name}``, {model.maker}, {model.year}.", entry)
            self.assertIn(", ".join(f"``{one}``" for one in model.sasl.plain), entry)
            if model.tls is not None:
                self.assertIn(f"``{model.tls.ciphers}``", entry)
            for source in model.provenance.sources:
                self.assertIn(f"`{source.address} <{source.address}>`__,", entry)

    def test_models_compared(self) -> None:
        """The table that compares the models has a row for each, with its TLS and what is special."""
        table = "\n".join(self.generated.models()).partition(".. _model-")[0]
        self.assertEqual(table.count("* - :ref:"), len(model_names()))
        row = re.search(r":ref:`hp-m276 <.*?(?=\* - :ref:)", table, re.S)
        assert row is not None
        self.assertIn("- SSL 3.0 only\n", row[0])
        self.assertIn("- SSL 3.0 only: no protocol in common", row[0])

    def test_codes(self) -> None:
        """Each result code is on the page with its meaning."""
        table = "\n".join(self.generated.codes())
        for code, meaning in CODES.items():
            self.assertIn(f"* - ``{code}``\n     - {meaning}\n", table + "\n")

    def test_routes(self) -> None:
        """Each route and method of the OpenAPI document is on the page once."""
        paths = openapi.description(load_model("ir2270"), asks_for_password=False)["paths"]
        routes = [f"{method.upper()} {path}" for path, each in paths.items() for method in each]
        shown = re.findall(
            r"^   \* - ``([A-Z]+ /[^`]*)``$", "\n".join(self.generated.routes()), re.M
        )
        self.assertEqual(shown, routes)

    def test_import_table(self) -> None:
        """The import table shown is the one that is held."""
        from tests.import_table import MAY_IMPORT

        self.assertEqual(self.generated.import_rules().MAY_IMPORT, MAY_IMPORT)
        table = "\n".join(self.generated.import_table())
        for part in MAY_IMPORT:
            self.assertEqual(table.count(f"* - ``{part}``\n"), 1)

    def test_transcripts(self) -> None:
        """Every conversation stands on the page whole, under a label that pages link to."""
        page = self.generated.transcripts()
        for file in sorted((_REPOSITORY / "tests" / "transcripts").glob("*.txt")):
            self.assertIn(f".. _transcript-{file.stem}:", page)
            for line in file.read_text("utf-8").rstrip().split("\n")[1:]:
                self.assertIn(f"   {line}", page)


class NameTests(SynchronousTestCase):
    """What the pages name is there."""

    def test_pages(self) -> None:
        """Every page stands in the table of contents."""
        contents = (_DOCS / "index.rst").read_text("utf-8")
        for page in _PAGES:
            if page.stem != "index":
                self.assertRegex(contents, rf"(?m)^   {page.stem}$")

    def test_parts(self) -> None:
        """Every part that a page asks for is one that is made."""
        generated = _extension("generated")
        for page in _PAGES:
            for part in re.findall(r"^\.\. irsend:: (\w+)$", page.read_text("utf-8"), re.M):
                self.assertIn(part, generated.__all__, page.name)

    def test_transcripts(self) -> None:
        """Every conversation that a page names is a file of tests/transcripts."""
        named = list(_roles("transcript"))
        self.assertGreater(len(named), 30)
        for page, name in named:
            file = _REPOSITORY / "tests" / "transcripts" / f"{name}.txt"
            self.assertTrue(file.exists(), f"{page}: {name}")

    def test_every_transcript_is_named(self) -> None:
        """Every conversation is evidence of fidelity or of a quirk, but those that are told here."""
        page = (_DOCS / "fidelity.rst").read_text("utf-8")
        named = set(re.findall(r":transcript:`([^`]+)`", page))
        named |= {
            name
            for _, about, _ in items_of(Quirks)
            for name in getattr(about, "conversations", ())
        }
        files = {one.stem for one in (_REPOSITORY / "tests" / "transcripts").glob("*.txt")}
        self.assertEqual(sorted(files - named), sorted(_OF_NO_STATEMENT & files))

    def test_tests(self) -> None:
        """Every test that a page names has its module, class and method."""
        named = list(_roles("test"))
        self.assertGreater(len(named), 20)
        problem_of = _extension("test_names").test_problem
        for page, identity in named:
            self.assertEqual(problem_of(identity), "", page)

    def test_missing_tests_are_noticed(self) -> None:
        """A test that there is not is told from one that there is."""
        problem_of = _extension("test_names").test_problem
        own = "tests.test_docs.NameTests"
        self.assertEqual(problem_of(f"{own}.test_tests"), "")
        self.assertIn("has no test_nothing", problem_of(f"{own}.{'test_' + 'nothing'}"))
        self.assertIn("no test module", problem_of("tests.nothing"))

    def test_files(self) -> None:
        """Every file that a page names exists."""
        for page, name in _roles("file"):
            self.assertTrue((_REPOSITORY / name).exists(), f"{page}: {name}")

    def test_long_modules(self) -> None:
        """Every module that may be long has its argument on the page of architecture."""
        page = (_DOCS / "architecture.rst").read_text("utf-8").partition("Long modules\n")[2]
        told = set(re.findall(r":file:`([^`]+)`", page))
        self.assertEqual(test_style._LONG_MODULES - told, set())

    def test_links(self) -> None:
        """Every link of README and CONTRIBUTING to a file leads to one."""
        for text in _READ_FIRST:
            for target in re.findall(r"\]\(([^)#]+)\)", text.read_text("utf-8")):
                if "://" not in target:
                    self.assertTrue((_REPOSITORY / target).exists(), f"{text.name}: {target}")

    def test_pictures(self) -> None:
        """Every picture of a page exists, and has words for who cannot see it."""
        for page in _PAGES:
            text = page.read_text("utf-8")
            for picture, option in re.findall(
                r"^\.\. (?:figure|image):: (\S+)\n +(\S+)", text, re.M
            ):
                self.assertTrue((_DOCS / picture).exists(), picture)
                self.assertEqual(option, ":alt:", picture)

    def test_house(self) -> None:
        """The pictures are what docs/pictures.py draws, and every part of the house exists."""
        sys.path.insert(0, str(_DOCS))
        self.addCleanup(sys.path.remove, str(_DOCS))
        pictures = importlib.import_module("pictures")
        for file, draw in pictures.PICTURES.items():
            drawn = (_DOCS / "images" / file).read_text("utf-8")
            self.assertEqual(drawn, draw(), file)
        drawn = pictures.house()
        names = [
            one.text
            for one in ElementTree.fromstring(drawn).iter()
            if one.get("class") == "name"
        ]
        for name in names:
            self.assertTrue(any((_REPOSITORY / "irsend").glob(f"{name}*")), name)

    def test_packages(self) -> None:
        """Debian's packages that CONTRIBUTING asks for are those that the checks install."""
        told = re.findall(
            r"`apt install ([^`]+)`", (_REPOSITORY / "CONTRIBUTING.md").read_text()
        )
        script = (_REPOSITORY / ".ci" / "run").read_text("utf-8").replace("\\\n", " ")
        installed = " ".join(re.findall(r"--no-install-recommends ([^>]+) >", script)).split()
        # What a checkout is made with is there before CONTRIBUTING is read.
        self.assertEqual(sorted({"make", "git", *" ".join(told).split()}), sorted(installed))

    def test_make_targets(self) -> None:
        """Every `make ...` that is told is a target of the Makefile."""
        makefile = (_REPOSITORY / "Makefile").read_text("utf-8")
        for text in (*_READ_FIRST, *_PAGES):
            told = re.findall(r"(?:^ *\$ |`)make (\w+)", text.read_text("utf-8"), re.M)
            for target in told:
                self.assertRegex(makefile, rf"(?m)^{target}:", f"{text.name}: make {target}")

    def test_irsendctl(self) -> None:
        """Every `irsendctl ...` that is told is a command, and every setting that is set exists."""
        from irsend.ctl.program import irsendctl

        for text in (*_READ_FIRST, *_PAGES, _REPOSITORY / "news" / "2.feature.md"):
            source = re.sub(r"\\\n\s*", "", text.read_text("utf-8"))
            for command in re.findall(r"irsendctl (?:--url \S+ )?([a-z]+[a-z-]*)", source):
                self.assertIn(command, irsendctl.commands, text.name)
            for line in re.findall(r"irsendctl set ([^\n`;]+)", source):
                for key, value in re.findall(r"(\w+\.\w+)=(\S+)", line):
                    self.assertIn(key, ITEMS, text.name)
                    if not key.endswith("pop_interval"):
                        load_model("ir2270").read_settings({key: value})

    def test_postfix(self) -> None:
        """What the page tells Postfix for an old machine is what the live suite tells it."""
        page = (_DOCS / "servers.rst").read_text("utf-8")
        block = page.partition("   printer-old ")[2].partition("\n\n")[0]
        told = dict(re.findall(r"-o (\w+)=(\S+)", block))
        self.assertEqual(told, {"smtp_tls_security_level": "may", **OLD_TLS})

    def test_model_file(self) -> None:
        """The model file on the page of models is one that can be used."""
        text = (_DOCS / "models.rst").read_text("utf-8")
        block = text.partition(".. code-block:: toml\n\n")[2].partition("\nWithout")[0]
        path = Path(self.mktemp() + ".toml")
        path.write_text(re.sub(r"(?m)^   ", "", block), "utf-8")
        self.assertEqual(load_model(str(path)).title, "imageRUNNER, retrofitted")


_OF_NO_STATEMENT = {"poll-pipelining"}
"""Conversations that show a standard's detail which the page of fidelity does not tell."""


class ExampleTests(PrinterMixin, TestCase):
    """docs/examples, those for which Python is enough."""

    timeout = 120

    async def run_example(self, command: str, **environment: str) -> str:
        """Run a command of the page on testing, which must end with 0; return what it said."""
        self.assertIn(f"   $ {command}\n", (_DOCS / "testing.rst").read_text("utf-8"))
        *_, runner, file = command.split()
        # Nothing is left in the checkout.
        clean = {
            "twisted.trial": [f"--temp-directory={Path(self.mktemp()).absolute()}"],
            "pytest": ["-p", "no:cacheprovider", "-p", "no:twisted"],
        }
        said, errors, status = await getProcessOutputAndValue(
            sys.executable,
            ["-m", runner, *clean.get(runner, []), file],
            env={
                "PYTHONPATH": str(_REPOSITORY),
                "PATH": "/usr/bin:/bin",
                "LANG": "C.UTF-8",
                **environment,
            },
            path=str(_REPOSITORY),
        )
        output = (said + errors).decode("utf-8", "replace")
        self.assertEqual(status, 0, output)
        return output

    async def test_shortest_with_trial(self) -> None:
        """The shortest example passes under trial."""
        said = await self.run_example("python -m twisted.trial docs/examples/test_shortest.py")
        self.assertIn("(successes=1)", said)

    async def test_shortest_with_unittest(self) -> None:
        """The shortest example passes under unittest."""
        said = await self.run_example("python -m unittest docs/examples/test_shortest.py")
        self.assertIn("Ran 1 test ", said)

    async def test_shortest_with_pytest(self) -> None:
        """The shortest example passes under pytest."""
        said = await self.run_example("pytest docs/examples/test_shortest.py")
        self.assertIn("1 passed", said)

    async def test_pytest_plugin(self) -> None:
        """The examples of tests with the fixtures of the pytest plugin pass."""
        for name, passed in (
            ("five_lines", 1),
            ("smtplib", 4),
            ("aiosmtplib", 1),
            ("django", 2),
            ("protocol", 2),
        ):
            said = await self.run_example(f"pytest docs/examples/test_{name}.py")
            self.assertIn(f"{passed} passed in ", said)

    async def test_context_manager(self) -> None:
        """The example of a test without pytest and without Twisted passes."""
        command = "python -m unittest docs/examples/test_context_manager.py"
        self.assertIn("Ran 1 test ", await self.run_example(command))

    async def test_sendmail(self) -> None:
        """The example of a program of Twisted's passes."""
        said = await self.run_example("python -m twisted.trial docs/examples/test_sendmail.py")
        self.assertIn("(successes=2)", said)

    async def test_workflow(self) -> None:
        """The workflow of GitHub Actions is one by its schema."""
        said, errors, status = await getProcessOutputAndValue(
            sys.executable,
            [
                *("-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"),
                str(_DOCS / "examples" / "github-actions.yml"),
            ],
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )
        self.assertEqual(status, 0, said + errors)

    async def test_mailer(self) -> None:
        """The example with TLS and the status line passes."""
        said = await self.run_example("python -m twisted.trial docs/examples/test_mailer.py")
        self.assertIn("(successes=2)", said)

    async def invoice(self, command: str) -> str:
        """Run the example that asks over HTTP, before a printer that has two mails at the end."""
        printer = self.start_printer()
        host, port = printer.smtp
        said = await self.run_example(
            command,
            IRSEND_SMTP_HOST=host,
            IRSEND_SMTP_PORT=str(port),
            IRSEND_URL=printer.panel,
        )
        self.assertEqual(len(printer.mails), 2)
        return said

    async def test_invoice_with_unittest(self) -> None:
        """The example that asks over HTTP passes under unittest."""
        said = await self.invoice("python -m unittest docs/examples/test_invoice.py")
        self.assertIn("Ran 2 tests ", said)

    async def test_invoice_with_pytest(self) -> None:
        """The example that asks over HTTP passes under pytest."""
        said = await self.invoice("pytest docs/examples/test_invoice.py")
        self.assertIn("2 passed", said)


class BuildTests(TestCase):
    """The pages as sphinx builds them."""

    timeout = 300

    async def test_build(self) -> None:
        """The pages build without a warning."""
        for needed in ("sphinx", "furo"):
            if importlib.util.find_spec(needed) is None:
                raise SkipTest(f"{needed} is not installed: `make docs` installs it")
        built = Path(self.mktemp()).absolute()
        said, errors, status = await getProcessOutputAndValue(
            sys.executable,
            ["-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(_DOCS), str(built)],
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )
        self.assertEqual((status, said + errors), (0, b""))
        self.assertTrue((built / "index.html").exists())
