"""What a recorded session shows, key by key, and the model file that is made of it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.device.model import Model
from irsend.model_draft.dialogue import dialogue_of
from irsend.model_draft.draft import draft_model
from irsend.model_draft.mail_header import form_of, observe_header
from irsend.model_draft.recorded_session import read_transcript

OFFERS = "S: 220 mx\nC: {hello}\nS: 250-mx\nS: 250-SIZE 9\nS: 250 AUTH PLAIN LOGIN CRAM-MD5\n"
MAIL = "C: {mail}\nS: 250 ok\nC: RCPT TO:<b@x.test>\nS: 250 ok\n"
DATA = "C: DATA\nS: 354 go\nC: Date: x\nC: \nC: .\nS: 250 ok\n"
QUIT = "C: QUIT\nS: 221 bye\n"


def session(
    hello: str = "EHLO a.test",
    login: str = "",
    mail: str = "MAIL FROM:<a@x.test>",
    data: str = DATA,
    end: str = QUIT,
) -> str:
    """Return a transcript."""
    return OFFERS.format(hello=hello) + login + MAIL.format(mail=mail) + data + end


def drafted(text: str) -> Model:
    """Return the model that is drafted of a transcript."""
    return draft_model("mine", read_transcript(text))[1]


class DialogueTests(SynchronousTestCase):
    """The command lines."""

    def quirks(self, text: str) -> dict[str, object]:
        """Return the quirks of a draft, but those of the header."""
        return {
            key.removeprefix("quirks."): value
            for key, value in drafted(text).defaults.items()
            if key not in ("quirks.date",)
        }

    def test_standard(self) -> None:
        """A session by the book has no quirk but the form of its name."""
        self.assertEqual(self.quirks(session()), {"helo_name": "name"})

    def test_names(self) -> None:
        """The form of the name in EHLO and HELO is told, and HELO alone."""
        for hello, found in (
            ("EHLO printer", {"helo_name": "bare"}),
            ("EHLO [192.0.2.1]", {"helo_name": "literal"}),
            ("EHLO", {"helo_name": "empty"}),
            ("HELO a.test", {"helo_name": "name", "helo_only": True}),
        ):
            self.assertEqual(self.quirks(session(hello=hello)), found)

    def test_helo_behind_a_refusal(self) -> None:
        """HELO behind an EHLO that was refused is the standard's way."""
        text = "S: 220 mx\nC: EHLO a.test\nS: 500 what\nC: HELO a.test\nS: 250 mx\n" + QUIT
        self.assertEqual(self.quirks(text), {"helo_name": "name"})

    def test_mechanisms(self) -> None:
        """The mechanism that was taken is the draft's, under TLS or not; the others are unknown."""
        plain = "C: AUTH PLAIN AGE=\nS: 235 ok\n"
        sasl = drafted(session(login=plain)).sasl
        self.assertEqual(
            (sasl.plain, sasl.secured, sasl.initial_response), (("PLAIN",), (), True)
        )
        waiting = "C: auth plain\nS: 334 \nC: AGE=\nS: 235 ok\n"
        self.assertFalse(drafted(session(login=waiting)).sasl.initial_response)
        tls = "C: STARTTLS\nS: 220 go\n-- TLS 1.2 ECDHE-RSA-AES128-SHA256\n"
        tls += "C: EHLO a.test\nS: 250 AUTH LOGIN\n"
        model = drafted(session(login=tls + "C: AUTH LOGIN\nS: 334 VXNl\nC: YQ==\nS: 235 ok\n"))
        self.assertEqual((model.sasl.plain, model.sasl.secured), ((), ("LOGIN",)))
        assert model.tls is not None
        self.assertEqual((model.tls.oldest, model.tls.newest), ("TLS 1.2", "TLS 1.2"))
        self.assertEqual(model.tls.ciphers, "ECDHE-RSA-AES128-SHA256:@SECLEVEL=0")

    def test_login_answers_are_no_commands(self) -> None:
        """Answers within a login, which may look like words, are no commands."""
        login = "C: AUTH LOGIN\nS: 334 VXNl\nC: QUIT\nS: 334 UGFz\nC: data\nS: 235 ok\n"
        dialogue = dialogue_of(read_transcript(session(login=login)))
        self.assertEqual(
            [one.verb for one in dialogue.commands],
            ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"],
        )

    def test_tls_without_ehlo(self) -> None:
        """A command other than EHLO as the first under TLS is a quirk; TLS of unknown version is TLS."""
        model = drafted(session(login="C: STARTTLS\nS: 220 go\n"))
        self.assertIs(model.default("quirks.no_ehlo_after_starttls"), True)
        self.assertIsNotNone(model.tls)
        self.assertIsNone(drafted(session()).tls)

    def test_spelling(self) -> None:
        """Small letters, spaces, the inline name, RSET, LF and a missing QUIT are told."""
        small = session().replace("C: EHLO", "C: ehlo").replace("C: MAIL FROM", "C: mail from")
        small = small.replace("C: RCPT TO", "C: rcpt to").replace("C: DATA", "C: data")
        for text, key in (
            (small.replace("C: QUIT", "C: quit"), "lower_case_commands"),
            (session(mail="MAIL FROM: <a@x.test>"), "space_after_colon"),
            (
                session(login="C: AUTH LOGIN YQ==\nS: 334 UGFz\nC: eA==\nS: 235 ok\n"),
                "inline_login_name",
            ),
            (session(login="C: RSET\nS: 250 ok\n"), "rset_before_mail"),
            (session(hello="EHLO a.test\\n"), "bare_lf_commands"),
            (session(data=DATA.replace("Date: x", "Date: x\\n")), "bare_lf_content"),
            (session(end=""), "no_quit"),
        ):
            self.assertIs(self.quirks(text).get(key), True, key)
            self.assertNotIn(key, self.quirks(session()))

    def test_final_dot(self) -> None:
        """A message that no dot ended is told."""
        text = session(data=DATA.partition("C: .")[0], end="")
        self.assertEqual(self.quirks(text)["final_dot"], "missing")

    def test_extensions(self) -> None:
        """Extensions are those that were used, in parameters or by commands before the reply."""
        used = drafted(session(mail="MAIL FROM:<a@x.test> SIZE=5 BODY=8BITMIME")).sending
        self.assertEqual(used.extensions, ("SIZE", "8BITMIME"))
        self.assertEqual(drafted(session()).sending.extensions, ())
        together = OFFERS.format(hello="EHLO a.test") + (
            "C: MAIL FROM:<a@x.test>\nC: RCPT TO:<b@x.test>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
        )
        self.assertEqual(drafted(together).sending.extensions, ("PIPELINING",))


