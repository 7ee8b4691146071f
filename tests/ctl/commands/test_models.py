"""`irsendctl models`: with no machine there, and with one that is named."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from irsend.device import load_model, model_names
from tests.ctl.calls import CallCase, Ended, call
from tests.ctl.stand_in import Answer

NOWHERE = "http://127.0.0.1:9"
"""Nothing listens there."""


class WithoutMachineTests(SynchronousTestCase):
    """The models that irsend comes with need no machine."""

    def call(self, *arguments: str) -> Ended:
        """Call irsendctl where no machine is named."""
        return call("models", *arguments, url="")

    def test_list(self) -> None:
        """Each model has a row with name, title, year, TLS, mechanisms under TLS, and what is special."""
        ended = self.call()
        self.assertEqual((ended.status, ended.err), (0, ""))
        for name in model_names():
            self.assertIn(f"\n{name} ", ended.out)
        self.assertRegex(
            ended.out,
            r"hp-m276 +HP LaserJet 200 color MFP M276n +2012 +SSL 3.0 only +LOGIN, PLAIN +SSL 3.0 only: ",
        )

    def test_narrow_list(self) -> None:
        """Where there is little room each model is a paragraph of whole lines."""
        out = call("models", url="", COLUMNS="80").out
        self.assertIn(
            "hp-m276\n  HP LaserJet 200 color MFP M276n, 2012\n"
            "  SSL 3.0 only; under TLS LOGIN, PLAIN\n  SSL 3.0 only: no protocol in common",
            out,
        )
        self.assertIn("hp-cm6040\n  HP Color LaserJet CM6040 MFP, 2008\n  no TLS\n", out)
        self.assertLessEqual(max(map(len, out.splitlines())), 80)

    def test_list_as_json(self) -> None:
        """--json lists the models with all their statements."""
        rows = {row["name"]: row for row in json.loads(self.call("--json").out)}
        self.assertEqual(sorted(rows), model_names())
        self.assertIn(
            {
                "key": "tls.newest",
                "value": "SSL 3.0",
                "standing": "single report",
                "sources": [1],
            },
            rows["hp-m276"]["statements"],
        )

    def test_one(self) -> None:
        """A model is shown with each statement, its standing, and the sources with address and date."""
        out = self.call("xerox-workcentre").out
        self.assertRegex(out, r"quirks.login_prompts +strict +single report +1\n")
        self.assertRegex(out, r"year +2011 +assumed\n")
        self.assertIn("1. https://github.com/JustinIven/smtp-oauth-relay/issues/57\n", out)
        self.assertIn("   single report, 2025-11-24: ", out)
        self.assertEqual(json.loads(self.call("ir2270", "--json").out)["year"], 2004)
        self.assertEqual(self.call("show", "xerox-workcentre").out, out)

    def test_no_such_model(self) -> None:
        """A name that there is not is wrong use, with the name that was meant."""
        ended = self.call("ricohmp")
        self.assertEqual(ended.status, 2)
        self.assertIn("model: 'ricohmp' is not allowed; allowed: ", ended.err)
        self.assertIn("; did you mean ricoh-mp?\n", ended.err)

    def test_own_file(self) -> None:
        """A model file is shown by its path."""
        path = Path(self.mktemp() + ".toml")
        path.write_text('name = "mine"\ntitle = "My printer"\n[sasl]\nplain = ["LOGIN"]\n')
        out = self.call(str(path)).out
        self.assertRegex(out, r"Model +My printer \(mine\)\n")
        self.assertRegex(out, r"sasl.plain +LOGIN +not stated\n")


class CheckTests(SynchronousTestCase):
    """`models check FILE`."""

    def check(self, text: str, *arguments: str) -> tuple[Ended, str]:
        """Check a file with this text, without .toml in its name."""
        path = Path(self.mktemp())
        path.write_text(text, "utf-8")
        return call("models", "check", str(path), *arguments, url=""), str(path)

    def test_right(self) -> None:
        """A right file is said to be right, with how many of its keys have which standing."""
        ended, path = self.check('name = "x"\nyear = 1999\nassumed = ["year"]\n')
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertEqual(ended.out, f"{path} is right: x.\n1 keys, 0 sources: 1 assumed.\n")

    def test_shipped(self) -> None:
        """Each file that irsend comes with is right."""
        for name in model_names():
            path = Path(load_model.__code__.co_filename).parent / "models" / f"{name}.toml"
            ended = call("models", "check", str(path), url="")
            self.assertEqual((ended.status, ended.err), (0, ""), name)

    def test_without_sources(self) -> None:
        """A file without sources is right, and told that it names none."""
        ended, _ = self.check('name = "x"\n')
        self.assertEqual(ended.status, 0)
        self.assertIn("It names no sources", ended.out)

    def test_wrong(self) -> None:
        """Each thing that is wrong is a line on stderr with file, line, key and what is allowed; status 1."""
        ended, path = self.check('name = "x"\nyaer = 2\n[tls]\nnewest = "TLS 2"\n')
        self.assertEqual((ended.status, ended.out), (1, ""))
        unknown, version = ended.err.splitlines()
        self.assertTrue(unknown.startswith(f"{path}: line 2: yaer: there is no such key; did "))
        self.assertEqual(
            version,
            f"{path}: line 4: tls.newest: 'TLS 2' is not allowed; "
            "allowed: SSL 3.0, TLS 1.0, TLS 1.1, TLS 1.2, TLS 1.3; did you mean TLS 1.2?",
        )

    def test_account(self) -> None:
        """A key that rests on no source is wrong in a file that names others; a machine runs with it."""
        ended, path = self.check('name = "x"\nyear = 1999\nlacks = []\nassumed = ["year"]\n')
        self.assertEqual(ended.status, 1)
        self.assertTrue(ended.err.startswith(f"{path}: line 3: lacks: it rests on no source: "))

    def test_openssl(self) -> None:
        """What this system's OpenSSL lacks is told; a cipher list that it finds nothing in is wrong."""
        ended, _ = self.check('name = "x"\n[tls]\noldest = "SSL 3.0"\n')
        self.assertEqual(ended.status, 0)
        self.assertRegex(ended.out, r"This system's OpenSSL [0-9.]+ has no SSL 3.0\.\n")
        ended, path = self.check('name = "x"\n[tls]\nciphers = "no-such-cipher"\n')
        self.assertEqual((ended.status, ended.out), (1, ""))
        self.assertTrue(ended.err.startswith(f"{path}: line 3: tls.ciphers: 'no-such-cipher' "))
        self.assertIn("; allowed: an OpenSSL cipher list", ended.err)
        ended, path = self.check('name = "x"\n[tls]\nsuites = ["TLS_NONE"]\n')
        self.assertEqual(ended.status, 1)
        self.assertTrue(ended.err.startswith(f"{path}: line 3: tls.suites: 'TLS_NONE' is not"))

    def test_old_keys(self) -> None:
        """Keys of earlier releases are right, and named with their new names."""
        ended, _ = self.check('name = "x"\n[sending]\nquits = false\n')
        self.assertEqual(ended.status, 0)
        self.assertIn("sending.quits is called quirks.no_quit now", ended.out)

    def test_not_toml(self) -> None:
        """What is no TOML is refused with line and column."""
        ended, path = self.check("name = \n")
        self.assertEqual(ended.status, 1)
        self.assertRegex(ended.err, rf"^{path}: .*\(at line 1, column 8\)\n$")

    def test_as_json(self) -> None:
        """--json has the sentences as an array."""
        ended, path = self.check("year = 1\n", "--json")
        answer = json.loads(ended.out)
        self.assertEqual((ended.status, answer["right"], answer["file"]), (1, False, path))
        self.assertEqual(len(answer["problems"]), 1)
        ended, _ = self.check('name = "x"\n', "--json")
        self.assertTrue(json.loads(ended.out)["right"])

    def test_no_file(self) -> None:
        """A file that is not there is wrong use."""
        ended = call("models", "check", "there-is-none.toml", url="")
        self.assertEqual(ended.status, 2)
        self.assertIn("there-is-none.toml", ended.err)


class MachineTests(CallCase):
    """A machine that is named is asked."""

    def test_list(self) -> None:
        """The machine's list is shown, in either form of the answer, also by an older one that says less."""
        row = r"estudio190f +Toshiba e-STUDIO190F +2006\n"
        self.assertRegex(self.call("models").out, row)
        rows = self.machine.answers["GET /api/models"].body
        self.machine.answers["GET /api/models"] = Answer(body={"models": rows})
        self.assertRegex(self.call("models").out, row)
        self.assertRegex(self.call("models", "estudio190f").out, r"Maker +Toshiba\n")

    def test_none_there(self) -> None:
        """Where --url names none that is there, it is an error; IRSEND_URL falls back on the files."""
        self.assertEqual(self.call("models", "--url", NOWHERE).status, 3)
        ended = self.call("models", url=NOWHERE)
        self.assertEqual(ended.status, 0)
        self.assertIn("These are the models that irsendctl comes with.", ended.err)
        self.assertIn("sharp-bp70", ended.out)
