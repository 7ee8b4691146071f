"""Signed and encrypted mails: their control information is no attachment."""

from __future__ import annotations

import io

from twisted.trial.unittest import SynchronousTestCase

from irsend.message.mime_parser import parse_message

_TEXT = "Content-Type: text/plain\n\ntext"
_SMIME = "application/pkcs7-signature"


def kinds(*parts: str, head: str) -> list[tuple[str, str]]:
    """Return kind and type of the parts of a multipart that are left."""
    body = "".join(f"--b\n{one}\n" for one in parts)
    mail = f"Content-Type: {head}; boundary=b\n\n{body}--b--\n"
    parsed = parse_message(io.BytesIO(mail.replace("\n", "\r\n").encode()))
    return [(one.kind.value, one.type) for one in parsed.parts]


class SignedTests(SynchronousTestCase):
    """multipart/signed and multipart/encrypted (RFC 1847)."""

    def test_signature(self) -> None:
        """A detached signature is gone, S/MIME or PGP, with its type, a new one, or only a name."""
        for protocol, part in (
            (f'protocol="{_SMIME}"', f"Content-Type: {_SMIME}; name=smime.p7s"),
            ("micalg=sha1", "Content-Type: application/x-pkcs7-signature"),
            ('protocol="application/pgp-signature"', "Content-Type: application/pgp-signature"),
            ("protocol=application/x-new", "Content-Type: Application/X-New (c)"),
            ("micalg=sha1", "Content-Type: application/octet-stream; name=smime.p7s"),
        ):
            part += "\nContent-Disposition: attachment\n\nx"
            left = kinds(_TEXT, part, head=f"multipart/signed; {protocol}")
            self.assertEqual(left, [("text", "text/plain")], part)

    def test_within(self) -> None:
        """A signed mail within a mail, as list software makes it, is read the same."""
        signed = (
            f"Content-Type: multipart/signed; boundary=c; protocol={_SMIME}\n\n"
            f"--c\n{_TEXT}\n--c\nContent-Type: {_SMIME}\n\nx\n--c--"
        )
        footer = "Content-Type: text/plain\n\nfooter"
        self.assertEqual(
            kinds(signed, footer, head="multipart/mixed"), [("text", "text/plain")] * 2
        )

    def test_footer(self) -> None:
        """What list software puts into the multipart, in front of the signature or behind it, is there."""
        signature = f"Content-Type: {_SMIME}\n\nx"
        footer = "Content-Type: text/plain\n\nfooter"
        for parts in ((_TEXT, footer, signature), (_TEXT, signature, footer)):
            left = kinds(*parts, head=f"multipart/signed; protocol={_SMIME}")
            self.assertEqual(left, [("text", "text/plain")] * 2)

    def test_attachments(self) -> None:
        """A signature that signs nothing, and anything else in its place, are attachments."""
        signature = f"Content-Type: {_SMIME}\n\nx"
        other = ("other", _SMIME)
        self.assertIn(other, kinds(_TEXT, signature, head="multipart/mixed"))
        self.assertIn(other, kinds(signature, head=f"multipart/signed; protocol={_SMIME}"))
        fax = "Content-Type: image/tiff\n\nx"
        self.assertIn(("tiff", "image/tiff"), kinds(_TEXT, fax, head="multipart/signed"))
        self.assertIn(
            ("tiff", "image/tiff"),
            kinds(_TEXT, fax, head="multipart/signed; protocol=image/tiff"),
        )

    def test_encrypted(self) -> None:
        """Of an encrypted mail what is encrypted is left, and not how."""
        left = kinds(
            "Content-Type: application/pgp-encrypted\n\nVersion: 1",
            "Content-Type: application/octet-stream; name=encrypted.asc\n\nx",
            head="multipart/encrypted; protocol=application/pgp-encrypted",
        )
        self.assertEqual(left, [("other", "application/octet-stream")])
