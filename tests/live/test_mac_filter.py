"""The MAC address filter in a network: hosts of their own, frames as they come over the wire."""

from __future__ import annotations

import socket
from typing import Any, ClassVar

from tests.imaging.originals import PNG
from tests.live.case import LiveTestCase
from tests.live.machine import Machine, start_machine
from tests.live.network import Capture, Host, Network, try_to_connect
from tests.live.tagged import TaggedClient

PRINTER, SCANNER, STRANGER = "00:00:85:00:00:01", "00:00:85:12:34:56", "02:00:00:65:43:21"
FAMILIES = (socket.AF_INET, socket.AF_INET6)


def window(*addresses: str, policy: str = "permit") -> dict[str, Any]:
    """Return the settings of the window, whole keys."""
    return {
        "receiving_mac_address.enabled": True,
        "receiving_mac_address.policy": policy,
        "receiving_mac_address.addresses": list(addresses),
    }


class _Network:
    """A printer, a scanner that may pass, a stranger who may not."""

    programs = ("ip", "setpriv", "smtp-sink")
    as_root = True
    prefix: tuple[str, ...] = ()
    link: ClassVar[dict[str, Any]] = {}
    way = "kernel"

    async def start_network(self, *, covers_panel: bool = False) -> None:
        """Plug everybody in, and switch the printer on."""
        self.network = Network(self)
        self.printer = self.network.host(PRINTER)
        self.scanner = self.network.host(SCANNER)
        self.stranger = self.network.host(STRANGER)
        self.machine: Machine = await start_machine(
            self,
            smtp="tcp6:0:interface=\\:\\:",
            host=self.printer,
            prefix=self.prefix,
            panel="tcp:0:interface=0.0.0.0",
            link={**self.link, "covers_panel": covers_panel},
            limits={"smtp_connect": 2, "pop_connect": 2},
            email_ifax={"email_address": "ir@bench.test"},
        )
        self.assertEqual((await self.status())["way"], self.way)
        self.assertIn(f"MAC address filter: {self.way}", self.machine.log)

    async def status(self) -> Any:
        """Return what the status says of the filter."""
        return (await self.machine.get("/api/status"))["mac_filter"]

    async def heard(self, host: Host, family: int = socket.AF_INET) -> str:
        """Return what a host hears when it connects."""
        address = self.printer.address(family)
        port = self.machine.smtp_port
        return await host.start(lambda: try_to_connect(address, port))

    async def refused(self, host: Host, family: int = socket.AF_INET) -> None:
        """See that a host that may not pass is kept off as the way does it, and that it is counted."""
        before = (await self.status())["dropped"]
        sessions = len(await self.machine.get("/api/sessions"))
        capture = Capture(host)
        self.addCleanup(capture.close)
        heard = await self.heard(host, family)
        segments = capture.segments_from(self.printer.mac)
        self.check_refusal(heard, segments)
        self.assertGreater((await self.status())["dropped"], before)
        self.assertEqual(len(await self.machine.get("/api/sessions")), sessions)

    def check_refusal(self, heard: str, segments: int) -> None:
        """Say how a refusal looks from outside."""
        raise NotImplementedError

    async def passed(self, host: Host, family: int = socket.AF_INET) -> Any:
        """See that a host is greeted; return its session."""
        self.assertEqual(await self.heard(host, family), "220 ")
        return (await self.machine.last_session("smtp-receive"))["mac"]

    async def start_sink(self, host: Host) -> None:
        """Start a mail server at a host that takes everything."""
        self.start("sink", *host.prefix, "smtp-sink", "-u", "nobody", f"{host.v4}:2525", "100")

        def listens() -> bool:
            with socket.socket() as sock:
                return sock.connect_ex((host.v4, 2525)) == 0

        await self.until(lambda: host.do(listens), "smtp-sink listens")

    async def send(self, to: Host) -> Any:
        """Send a page by the server at a host; return the job and its session."""
        await self.machine.change(
            {"email_ifax.smtp_server": to.v4, "service_mode.smtp_tx_port": 2525}
        )
        job = await self.machine.send(("p.png", PNG), to="b@bench.test", format="tiff")
        return job, await self.machine.session(job["sessions"][-1])


