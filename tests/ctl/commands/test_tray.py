"""`paper` and `tray`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from irsend.ctl.errors import CannotSave
from irsend.ctl.output_files import save
from tests.ctl.calls import CallCase, Ended
from tests.ctl.stand_in import BROKEN, DOCUMENT, STATUS, Answer, problem


class PaperTests(CallCase):
    """`paper`."""

    def test_change(self) -> None:
        """`in` and `out` are sent as true and false; the answer of the machine is printed."""
        for word, paper, said in (
            ("out", False, "There is no paper; what is received waits in memory.\n"),
            ("in", True, "There is paper.\n"),
        ):
            self.machine.answers["PUT /api/paper"].body["paper"] = paper
            ended = self.call("paper", word)
            self.assertEqual((ended.status, ended.out, ended.err), (0, said, ""))
            self.assertEqual(self.machine.last("PUT", "/api/paper").json(), {"paper": paper})

    def test_alone(self) -> None:
        """Alone it prints whether there is paper, and changes nothing."""
        self.assertEqual(self.call("paper").out, "There is paper.\n")
        self.machine.answers["GET /api/status"].body["paper"] = False
        self.assertIn("There is no paper;", self.call("paper").out)
        self.assertEqual({one.method for one in self.machine.asked}, {"GET"})

    def test_json(self) -> None:
        """Programs are given the status as the machine has it."""
        self.assertEqual(json.loads(self.call("paper", "--json").out), STATUS)
        changed = json.loads(self.call("paper", "out", "--json").out)
        self.assertIs(changed["paper"], False)

    def test_wrong_use(self) -> None:
        """Any other word is wrong use; nothing is sent."""
        self.assertEqual(self.call("paper", "away").status, 2)
        self.assertEqual(self.machine.asked, [])

    def test_older_machine(self) -> None:
        """A machine whose status has no paper ends with 3, unlike one without paper."""
        del self.machine.answers["GET /api/status"].body["paper"]
        self.assertEqual(self.call("paper").status, 3)


class ListTests(CallCase):
    """`tray`, and documents by their numbers."""

    def test_list(self) -> None:
        """A row has number, sender, subject, pages and codes; its time is local."""
        ended = self.call("tray")
        self.assertEqual(ended.status, 0)
        self.assertRegex(ended.out, r'5001 .* "Scanner" <scan\S+> +Attached Image +2\n')
        self.assertRegex(
            ended.out, r"5002 .* 1 +#827 unsupported MIME type received; #822 received ima"
        )

    def test_eighty_columns(self) -> None:
        """In 80 columns no line is longer, and number, pages, codes and their meanings are whole."""
        self.machine.answers["GET /api/tray"].body[0]["subject"] = "long " * 50
        out = self.call("tray", COLUMNS="80").out
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        self.assertRegex(out, r"5002 .* 1 +#827 unsupported\n +MIME type\n +received; #822")

    def test_newest(self) -> None:
        """A table has the newest 20 and says so; --limit is sent to the machine."""
        many = [{**DOCUMENT, "number": str(5099 - at)} for at in range(30)]
        self.machine.answers["GET /api/tray"] = Answer(body=many)
        ended = self.call("tray")
        self.assertEqual(len(ended.out.splitlines()), 22)
        self.assertIn("newest 20", ended.err)
        self.call("tray", "--limit", "30")
        self.assertEqual(self.machine.last("GET", "/api/tray").query, {"limit": "30"})

    def test_empty(self) -> None:
        """An empty tray is a sentence for people and an empty array for programs."""
        self.machine.answers["GET /api/tray"] = Answer(body=[])
        self.assertEqual(self.call("tray").out, "The tray is empty.\n")
        self.assertEqual(json.loads(self.call("tray", "--json").out), [])

    def test_documents(self) -> None:
        """Documents are shown in detail: each code with its meaning, each notice on a line."""
        ended = self.call("tray", "5002", "5001", "5002")
        self.assertEqual((ended.status, ended.err), (0, ""))
        first, second = ended.out.split("\n\n")
        for line in (
            "Document  5002",
            "Codes     #827 unsupported MIME type received",
            "          #822 received image cannot be decoded",
            "Notices   text/html: No programs can process the file attachment.",
        ):
            self.assertIn(line, first.splitlines())
        self.assertIn("Subject   Attached Image", second.splitlines())
        self.assertNotIn("Codes", second)

    def test_missing_documents(self) -> None:
        """A document that is not there ends with 1 and is named; the others are shown."""
        ended = self.call("tray", "5001", "5999")
        self.assertEqual(ended.status, 1)
        self.assertIn("Attached Image", ended.out)
        self.assertIn("5999", ended.err)
        ended = self.call("tray", "5001", "5999", "--json")
        self.assertEqual((ended.status, json.loads(ended.out)), (1, [DOCUMENT]))

    def test_terminal_is_not_steered(self) -> None:
        """No control character of subject, sender or notice is printed."""
        hostile = "\x1b[2J<script>\r"
        body = {**BROKEN, "subject": hostile, "from": hostile, "notices": [hostile]}
        self.machine.answers["GET /api/tray"] = Answer(body=[body])
        self.machine.answers["GET /api/tray/5002"] = Answer(body=body)
        for arguments in (("tray",), ("tray", "5002")):
            out = self.call(*arguments).out
            self.assertIn(r"\x1b[2J<script>\r", out)
            self.assertFalse(set(out) & {"\x1b", "\r"})

    def test_wrong_use(self) -> None:
        """Text that is no number, and contradicting options, are wrong use; nothing is sent."""
        for wrong in (
            ("first",),
            ("12345",),
            ("--delete",),
            ("--delete", "5001", "--save", "x"),
            ("--limit", "3", "5001"),
            ("--limit", "0"),
            ("--png",),
            ("--save", "x", "--dots", "30"),
            ("--save", "x", "--png", "--dots", "9"),
            ("--save", __file__),
        ):
            self.assertEqual(self.call("tray", *wrong).status, 2, wrong)
        self.assertEqual(self.machine.asked, [])


class DeleteTests(CallCase):
    """`tray --delete`."""

    def test_deleted(self) -> None:
        """Each document that is named is deleted and printed."""
        ended = self.call("tray", "--delete", "5001", "5002")
        self.assertEqual(ended.status, 0)
        self.assertEqual(ended.out, "Document 5001 is deleted.\nDocument 5002 is deleted.\n")
        for number in ("5001", "5002"):
            self.machine.last("DELETE", f"/api/tray/{number}")

    def test_missing(self) -> None:
        """One that is not there ends with 1 and is named; the others are deleted all the same."""
        ended = self.call("tray", "--delete", "5998", "5001", "5999")
        self.assertEqual((ended.status, ended.out), (1, "Document 5001 is deleted.\n"))
        self.assertEqual([word in ended.err for word in ("5998", "5001", "5999")], [1, 0, 1])
        ended = self.call("tray", "--delete", "5998", "5001", "--json")
        self.assertEqual((ended.status, json.loads(ended.out)), (1, {"deleted": ["5001"]}))

    def test_password(self) -> None:
        """A refusal that is about no document ends it at once."""
        self.machine.password = "geheim"
        ended = self.call("tray", "--delete", "5001", "5002")
        self.assertEqual((ended.status, ended.err.count("asks for a password")), (1, 1))


class SaveTests(CallCase):
    """`tray --save`."""

    def setUp(self) -> None:
        """Name a directory that is not there yet."""
        super().setUp()
        self.place = Path(self.mktemp()) / "printed"

    def save(self, *arguments: str) -> Ended:
        """Save into it."""
        return self.call("tray", "--save", str(self.place), *arguments)

    def files(self) -> dict[str, bytes]:
        """Return what is in it."""
        return {one.name: one.read_bytes() for one in self.place.iterdir()}

    def test_all(self) -> None:
        """All documents are saved by their numbers, in a directory made for them, and printed."""
        ended = self.save()
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertEqual(
            self.files(), {f"{one}.pdf": b"%%PDF-1.7 %d" % one for one in (5001, 5002)}
        )
        said = [f"Saved {self.place / name}" for name in ("5001.pdf", "5002.pdf")]
        self.assertEqual(ended.out.splitlines(), said)
        self.assertEqual(self.machine.last("GET", "/api/tray").query, {"limit": "10000"})

    def test_only_these(self) -> None:
        """With numbers only those are saved; one that is not there is named, and the status 1."""
        ended = self.save("5002", "5999")
        self.assertEqual((ended.status, set(self.files())), (1, {"5002.pdf"}))
        self.assertIn("5999", ended.err)

    def test_pages(self) -> None:
        """--png saves each page beside the PDF, at the resolution of --dots."""
        self.assertEqual(self.save("5001", "--png", "--dots", "30").status, 0)
        self.assertEqual(
            self.files(),
            {
                "5001.pdf": b"%PDF-1.7 5001",
                "5001-1.png": b"\x89PNG1",
                "5001-2.png": b"\x89PNG2",
            },
        )
        asked = self.machine.last("GET", "/api/tray/5001/2.png")
        self.assertEqual((asked.query, asked.headers["accept"]), ({"dots": "30"}, "image/png"))

    def test_json(self) -> None:
        """--json has the files of each document."""
        ended = self.save("--json", "5001")
        files = [str(self.place / "5001.pdf")]
        self.assertEqual(json.loads(ended.out), [{"number": "5001", "files": files}])

    def test_again(self) -> None:
        """The same file that is there already is reported and is no error."""
        self.save("5001")
        ended = self.save("5001")
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertEqual(ended.out, f"{self.place / '5001.pdf'} is there already.\n")
        self.assertEqual(set(self.files()), {"5001.pdf"})

    def test_in_the_way(self) -> None:
        """Another file of that name stays as it is and is named, status 2; the others are saved."""
        self.place.mkdir(parents=True)
        (self.place / "5001.pdf").write_bytes(b"of another machine")
        ended = self.save()
        self.assertEqual(ended.status, 2)
        self.assertIn(f"{self.place / '5001.pdf'} is there already", ended.err)
        self.assertEqual(
            self.files(), {"5001.pdf": b"of another machine", "5002.pdf": b"%PDF-1.7 5002"}
        )

    def test_cut_off(self) -> None:
        """A document that does not come whole leaves no file, and ends with 3."""
        self.machine.answers["GET /api/tray/5001.pdf"].missing = 5
        ended = self.save("5001")
        self.assertEqual((ended.status, self.files()), (3, {}))
        self.assertIn("closed the connection amid its answer", ended.err)

    def test_no_pdf(self) -> None:
        """Another media type is not saved as a PDF."""
        self.machine.answers["GET /api/tray/5001.pdf"].kind = "text/html"
        self.assertEqual((self.save("5001").status, self.files()), (3, {}))

    def test_hostile_number(self) -> None:
        """A machine cannot choose where a file comes to lie."""
        for number in ("../../5001", "/x", "", None):
            self.machine.answers["GET /api/tray"] = Answer(
                body=[{**DOCUMENT, "number": number}]
            )
            self.assertEqual((self.save().status, self.files()), (3, {}))

    def test_gone_meanwhile(self) -> None:
        """A document that is removed while the others are saved is named, and the status 1."""
        gone = problem(404, "There is no document 5001 in the tray.")
        self.machine.answers["GET /api/tray/5001.pdf"] = gone
        ended = self.save()
        self.assertEqual((ended.status, set(self.files())), (1, {"5002.pdf"}))
        self.assertEqual(ended.err, "There is no document 5001 in the tray.\n")

    def test_empty(self) -> None:
        """Of an empty tray nothing is saved, and no directory made."""
        self.machine.answers["GET /api/tray"] = Answer(body=[])
        self.assertEqual(self.save().out, "The tray is empty.\n")
        self.assertEqual(self.save("--json").out, "[]\n")
        self.assertFalse(self.place.exists())


class FileTests(SynchronousTestCase):
    """`output_files.save`."""

    def setUp(self) -> None:
        """Make a directory."""
        self.path = Path(self.mktemp())
        self.path.mkdir()

    def refused(self, path: Path, octets: Any = (b"new",)) -> str:
        """Return why it is not saved."""
        return str(self.assertRaises(CannotSave, save, path, octets))

    def test_is_new(self) -> None:
        """True is for a new file, False for the same octets under the same name."""
        path = self.path / "a.pdf"
        self.assertEqual([save(path, [b"a", b"b"]) for _ in range(2)], [True, False])
        self.assertEqual(path.read_bytes(), b"ab")

    def test_what_is_in_the_way(self) -> None:
        """A file, a directory and a link to nowhere of that name are left as they are."""
        file, directory, link = (self.path / name for name in "fdl")
        file.write_bytes(b"old")
        directory.mkdir()
        link.symlink_to("nowhere")
        for path in (file, directory, link):
            self.assertIn(f"{path} is there already", self.refused(path))
        self.assertEqual((file.read_bytes(), os.readlink(link)), (b"old", "nowhere"))
        self.assertEqual(len(list(self.path.iterdir())), 3)

    def test_broken_off(self) -> None:
        """Where the octets break off, no file is left, and the error is raised."""

        def octets() -> Any:
            yield b"half"
            raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, save, self.path / "a.pdf", octets())
        self.assertEqual(list(self.path.iterdir()), [])

    def test_no_directory(self) -> None:
        """A directory that is not there is named with the file and the system's reason."""
        path = self.path / "none" / "a.pdf"
        self.assertEqual(self.refused(path), f"{path}: No such file or directory")

    def test_no_links(self) -> None:
        """On a file system without links a new name is given by renaming, a taken one left."""

        def none(*_: object) -> None:
            raise PermissionError

        self.patch(os, "link", none)
        path = self.path / "a.pdf"
        self.assertIs(save(path, [b"first"]), True)
        self.assertIn("is there already", self.refused(path))
        self.assertEqual([one.read_bytes() for one in self.path.iterdir()], [b"first"])
