"""The filter's program: for any list and any frame its verdict is that of a look-up in a set."""

from __future__ import annotations

import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.link.admission import EVERYBODY, Admission
from irsend.link.bpf_program import ETHERNET, LOOPBACK, MOST_INSTRUCTIONS, PASS, packed, program
from tests.link.interpreter import Frame, run

# Few enough that addresses meet, and share their halves.
_OCTETS = st.sampled_from([b"\0\0", b"\0\x85", b"\x12\x34", b"\xff\xff"])
_MACS = st.tuples(_OCTETS, _OCTETS, _OCTETS).map(lambda parts: b"".join(parts).hex(":"))
_ADDRESSES = st.sampled_from(
    ["127.0.0.2", "127.0.0.3", "192.0.2.1", "::1", "2001:db8::1", "2001:db8::2:1", "fe80::1"]
)
_RULES = st.builds(Admission, st.frozensets(_MACS, max_size=12), st.booleans())
_ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}


def frame(mac: str, address: str, hardware_type: int = ETHERNET) -> Frame:
    """Return the beginning of a TCP segment from this address."""
    source = ipaddress.ip_address(address)
    own = source.packed
    ip = (
        b"\x45" + bytes(11) + own + bytes(24)
        if source.version == 4
        else b"\x60" + bytes(7) + own + bytes(36)
    )
    ethernet = bytes(6) + bytes.fromhex(mac.replace(":", "")) + _ETHERTYPES[source.version]
    return Frame(link=ethernet, network=ip, hardware_type=hardware_type)


class ProgramTests(SynchronousTestCase):
    """The program that the kernel gets."""

    @settings(deadline=None, max_examples=300)
    @given(_RULES, _MACS, _ADDRESSES, st.sampled_from([ETHERNET, LOOPBACK]))
    def test_by_source(self, rule: Admission, mac: str, address: str, kind: int) -> None:
        """A frame passes as its source address does."""
        kept = run(program(rule), frame(mac, address, kind))
        self.assertEqual(kept, PASS if rule.passes(mac) else 0)

    @settings(deadline=None, max_examples=300)
    @given(_RULES, _MACS, _ADDRESSES, st.dictionaries(_ADDRESSES, _MACS))
    def test_known(
        self, rule: Admission, mac: str, address: str, known: dict[str, str]
    ) -> None:
        """A known IP address counts as its configured MAC address, whatever the frame holds."""
        kept = run(program(rule, known), frame(mac, address))
        self.assertEqual(kept, PASS if rule.passes(known.get(address, mac)) else 0)

    @settings(deadline=None)
    @given(_RULES, _MACS, _ADDRESSES)
    def test_spared(self, rule: Admission, mac: str, address: str) -> None:
        """Frames of this host itself pass where they are spared; all others pass as ever."""
        spared = program(rule, spares_loopback=True)
        self.assertEqual(run(spared, frame(mac, address, LOOPBACK)), PASS)
        kept = run(spared, frame(mac, address))
        self.assertEqual(kept, PASS if rule.passes(mac) else 0)

    @given(_RULES, _ADDRESSES)
    def test_without_address(self, rule: Admission, address: str) -> None:
        """Frames of a device without Ethernet header, such as a tunnel, have no MAC address."""
        kept = run(program(rule), frame("00:00:85:12:34:56", address, 65_534))
        self.assertEqual(kept, 0 if rule.permits else PASS)

    def test_everybody(self) -> None:
        """Without a rule every frame passes."""
        self.assertEqual(run(program(EVERYBODY), frame("00:00:85:12:34:56", "192.0.2.1")), PASS)

    def test_room(self) -> None:
        """A hundred addresses, and as many that are known, fit into what the kernel takes."""
        macs = [f"00:00:85:12:34:{number:02x}" for number in range(100)]
        known = {f"2001:db8::{number:x}": mac for number, mac in enumerate(macs)}
        instructions = program(Admission(frozenset(macs), permits=True), known)
        self.assertLess(len(instructions), MOST_INSTRUCTIONS // 2)
        self.assertEqual(len(packed(instructions)), 8 * len(instructions))
        for mac in (macs[0], macs[99]):
            self.assertEqual(run(instructions, frame(mac, "192.0.2.1")), PASS)
        self.assertEqual(run(instructions, frame("00:00:85:12:35:00", "192.0.2.1")), 0)

    def test_short(self) -> None:
        """A frame that ends within its addresses is dropped."""
        short = Frame(link=b"", network=b"\x45")
        self.assertEqual(run(program(Admission(frozenset(), permits=True)), short), 0)
