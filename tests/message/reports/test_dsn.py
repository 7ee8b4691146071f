"""The DSN as the machine writes it: read by itself, and by Python's own parser."""

from __future__ import annotations

import io
from email import message_from_bytes

import attrs
from twisted.trial import unittest

from irsend.message.reports.dsn import dsn
from irsend.message.reports.reader import read_notification
from irsend.message.reports.requests import DeliveryRequest
from tests.message.reports.reported import ANSWER, REQUESTS, STYLE


class DSNTests(unittest.SynchronousTestCase):
    """A DSN of success."""

    def test_delivered(self) -> None:
        """A DSN says delivered of each recipient, with the envelope's id."""
        content, identity = dsn(ANSWER, STYLE, REQUESTS)
        found = read_notification(io.BytesIO(content))
        assert found is not None
        self.assertEqual((found.kind, found.envelope_id), ("dsn", "e-1"))
        self.assertEqual(
            [(one.addresses, one.positive) for one in found.reports],
            [(("fax@elsewhere", "fax@ir"), True), (("x@ir",), True)],
        )
        self.assertEqual(message_from_bytes(content)["Message-ID"], identity)

    def test_lines(self) -> None:
        """No line has more than 998 octets (RFC 5321 4.5.3.1.6), however many recipients there are."""
        many = tuple(DeliveryRequest(address=f"{one:060}@ir.bench.test") for one in range(100))
        requests = attrs.evolve(REQUESTS, delivered=many, envelope_id="e" * 1900)
        content, _ = dsn(ANSWER, STYLE, requests)
        self.assertLessEqual(max(map(len, content.split(b"\r\n"))), 998)
