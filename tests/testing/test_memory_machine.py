"""Machines in memory, for tests of protocols with a clock."""

from __future__ import annotations

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.mail.smtp import SMTPSenderFactory
from twisted.protocols.basic import LineReceiver
from twisted.trial.unittest import SynchronousTestCase

from irsend.errors import (
    CannotReceive,
    ConfigurationError,
    SendRefused,
    SettingsRefused,
    ValueRefused,
)
from irsend.testing import MemoryMachine

_REPOSITORY = Path(__file__).parents[2]
MAIL = b"Subject: Invoice 17\r\n\r\nPay.\r\n"


class Maildrop(LineReceiver):
    """A POP server with one mail, as small as can be."""

    def connectionMade(self) -> None:
        self.sendLine(b"+OK ready")

    def lineReceived(self, line: bytes) -> None:
        answers = {
            b"STAT": b"+OK 1 29",
            b"LIST": b"+OK\r\n1 29\r\n.",
            b"UIDL": b"+OK\r\n1 a\r\n.",
            b"RETR": b"+OK\r\n" + MAIL + b".",
            b"CAPA": b"-ERR no",
        }
        word = line.split()[0].upper()
        self.sendLine(answers.get(word, b"+OK"))
        if word == b"QUIT":
            self.transport.loseConnection()  # type: ignore[union-attr]


class Relay(LineReceiver):
    """An SMTP server that takes every mail, and keeps what was said."""

    def __init__(self, said: list[bytes]) -> None:
        self.said = said
        self.in_mail = False

    def connectionMade(self) -> None:
        self.sendLine(b"220 relay.bench.test ESMTP")

    def lineReceived(self, line: bytes) -> None:
        self.said.append(line)
        if self.in_mail:
            if line == b".":
                self.in_mail = False
                self.sendLine(b"250 taken")
            return
        self.in_mail = line.upper() == b"DATA"
        self.sendLine(b"354 go on" if self.in_mail else b"250 OK")
        if line.upper() == b"QUIT":
            self.transport.loseConnection()  # type: ignore[union-attr]