class HeaderTests(SynchronousTestCase):
    """The message's header."""

    def observed(self, *lines: str) -> dict[str, object]:
        """Return what these lines show."""
        return {one.key: one.value for one in observe_header(lines)}

    def test_canon(self) -> None:
        """The header of the Canon is told as its model file has it."""
        found = self.observed(
            "Date: Wed, 19 Feb 2025 12:13:19 -0500",
            "From: ir@bench.test",
            "To: me@bench.test",
            "Subject: Attached Image",
            "MIME-Version: 1.0",
            "X-Priority: 3",
            "X-Mailer: Canon MFP",
            "Message-ID: <20250219121319.0001.CanonTxNo.0485@bench.test.>",
            "Content-Type: multipart/mixed;",
            ' boundary="----_CANON_2502191213190485_"',
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "------_CANON_2502191213190485_",
            'Content-Type: application/pdf; name="0485_250219121319_001.pdf"',
        )
        self.assertEqual(
            found,
            {
                "header.order": (
                    "Date", "From", "To", "Subject", "MIME-Version", "X-Priority", "X-Mailer",
                    "Message-ID", "Content-Type", "Content-Transfer-Encoding",
                ),
                "header.mailer": "Canon MFP",
                "header.priority": "3",
                "header.message_id": "{stamp}.{count}.CanonTxNo.{number}",
                "header.boundary": "----_CANON_{short}{number}_",
                "header.attachment": "{number}_{short}_{page}",
                "quirks.message_id_trailing_dot": True,
                "quirks.multipart_quoted_printable": True,
            },
        )  # fmt: skip

    def test_dates(self) -> None:
        """A Date that is missing or in a wrong form is a quirk; the standard's form is none."""
        for value, form in (
            ("Sat Nov 28 14:59:50 2026", "asctime"),
            ("2026-11-28 14:59:50", "iso"),
            ("Sat, 28 Nov 26 14:59:50 +0000", "short_year"),
            ("Sat, 28 Nov 2026 14:59:50 +0000", None),
        ):
            found = self.observed(f"Date: {value}", "From: a@x.test", "")
            self.assertEqual(found.get("quirks.date"), form, value)
        self.assertEqual(self.observed("From: a@x.test", "")["quirks.date"], "none")

    def test_further_fields(self) -> None:
        """Fields that irsend does not write keep their value; what it writes and they do not is omitted."""
        found = self.observed("From: a@x.test", "X-Device: MFP", "..", "")
        self.assertEqual(found["header.fixed"], {"X-Device": "MFP"})
        self.assertEqual(
            found["header.omits"], ("Content-Transfer-Encoding", "Message-ID", "MIME-Version")
        )

    def test_forms(self) -> None:
        """A form keeps the words, has places for times and counts, and differs from mail to mail."""
        for text, form in (
            ("20261128025339.017386", "{stamp}.{count}"),
            ("aWf3kJ9dk2Lm0Pq1", "{stamp}{count}"),
            ("scan", "scan{stamp}{count}"),
            ("a b%c", "a_b_c{stamp}{count}"),
            ("x" * 200, "{stamp}.{count}"),
        ):
            self.assertEqual(form_of(text), form)


