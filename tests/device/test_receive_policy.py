"""What the machine takes by SMTP (docs/fidelity, Reception by SMTP)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from irsend.device.receive_policy import (
    mail_allowed,
    memory_allows,
    recipient_allowed,
    starttls_offered,
)
from irsend.device.windows import Settings, SSLPolicy
from irsend.interfaces import ACCEPT, Mailbox, Reply

NAMES = ("ir2270.bench.test", "Printer.Bench.Test", "192.0.2.1", "2001:db8::1")
OWN = "198.51.100.7"
"""The address that the client connected to."""

TAKEN, REFUSED = True, False

# E-mail Address, recipient, taken or 550.
POLICY: list[tuple[str, str, bool]] = [
    # With an E-mail Address: any local part at its domain.
    ("ir@bench.test", "ir@bench.test", TAKEN),
    ("ir@bench.test", "anybody@bench.test", TAKEN),
    ("ir@bench.test", "anybody@BENCH.Test", TAKEN),
    ("IR@Bench.TEST", "ir@bench.test", TAKEN),
    ("ir@bench.test", "ir@sub.bench.test", REFUSED),
    ("ir@bench.test", "ir@xbench.test", REFUSED),
    ("ir@bench.test", "ir@test", REFUSED),
    ("ir@bench.test", "ir@elsewhere.test", REFUSED),
    # The machine's names and addresses are not its domain then.
    ("ir@bench.test", "ir@ir2270.bench.test", REFUSED),
    ("ir@bench.test", "ir@[192.0.2.1]", REFUSED),
    ("ir@bench.test", f"ir@[{OWN}]", REFUSED),
    # An E-mail Address at a literal.
    ("ir@[192.0.2.1]", "ir@[192.0.2.1]", TAKEN),
    ("ir@[192.0.2.1]", "ir@[192.0.2.2]", REFUSED),
    # Nobody is relayed for by a trick of old.
    ("ir@bench.test", "user%elsewhere.test@elsewhere.test", REFUSED),
    ("ir@bench.test", "elsewhere.test!user@elsewhere.test", REFUSED),
    # postmaster without a domain is everywhere (RFC 5321 4.5.1).
    ("ir@bench.test", "postmaster", TAKEN),
    ("", "Postmaster", TAKEN),
    # Without one: the names of [tls] hostnames, in any case.
    ("", "ir@ir2270.bench.test", TAKEN),
    ("", "ir@IR2270.BENCH.TEST", TAKEN),
    ("", "ir@printer.bench.test", TAKEN),
    ("", "ir@bench.test", REFUSED),
    ("", "ir@elsewhere.test", REFUSED),
    # Literals: addresses of the machine, in any form they may have.
    ("", "ir@[192.0.2.1]", TAKEN),
    ("", f"ir@[{OWN}]", TAKEN),
    ("", "ir@[192.0.2.2]", REFUSED),
    ("", "ir@[IPv6:2001:db8::1]", TAKEN),
    ("", "ir@[ipv6:2001:DB8:0:0::1]", TAKEN),
    ("", "ir@[IPv6:2001:db8::2]", REFUSED),
    # An address without brackets is a domain of digits: no name of the machine's but by [tls].
    ("", f"ir@{OWN}", REFUSED),
]


class RecipientTests(SynchronousTestCase):
    """For whom the machine takes mail."""

    def allowed(self, address: str, recipient: str, own_address: str = OWN) -> bool:
        """Ask, and check that a refusal is the 550."""
        settings = Settings().replace({"email_ifax.email_address": address})
        local, _, domain = recipient.encode().rpartition(b"@")
        mailbox = Mailbox(local, domain) if local else Mailbox(domain, b"")
        verdict = recipient_allowed(settings, mailbox, names=NAMES, own_address=own_address)
        if verdict is ACCEPT:
            return True
        self.assertEqual(
            verdict.reply,
            Reply(550, "Not an address of this machine, and it does not relay", "5.7.1"),
        )
        self.assertFalse(verdict.hang_up)
        return False

    def test_policy(self) -> None:
        """Mail is taken for the machine's own domain or names; everything else gets 550."""
        for address, recipient, expected in POLICY:
            self.assertEqual(self.allowed(address, recipient), expected, (address, recipient))

    def test_mapped_address(self) -> None:
        """An IPv4 address that a socket for both families gives as ::ffff: is the machine's own."""
        self.assertTrue(self.allowed("", "ir@[192.0.2.9]", own_address="::ffff:192.0.2.9"))

    def test_names_are_no_literals(self) -> None:
        """A name in brackets is no name of the machine's."""
        self.assertFalse(self.allowed("", "ir@[ir2270.bench.test.]"))


class PlainTextTests(SynchronousTestCase):
    """Allow SSL (SMTP Receive)."""

    def test_policies(self) -> None:
        """Off hides STARTTLS; On and SSL offer it; only SSL refuses plain text, and hangs up."""
        for policy, offered, plain in (
            (SSLPolicy.OFF, False, True),
            (SSLPolicy.ON, True, True),
            (SSLPolicy.SSL, True, False),
        ):
            settings = Settings().replace({"authent_encryption.allow_ssl_smtp_receive": policy})
            self.assertEqual(starttls_offered(settings), offered, policy)
            self.assertIs(mail_allowed(settings, secured=True), ACCEPT)
            verdict = mail_allowed(settings, secured=False)
            if plain:
                self.assertIs(verdict, ACCEPT)
            else:
                assert verdict.reply is not None
                self.assertEqual(
                    verdict.reply.line(enhanced=True),
                    b"530 Must issue a STARTTLS command first",
                )
                self.assertTrue(verdict.hang_up)


class MemoryTests(SynchronousTestCase):
    """A full memory (docs/fidelity)."""

    def test_room(self) -> None:
        """A mail is taken that fits to the octet; one that does not, or any when full, gets 452."""
        for size, used, taken in (
            (0, 0, True),
            (100, 0, True),
            (101, 0, False),
            (1, 99, True),
            (2, 99, False),
            (0, 99, True),
            (0, 100, False),
            (0, 101, False),
        ):
            verdict = memory_allows(size, used=used, capacity=100)
            self.assertEqual(verdict is ACCEPT, taken, (size, used))
            if verdict.reply is not None:
                self.assertEqual(verdict.reply.code, 452)
                self.assertFalse(verdict.hang_up)