class MemoryMachineTests(SynchronousTestCase):
    """`irsend.testing.MemoryMachine`."""

    def machine(self, **options: object) -> MemoryMachine:
        """Return a machine that is stopped with the test."""
        m = MemoryMachine(**options)  # type: ignore[arg-type]
        self.addCleanup(m.stop)
        return m

    def test_reception(self) -> None:
        """A mail spoken by hand is received; each answer is there when its command was sent."""
        m = self.machine()
        client = m.connect()
        self.assertEqual(client.said(), "220 localhost ESMTP ready\r\n")
        self.assertIn("250-SIZE 100000000\r\n", client.say(b"EHLO a\r\n"))
        envelope = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<scan@localhost>\r\nDATA\r\n"
        self.assertEqual(client.say(envelope).count("\r\n"), 3)
        self.assertIn("250 2.6.0", client.say(MAIL + b".\r\n"))
        [mail] = m.mails
        self.assertEqual((mail["Subject"], mail.octets), ("Invoice 17", MAIL))
        self.assertEqual(mail.envelope.recipients, ("scan@localhost",))
        m.assert_said("C: EHLO a", "C: (a message of 29 octets)")
        m.assert_not_said("C: STARTTLS")
        client.hang_up()
        self.assertIn("-- closed", m.transcripts()[0])

    def test_any_split(self) -> None:
        """A conversation that comes octet by octet gives the same mail."""
        m = self.machine()
        client = m.connect()
        whole = b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@localhost>\r\nDATA\r\n" + MAIL + b".\r\n"
        for octet in whole:
            client.say(bytes([octet]))
        self.assertEqual(m.mails[0].octets, MAIL)

    def test_clock(self) -> None:
        """Time passes by `advance` alone, and ends an idle session."""
        clock = Clock()
        m = self.machine(clock=clock, limits={"idle": 60})
        client = m.connect()
        client.said()
        m.advance(59)
        self.assertEqual((client.said(), client.closed), ("", False))
        m.advance(2)
        self.assertIn("421 4.4.2 Timed out", client.said())
        self.assertEqual((client.closed, clock.seconds()), (True, 61))

    def test_client_of_the_test(self) -> None:
        """A client protocol of Twisted's delivers to it."""
        m = self.machine()
        sent: Deferred[object] = Deferred()
        factory = SMTPSenderFactory("a@b.test", ["scan@localhost"], BytesIO(MAIL), sent)
        client = factory.buildProtocol(None)
        m.connect(client)
        self.assertEqual([one["Subject"] for one in m.mails], ["Invoice 17"])
        self.assertEqual(self.successResultOf(sent)[0], 1)  # type: ignore[index]

    def test_polling(self) -> None:
        """It fetches from a POP server protocol of the test."""
        m = self.machine(
            pop=True, pop_server="pop.bench.test", pop_address="ir", pop_password="x"
        )
        m.serve("pop.bench.test", 110, Maildrop)
        session = m.result_of(m.poll())
        self.assertEqual((session.result, session.messages), ("OK", 1))
        self.assertEqual([one["Subject"] for one in m.mails], ["Invoice 17"])
        m.assert_said("C: RETR 1")

    def test_sending(self) -> None:
        """It sends a mail to an SMTP server protocol of the test."""
        said: list[bytes] = []
        m = self.machine(smtp_server="relay.bench.test")
        m.serve("relay.bench.test", 25, lambda: Relay(said))
        job = m.result_of(m.send("b@bench.test", subject="Invoice 18", text="Pay.\n"))
        self.assertEqual(
            [(one.address, one.code) for one in job.recipients], [("b@bench.test", None)]
        )
        self.assertIn(b"RCPT TO:<b@bench.test>", said)
        self.assertIn(b"Subject: Invoice 18", said)
        refused = self.assertRaises(SendRefused, m.send, "nobody")
        self.assertIn("nobody", str(refused))

    def test_delivery_status_notification(self) -> None:
        """What a mail asks for is sent: a DSN, through a server of the test."""
        said: list[bytes] = []
        m = self.machine(smtp_server="relay.bench.test")
        m.serve("relay.bench.test", 25, lambda: Relay(said))
        client = m.connect()
        client.say(
            b"EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@localhost> NOTIFY=SUCCESS\r\n"
        )
        client.say(b"DATA\r\n" + MAIL + b".\r\n")
        m.advance(10)
        self.assertIn(b"RCPT TO:<a@b.test>", said)
        self.assertIn(b"Action: delivered", said)

    def test_no_server(self) -> None:
        """A server that is not there refuses the connection; the job and the session say so."""
        m = self.machine(pop=True, pop_server="pop.bench.test", smtp_server="relay.bench.test")
        self.assertEqual(m.result_of(m.poll()).result, "NG")
        job = m.result_of(m.send("b@bench.test", text="x"))
        self.assertEqual((job.result, job.code), ("NG", "#801"))
        self.assertRaises(CannotReceive, self.machine().poll)

    def test_silent_server(self) -> None:
        """A server that says nothing is given up when its time is over, and not before."""
        m = self.machine(pop=True, pop_server="pop.bench.test", pop_address="ir")
        m.serve("pop.bench.test", 110, Protocol)
        polled = m.poll()
        error = self.assertRaises(AssertionError, m.result_of, polled)
        self.assertIn("it waits for the clock, or for a peer", str(error))
        m.advance(3600)
        self.assertEqual(self.successResultOf(polled).result, "NG")

    def test_memory_full(self) -> None:
        """What does not fit into its memory is refused."""
        m = self.machine(limits={"memory": 1})
        client = m.connect()
        client.say(b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@localhost>\r\nDATA\r\n")
        self.assertIn(
            "452", client.say(b"x" * 998 + b"\r\n" + (b"x" * 998 + b"\r\n") * 1100 + b".\r\n")
        )
        self.assertEqual(m.mails, [])

    def test_settings(self) -> None:
        """Settings hold from the next session on; SMTP Receive off is a refused connection."""
        m = self.machine(email_address="ir@office.test")
        client = m.connect()
        answers = client.say(b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@localhost>\r\n")
        self.assertIn("\r\n550 ", answers)
        self.assertRaises(SettingsRefused, m.set, pop_interval=100)
        m.set(smtp_receive=False)
        self.assertRaises(ConnectionRefusedError, m.connect)
        m.set(**{"email_ifax.smtp_receive": True})
        self.assertIn("220", m.connect().said())

    def test_no_tls(self) -> None:
        """TLS cannot be turned on, at the start and later, and says why."""
        m = self.machine()
        for function in (m.set, MemoryMachine):
            refused = self.assertRaises(ValueRefused, function, allow_ssl_smtp_receive="on")
            self.assertIn("a machine in memory has no TLS; allowed: off", str(refused))
        self.assertRaises(ConfigurationError, MemoryMachine, pop_interval=100)

    def test_stop(self) -> None:
        """Switched off it ends its sessions with 421."""
        m = MemoryMachine()
        client = m.connect()
        client.said()
        m.stop()
        self.assertIn("421", client.said())
        self.assertTrue(client.closed)

    def test_nothing_of_the_host(self) -> None:
        """From its start to its end it opens no file for writing, no socket, no thread and no process."""
        program = (
            "import sys\n"
            "from irsend.testing import MemoryMachine\n"
            "MemoryMachine().stop()\n"
            "seen = []\n"
            "def hook(event, of):\n"
            "    wrong = event.startswith(('socket.', 'subprocess.', 'os.', 'shutil.', 'tempfile.',"
            " '_thread.'))\n"
            "    if wrong or event == 'open' and of[2] & 3:\n"
            "        seen.append((event, of))\n"
            "sys.addaudithook(hook)\n"
            "m = MemoryMachine(email_address='a@b.test')\n"
            "c = m.connect()\n"
            "c.say(b'EHLO a\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<a@b.test>\\r\\nDATA\\r\\n')\n"
            "c.say(b'Subject: x\\r\\n\\r\\n' + b'x\\r\\n' * 200_000 + b'.\\r\\n')\n"
            "m.set(pop_interval=3)\n"
            "assert m.mails and m.transcripts()\n"
            "m.stop()\n"
            "print(seen)\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(_REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((ended.stdout, ended.stderr), ("[]\n", ""))