class FileTests(SynchronousTestCase):
    """The file."""

    def test_comments(self) -> None:
        """Beside each key stands what shows it; nothing of a login but its mechanism."""
        login = "C: AUTH PLAIN AHRpbQB0YW5zdGFhZg==\nS: 235 ok\n"
        text, _ = draft_model("mine", read_transcript(session(login=login)))
        self.assertIn('# EHLO a.test\nhelo_name = "name"\n', text)
        self.assertIn('# PLAIN of PLAIN LOGIN CRAM-MD5\nplain = ["PLAIN"]\n', text)
        self.assertNotIn("AHRpbQ", text)

    def test_ours(self) -> None:
        """Each conversation of tests/transcripts in which the machine sends becomes a right file."""
        drafts = 0
        for path in (Path(__file__).parents[1] / "transcripts").glob("send-*.txt"):
            text = path.read_text("utf-8")
            if "S: 220" in text:
                self.assertEqual(drafted(text).name, "mine", path.name)
                drafts += 1
        self.assertGreater(drafts, 30)

    @given(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=30))
    )
    def test_anything(self, lines: list[str]) -> None:
        """Whatever a client says, what is drafted of it is a right file."""
        said = "".join(f"C: {line}\nS: 354 x\n" for line in lines)
        self.assertEqual(drafted("S: 220 mx\n" + said).name, "mine")

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(
                    ("X-Mailer", "Message-ID", "Date", "Content-Type", "X-Priority", "X-A", "Ü")
                ),
                st.sampled_from(("", "<", "<a@b", "multipart/mixed; boundary=", "\\", '"')),
                st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=300),
            ),
            max_size=60,
        )
    )
    def test_any_header(self, fields: list[tuple[str, str, str]]) -> None:
        """Whatever stands in a header, the file is right; a value that is too long is left out."""
        lines = "".join(f"C: {name}: {begin}{value}\n" for name, begin, value in fields)
        text = f"S: 220 mx\nC: DATA\nS: 354 go\n{lines}C: \nC: .\nS: 250 ok\n"
        self.assertEqual(drafted(text).name, "mine")

    def test_too_long(self) -> None:
        """A value that a model file cannot have is left out, and the file says so."""
        text, model = draft_model(
            "mine",
            read_transcript(session(data=DATA.replace("Date: x", "X-Mailer: " + "x" * 90))),
        )
        self.assertEqual(model.header.mailer, "")
        self.assertIn("# mailer is left out: ", text)
