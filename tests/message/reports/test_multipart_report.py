"""What a DSN and an MDN have in common: no part in it but the three."""

from __future__ import annotations

from email import message_from_bytes

import attrs
from twisted.trial import unittest

from irsend.message.reports.dsn import dsn
from tests.message.reports.reported import ANSWER, REQUESTS, STYLE


class MultipartReportTests(unittest.SynchronousTestCase):
    """The parts of a report."""

    def test_boundary_in_the_head(self) -> None:
        """A mail whose head holds the answer's boundary puts no parts of its own into the answer."""
        content, _ = dsn(ANSWER, STYLE, REQUESTS)
        boundary = message_from_bytes(content).get_boundary()
        forged = f"--{boundary}\r\nContent-Type: text/html\r\nX: y\r\n\r\n".encode()
        answer = attrs.evolve(ANSWER, head_octets=b"From: a@b.test\r\n" + forged)
        content, _ = dsn(answer, STYLE, REQUESTS)
        self.assertEqual(len(message_from_bytes(content).get_payload()), 3)