class _Contract(_Network):
    """What holds for each way."""

    async def test_policies(self) -> None:
        """Permit lets in who is on the list, Reject who is not, by IPv4 and IPv6; sessions have the MAC."""
        await self.start_network()
        for family in FAMILIES:
            await self.machine.change(window(SCANNER))
            self.assertEqual(await self.passed(self.scanner, family), SCANNER)
            await self.refused(self.stranger, family)
            await self.machine.change(window(STRANGER, policy="reject"))
            self.assertEqual(await self.passed(self.scanner, family), SCANNER)
            await self.refused(self.stranger, family)
            await self.machine.change({"receiving_mac_address.enabled": False})
            self.assertEqual(await self.passed(self.stranger, family), STRANGER)

    async def test_hundred(self) -> None:
        """A hundred addresses are taken, and the last of them passes; a hundred and one are refused."""
        await self.start_network()
        many = [f"02:00:00:00:01:{number:02x}" for number in range(99)]
        await self.machine.change(window(*many, SCANNER))
        self.assertEqual(await self.passed(self.scanner), SCANNER)
        await self.refused(self.stranger)
        with self.assertRaises(AssertionError) as refused:
            await self.machine.change(window(*many, SCANNER, STRANGER))
        self.assertIn("up to 100", str(refused.exception))

    async def test_sending(self) -> None:
        """A server that may pass is reached, another one is not: #801; both sessions have its MAC."""
        await self.start_network()
        await self.start_sink(self.scanner)
        await self.start_sink(self.stranger)
        await self.machine.change(window(SCANNER))
        job, session = await self.send(self.scanner)
        self.assertEqual((job["result"], session["mac"]), ("--", SCANNER))
        before = (await self.status())["dropped"]
        job, session = await self.send(self.stranger)
        self.assertEqual((job["code"], session["mac"]), ("#801", STRANGER))
        self.assertGreater((await self.status())["dropped"], before)

    async def test_polling(self) -> None:
        """A POP server that may not pass is not reached: #810."""
        await self.start_network()
        await self.machine.change(
            {
                **window(SCANNER),
                "email_ifax.pop": True,
                "email_ifax.pop_server": self.stranger.v4,
                "service_mode.pop3_port": 2525,
            }
        )
        await self.start_sink(self.stranger)
        answer = await self.machine.receive()
        session = await self.machine.session(answer["session"])
        self.assertEqual((session["code"], session["mac"]), ("#810", STRANGER))

    async def test_tagged(self) -> None:
        """Frames with a VLAN tag are told by the same address."""
        await self.start_network()
        await self.machine.change(window(SCANNER))
        for number, host in ((101, self.scanner), (102, self.stranger)):
            source = f"198.51.100.{number}"
            self.network.introduce(self.printer, source, host.mac)
            client = TaggedClient(host, self.printer, source)
            capture = Capture(host)
            self.addCleanup(capture.close)
            port = self.machine.smtp_port
            heard = await host.start(lambda: client.connect(port))  # noqa: B023
            if host is self.scanner:
                self.assertEqual(heard, "220 ")
            else:
                self.check_refusal(heard, capture.segments_from(PRINTER))
        session = await self.machine.last_session("smtp-receive")
        self.assertEqual(session["mac"], SCANNER)

    async def test_behind_a_router(self) -> None:
        """Who comes by a router has the router's address, incoming and outgoing."""
        await self.start_network()
        far = self.network.behind(self.scanner, "02:00:00:00:00:99", self.printer)
        await self.machine.change(window(SCANNER))
        self.assertEqual(await self.passed(far), SCANNER)
        await self.start_sink(far)
        job, session = await self.send(far)
        self.assertEqual((job["result"], session["mac"]), ("--", SCANNER))
        await self.machine.change(window("02:00:00:00:00:99"))
        job, session = await self.send(far)
        self.assertEqual((job["code"], session["mac"]), ("#801", SCANNER))

    async def test_covered_panel(self) -> None:
        """A panel that is covered answers who may pass and this host itself, and nobody else."""
        await self.start_network(covers_panel=True)
        await self.machine.change(window(SCANNER))
        address, port = self.printer.v4, self.machine.panel_port
        capture = Capture(self.stranger)
        self.addCleanup(capture.close)
        heard = [
            await host.start(lambda: try_to_connect(address, port, b"GET / HTTP/1.0\r\n\r\n"))
            for host in (self.scanner, self.printer, self.stranger)
        ]
        self.assertEqual(heard[:2], ["HTTP", "HTTP"])
        self.check_refusal(heard[2], capture.segments_from(PRINTER))
        await self.machine.change({"receiving_mac_address.enabled": False})

    async def connect(self, host: Host) -> socket.socket:
        """Connect from a host, and be greeted."""
        address, port = self.printer.v4, self.machine.smtp_port

        def connect() -> socket.socket:
            sock = socket.create_connection((address, port), timeout=10)
            sock.recv(100)
            return sock

        sock = await host.start(connect)
        self.addCleanup(sock.close)
        return sock


class KernelTests(_Contract, LiveTestCase):
    """Frames are dropped in the kernel: no packet comes back."""

    def check_refusal(self, heard: str, segments: int) -> None:
        """A timeout, and not one segment."""
        self.assertEqual((heard, segments), ("timeout", 0))

    async def test_changed_while_connected(self) -> None:
        """A connection that is open falls silent at once, and goes on when it may again."""
        await self.start_network()
        await self.machine.change(window(SCANNER))
        sock = await self.connect(self.scanner)
        await self.machine.change(window(STRANGER))
        sock.settimeout(1)
        sock.sendall(b"NOOP\r\n")
        with self.assertRaises(TimeoutError):
            sock.recv(100)
        await self.machine.change(window(SCANNER))
        sock.settimeout(20)
        answer = await self.scanner.start(lambda: sock.recv(100))
        self.assertTrue(answer.startswith(b"250"), answer)


class OrdinaryUserTests(_Contract, LiveTestCase):
    """Without the right to set filters: connections are reset before a byte is written."""

    prefix = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    way = "first-frame"

    def check_refusal(self, heard: str, segments: int) -> None:
        """A reset behind the handshake, and no byte."""
        self.assertEqual(heard, "reset")
        self.assertGreater(segments, 0)

    async def test_changed_while_connected(self) -> None:
        """A connection that is open is reset at once."""
        await self.start_network()
        sock = await self.connect(self.scanner)
        await self.machine.change(window(STRANGER))
        with self.assertRaises(ConnectionResetError):
            await self.scanner.start(lambda: sock.recv(100))


class NeighbourTests(OrdinaryUserTests):
    """By the neighbour table, as on systems without either."""

    link: ClassVar[dict[str, Any]] = {"way": "neighbour"}
    way = "neighbour"
