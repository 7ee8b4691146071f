"""Addresses as they are written: of mailboxes, and of network cards."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.addresses import literal_address, mac_address, mail_address, mailbox_of
from irsend.protocols.smtp_grammar import parse_path


class MailAddressTests(SynchronousTestCase):
    """What a mail can be sent to."""

    def test_right(self) -> None:
        """Quoted local parts, literals and underscores are taken; blanks around it are no part of it."""
        for given_, address in (
            (" a+b@bench.test ", "a+b@bench.test"),
            ('"a b"@bench.test', '"a b"@bench.test'),
            ("a@[192.0.2.1]", "a@[192.0.2.1]"),
            ("a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]"),
            ("a@under_score.test", "a@under_score.test"),
        ):
            self.assertEqual(mail_address(given_), address)

    def test_wrong(self) -> None:
        """What no server could take is refused, and the sentence has it."""
        for wrong in (
            "x",
            "a@",
            "@c",
            "a b@c.test",
            "a..b@c.test",
            "a@b..test",
            "a(b)@c.test",
            "a@-x.test",
            "a@a-.test",
            "a@[foo]",
            "a@[1.2.3.999]",
            "a@[::1]",
            "é@b.test",
            "<a@b>",
            "a@b\r\nX: y",
            "a" * 65 + "@b.test",
        ):
            error = self.assertRaises(ValueError, mail_address, wrong)
            self.assertEqual(str(error), f"{wrong!r} is not an e-mail address")

    @settings(deadline=None, max_examples=300)
    @given(
        st.text(max_size=20)
        | st.lists(
            st.sampled_from([*'a.@"\\ -_[]:<>,;()é', "IPv6:", "192.0.2.1", "b.test"]),
            max_size=12,
        ).map("".join)
    )
    def test_any(self, text: str) -> None:
        """Whatever is taken can stand in a RCPT command, and names the same mailbox there."""
        try:
            address = mail_address(text).encode("ascii")
        except ValueError:
            return
        self.assertEqual(parse_path(b"TO:<" + address + b">", b"TO"), (mailbox_of(address), {}))

    def test_literal(self) -> None:
        """A literal gives its address in its usual form."""
        self.assertEqual(literal_address(b"[192.0.2.1]"), "192.0.2.1")
        self.assertEqual(literal_address(b"[IPv6:2001:DB8:0::1]"), "2001:db8::1")


class MacAddressTests(SynchronousTestCase):
    """The MAC addresses of the filter."""

    def test_forms(self) -> None:
        """Colons, hyphens and dots are understood, in either case, and brought to one form."""
        for form in (
            "00:00:85:AB:CD:EF",
            "00-00-85-ab-cd-ef",
            "0000.85ab.cdef",
            "  00:00:85:ab:cd:ef ",
        ):
            self.assertEqual(mac_address(form), "00:00:85:ab:cd:ef")

    def test_no_form(self) -> None:
        """Mixed separators, missing and superfluous digits are no MAC address."""
        for form in (
            "",
            "00:00:85:ab:cd",
            "00:00:85:ab:cd:ef:01",
            "00:00-85:ab:cd:ef",
            "0:0:85:ab:cd:ef",
            "00.00.85.ab.cd.ef",
            "0000:85ab:cdef",
            "00:00:85:ab:cd:eg",
            "00:00:85:ab:cd:ef\n00",
            "\u0660\u0660:00:85:ab:cd:ef",
        ):
            error = self.assertRaises(ValueError, mac_address, form)
            self.assertIn("is not a MAC address", str(error))

    def test_nobody(self) -> None:
        """The address of zeros is nobody's."""
        error = self.assertRaises(ValueError, mac_address, "00:00:00:00:00:00")
        self.assertEqual(str(error), "'00:00:00:00:00:00' is nobody's address")

    def test_groups(self) -> None:
        """Broadcast and group addresses name no peer."""
        for group in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "0300.0000.0001"):
            error = self.assertRaises(ValueError, mac_address, group)
            self.assertIn("is a group address", str(error))

    @settings(deadline=None)
    @given(st.binary(min_size=6, max_size=6))
    def test_any(self, octets: bytes) -> None:
        """Every address of one peer comes back from each of its forms."""
        forms = [octets.hex(sign) for sign in ":-"] + [octets.hex(".", 2).upper()]
        for form in forms:
            if octets[0] & 1 or not any(octets):
                self.assertRaises(ValueError, mac_address, form)
            else:
                self.assertEqual(mac_address(form), octets.hex(":"))
