"""Dispositions of RFC 2298, 3798 and 8098, and what old senders wrote in their place."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from irsend.message.reports.disposition import MODIFIERS, TYPES, read_disposition

_PAGE = Path(__file__).parents[3] / "docs" / "sending.rst"
MODE = "automatic-action/MDN-sent-automatically"


class DispositionTests(SynchronousTestCase):
    """One field, and what it says became of the mail."""

    def check(self, *rows: tuple[str, bool | None]) -> None:
        """Compare what each disposition says."""
        for text, printed in rows:
            self.assertIs(read_disposition(text)[0], printed, text)

    def test_types(self) -> None:
        """Displayed, processed and dispatched are printed; deleted, denied and failed are not."""
        self.check(
            (f"{MODE}; displayed", True),
            ("manual-action/MDN-sent-manually; displayed", True),
            (f"{MODE}; processed", True),
            (f"{MODE}; dispatched", True),
            (f"{MODE}; deleted", False),
            (f"{MODE}; denied", False),
            (f"{MODE}; failed", False),
        )

    def test_modifiers(self) -> None:
        """A modifier of an error goes before any type; a warning and superseded change nothing."""
        self.check(
            (f"{MODE}; processed/error", False),
            (f"{MODE}; displayed/error, expired", False),
            (f"{MODE}; displayed/expired", False),
            (f"{MODE}; processed/mailbox-terminated", False),
            (f"{MODE}; processed/warning", True),
            (f"{MODE}; displayed/superseded", True),
            (f"{MODE}; deleted/superseded", False),
            (f"{MODE}; processed/X-unheard-of", True),
        )

    def test_texts_behind_modifiers(self) -> None:
        """A modifier may have a text behind a colon (RFC 4130), whose words are no modifiers."""
        self.check(
            (f"{MODE}; processed/error: decryption-failed", False),
            (f"{MODE}; failed/failure: unsupported format", False),
            (f"{MODE}; processed/failure: unsupported MIC-algorithms", False),
            (f"{MODE}; processed/warning: error in the sender's clock", True),
        )

    def test_without_type(self) -> None:
        """Error alone, as some gateways write it, is processed/error; warning alone is processed/warning."""
        self.check(
            (f"{MODE};error", False),
            (f"{MODE}; /error", False),
            (f"{MODE};failure", False),
            (f"{MODE};warning", True),
            (f"{MODE}/error", False),
        )

    def test_without_mode(self) -> None:
        """The mode may be missing, in part or whole, and so may its semicolon."""
        self.check(
            ("processed", True),
            ("processed/error", False),
            ("; processed", True),
            ("automatic-action; processed/error", False),
            ("MDN-sent-automatically; displayed", True),
            (f"{MODE} processed/error", False),
            (f"{MODE}; processed;", True),
            (f"{MODE};; processed / Error ;", False),
        )

    def test_grammar(self) -> None:
        """Case, white space, quotes and comments change nothing, and a comment's words do not count."""
        self.check(
            (f" {MODE.upper()} ;\tPROCESSED / ERROR ", False),
            (f"{MODE}; displayed (no (real) error)", True),
            (f"(failed) {MODE} (x); processed(y)/(z)error", False),
            (f'{MODE}; "processed"', True),
            (f"{MODE}; displayed (without an end", True),
        )

    def test_unknown(self) -> None:
        """A word that is in none of the tables, and a field without any, says nothing."""
        self.check((f"{MODE}; pondered", None), (MODE, None), (f"{MODE};", None), ("", None))
        self.check((f"{MODE}; errors", None), ("(processed)", None))

    def test_warning(self) -> None:
        """Only what was printed has a warning."""
        for words, printed in (
            ("processed/warning", True),
            ("warning", True),
            ("failed/warning", False),
        ):
            self.assertEqual(read_disposition(f"{MODE}; {words}"), (printed, printed))

    def test_documented(self) -> None:
        """The table of docs/sending has each type and each modifier."""
        table = _PAGE.read_text("utf-8").partition(":name: dispositions")[2]
        for word in (*TYPES, *MODIFIERS):
            self.assertRegex(table.partition("\n\nSo a receiver")[0], f"``/?{word}``")
