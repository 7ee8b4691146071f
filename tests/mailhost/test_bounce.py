"""A bounce and its content, for any mail that was refused."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from irsend.interfaces import Mailbox
from irsend.mailhost.bounce import compose_bounce
from irsend.protocols.smtp_client_replies import ServerReply


class BounceTests(SynchronousTestCase):
    """`compose_bounce`."""

    def test_address_like_an_encoded_word(self) -> None:
        """A recipient or a reply that looks like an encoded word adds no line to the report."""
        word = b"=?utf-8?q?=0D=0AX-Evil:_1?="
        _, text = compose_bounce(
            Mailbox(b"me", b"bench.test"),
            {Mailbox(word, b"bench.test"): ServerReply(552, (b"5.3.4 " + word,))},
            b"Subject: x\r\n\r\n",
            host="localhost",
            at=0.0,
        )
        self.assertFalse([line for line in text.splitlines() if line.startswith(b"X-Evil")])
        self.assertIn(b"Final-Recipient: rfc822;", text)
