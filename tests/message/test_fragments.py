"""Divided mails: made of a mail, what a part says of itself, and the whole again (RFC 2046 5.2.2)."""

from __future__ import annotations

import io
import re
from email import message_from_bytes

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from irsend.message.fragments import Fragment, fragment_of, fragmented, reassembled
from irsend.message.prefixed_file import PrefixedFile
from tests.message.test_compose import attached, composed, draft

_INSIDE = ("content-", "subject:", "message-id:", "encrypted:", "mime-version:")
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
    """Return each part as it is sent."""
    return [
        PrefixedFile(part.head, io.BytesIO(mail), part.start, part.length).read()
        for part in fragmented(io.BytesIO(mail), len(mail), limit)
    ]


def put_together(parts: list[bytes]) -> bytes:
    """Return the mail, by the letter of RFC 2046 5.2.2.1."""
    numbered = {}
    for part in parts:
        message = message_from_bytes(part)
        parameters = dict(message.get_params()[1:])
        numbered[int(parameters["number"])] = part
        assert int(parameters["total"]) == len(parts)
    bodies = [numbered[number].partition(b"\r\n\r\n") for number in sorted(numbered)]
    whole = b"".join(body for _, _, body in bodies)
    inner, _, content = whole.partition(b"\r\n\r\n")

    def fields(head: bytes, inside: bool) -> list[bytes]:
        unfolded = re.split(rb"\r\n(?![ \t])", head)
        return [
            field
            for field in unfolded
            if field and field.decode("ascii").lower().startswith(_INSIDE) == inside
        ]

    outer = fields(bodies[0][0], inside=False)
    return b"\r\n".join([*outer, *fields(inner, inside=True)]) + b"\r\n\r\n" + content


def whole_of(parts: list[bytes]) -> bytes:
    """Join parts."""
    return reassembled([io.BytesIO(one) for one in parts])


class FragmentedTests(unittest.SynchronousTestCase):
    """message/partial."""

    @given(st.integers(0, 60_000), st.integers(6000, 40_000))
    @settings(max_examples=50, deadline=None)
    def test_any_limit(self, size: int, limit: int) -> None:
        """No part is larger than the limit; together they are the mail, but for the order of its header."""
        _, mail = composed(draft(text="Hello\n", attachments=(attached(b"\x01" * size),)))
        parts = parts_of(mail, limit)
        self.assertTrue(all(len(part) <= limit for part in parts))
        whole = put_together(parts)
        self.assertEqual(whole.partition(b"\r\n\r\n")[2], mail.partition(b"\r\n\r\n")[2])
        self.assertEqual(
            sorted(message_from_bytes(whole).items()), sorted(message_from_bytes(mail).items())
        )

    def test_cut_between_lines(self) -> None:
        """Each part but the last ends at the end of a line, so that none is broken on the way."""
        _, mail = composed(draft(attachments=(attached(b"\x01" * 30_000),)))
        parts = parts_of(mail, 8000)
        self.assertGreater(len(parts), 3)
        self.assertTrue(all(part.endswith(b"\r\n") for part in parts))

    def test_heads(self) -> None:
        """Each part has the mail's addresses, a Message-ID of its own, the same id, and says which it is."""
        known, mail = composed(draft(attachments=(attached(b"\x01" * 20_000),)))
        heads = [message_from_bytes(part) for part in parts_of(mail, 10_000)]
        self.assertEqual(len({head["Message-ID"] for head in heads}), len(heads))
        for number, head in enumerate(heads, 1):
            self.assertEqual(head["From"], "ir@bench.test")
            self.assertEqual(head["Subject"], f"Attached Image ({number}/{len(heads)})")
            self.assertEqual(head.get_param("id"), known.message_id.strip("<>"))

    def test_too_small(self) -> None:
        """A limit that the heads alone would fill is refused."""
        _, mail = composed(draft())
        self.assertRaises(ValueError, fragmented, io.BytesIO(mail), len(mail), 3000)


class FragmentTests(unittest.SynchronousTestCase):
    """What a part says of itself."""

    def fragment(self, parameters: str) -> Fragment | None:
        """Read a part with these parameters."""
        return fragment_of(f"Content-Type: message/partial; {parameters}\r\n\r\n".encode())

    def test_of_our_own(self) -> None:
        """Each fragment that the machine makes has its number, the total, and the same id."""
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


class ReassembledTests(unittest.SynchronousTestCase):
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
        self.assertEqual(len(reassembled(parts, 10_000)), 10_000)

    @given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
    def test_any_octets(self, parts: list[bytes]) -> None:
        """Whatever the parts are, joining them comes to an end without an error."""
        whole_of(parts)
        for one in parts:
            fragment_of(b"Content-Type: message/partial;" + one)
