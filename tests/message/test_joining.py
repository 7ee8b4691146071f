"""Divided mails: what a part says of itself, and the whole again (RFC 2046 5.2.2)."""

from __future__ import annotations

import io
from email import message_from_bytes

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from irsend.message.joining import Fragment, fragment_of, joined
from irsend.message.partial import divide

WHOLE = (
    b"Date: Wed, 25 Nov 2026 10:00:00 +0000\r\n"
    b"From: a@bench.test\r\n"
    b"To: ir@bench.test\r\n"
    b"Subject: A long\r\n fax\r\n"
    b"Message-ID: <1@bench.test>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: image/tiff\r\n"
    b"Content-Transfer-Encoding: base64\r\n"
    b"\r\n"
)


def parts_of(mail: bytes, limit: int) -> list[bytes]:
    """Divide a mail as the machine itself does."""
    message = io.BytesIO(mail)
    parts = divide(message, len(mail), limit)
    return [one.head + mail[one.start : one.start + one.length] for one in parts]


def whole_of(parts: list[bytes]) -> bytes:
    """Join parts."""
    return joined([io.BytesIO(one) for one in parts])


class FragmentTests(unittest.SynchronousTestCase):
    """What a part says of itself."""

    def fragment(self, parameters: str) -> Fragment | None:
        """Read a part with these parameters."""
        return fragment_of(f"Content-Type: message/partial; {parameters}\r\n\r\n".encode())

    def test_of_our_own(self) -> None:
        """The parts that the machine makes are told apart by number, and know of each other."""
        parts = parts_of(WHOLE + b"QUJD\r\n" * 3000, 8000)
        found = [fragment_of(one[:2000]) for one in parts]
        self.assertGreater(len(parts), 2)
        self.assertEqual(
            found,
            [
                Fragment(identity="1@bench.test", number=number, total=len(parts))
                for number in range(1, len(parts) + 1)
            ],
        )

    def test_no_part(self) -> None:
        """Any other mail is none."""
        self.assertIsNone(fragment_of(WHOLE))
        self.assertIsNone(fragment_of(b""))

    def test_total_is_only_in_the_last(self) -> None:
        """A part need not say how many there are."""
        self.assertEqual(
            self.fragment('id="x@y"; number=2'), Fragment(identity="x@y", number=2)
        )

    def test_impossible(self) -> None:
        """A part without identity, or with a number that none can have, is never possible."""
        for parameters in (
            "number=1; total=2",
            'id="x"',
            'id="x"; number=0',
            'id="x"; number=3; total=2',
            'id="x"; number=1000',
            'id="x"; number=-1',
            'id="x"; number=9999999999999999999999',
            'id="x"; number="²"',
            'id="x"; number=1; total=1000',
            'id="x"; number=1; total=999999999',
        ):
            found = self.fragment(parameters)
            assert found is not None
            self.assertFalse(found.possible, parameters)


class JoinedTests(unittest.SynchronousTestCase):
    """The whole again."""

    def test_round(self) -> None:
        """What the machine divides is the same mail again when it is joined."""
        mail = WHOLE + b"QUJD\r\n" * 3000
        whole = whole_of(parts_of(mail, 8000))
        self.assertEqual(whole.partition(b"\r\n\r\n")[2], mail.partition(b"\r\n\r\n")[2])
        said, meant = message_from_bytes(whole), message_from_bytes(mail)
        self.assertEqual(sorted(said.items()), sorted(meant.items()))

    def test_fields_of_the_outer_head(self) -> None:
        """Subject, Message-ID and Content fields are those inside, all others those of the first part."""
        first = (
            b"Received: by here\r\nFrom: outer@x\r\nSubject: Outer (1/2)\r\n"
            b"Message-ID: <outer@x>\r\nContent-Type: message/partial; id=a; number=1; total=2\r\n\r\n"
            b"From: inner@x\r\nSubject: Inner\r\nMessage-ID: <inner@x>\r\n"
            b"Content-Type: text/plain\r\n\r\nOne\r\n"
        )
        second = b"Content-Type: message/partial; id=a; number=2; total=2\r\n\r\nTwo\r\n"
        self.assertEqual(
            whole_of([first, second]),
            b"Received: by here\r\nFrom: outer@x\r\nSubject: Inner\r\nMessage-ID: <inner@x>\r\n"
            b"Content-Type: text/plain\r\n\r\nOne\r\nTwo\r\n",
        )

    def test_bound(self) -> None:
        """No more is joined than may be."""
        mail = WHOLE + b"QUJD\r\n" * 3000
        parts = [io.BytesIO(one) for one in parts_of(mail, 8000)]
        self.assertEqual(len(joined(parts, 10_000)), 10_000)

    @given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
    def test_any_octets(self, parts: list[bytes]) -> None:
        """Whatever the parts are, joining them comes to an end without an error."""
        whole_of(parts)
        for one in parts:
            fragment_of(b"Content-Type: message/partial;" + one)
