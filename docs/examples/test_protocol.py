"""Tests of a protocol against a machine in memory, whose clock the test moves.

Run it with: pytest docs/examples/test_protocol.py
"""

import pytest
from twisted.protocols.basic import LineReceiver

from irsend.testing import MemoryMachine


# The protocol under test. Yours is imported here.
class Maildrop(LineReceiver):
    """A POP server that refuses every login."""

    def connectionMade(self):
        """Greet."""
        self.sendLine(b"+OK ready")

    def lineReceived(self, line):
        """Answer; CAPA is not known."""
        command = line.split()[0].upper()
        answers = {b"CAPA": b"-ERR what?", b"PASS": b"-ERR [AUTH] no"}
        self.sendLine(answers.get(command, b"+OK"))


@pytest.fixture
def machine():
    """Give a machine that is switched on, and polls our server."""
    m = MemoryMachine(pop=True, pop_server="pop.office.test", pop_address="ir")
    m.serve("pop.office.test", 110, Maildrop)
    yield m
    m.stop()


def test_refused_login(machine):
    """The machine takes the refusal for what it is, and fetches nothing."""
    session = machine.result_of(machine.poll())
    assert session.result == "NG"
    machine.assert_said("S: +OK ready", "S: -ERR [AUTH] no")
    machine.assert_not_said("C: RETR")


def test_idle_client(machine):
    """The machine ends a session that says nothing for five minutes."""
    client = machine.connect()
    assert client.said().startswith("220 ")
    assert "250-PIPELINING" in client.say(b"EHLO shop.office.test\r\n")
    machine.advance(301)
    assert client.said() == "421 4.4.2 Timed out, closing connection\r\n"
    assert client.closed
