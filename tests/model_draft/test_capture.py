"""Packet captures, written by dpkt here: the TLS hello of a real program, and sessions in plain text."""

from __future__ import annotations

import io
import ssl
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dpkt
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from irsend.model_draft.capture import Capture, NoCapture, read_capture
from irsend.model_draft.client_hello import observe_hello, unknown_suites
from irsend.model_draft.draft import draft_model
from irsend.model_draft.recorded_session import read_transcript
from irsend.protocols.tls_hello import SERVER_NAME, SESSION_TICKET, Hello, read_hello
from irsend.services.client_tls import client_tls
from tests.ctl.calls import call

TO_TLS = (
    (False, b"220 mx\r\n"),
    (True, b"EHLO a.test\r\n"),
    (False, b"250-mx\r\n250 STARTTLS\r\n"),
    (True, b"STARTTLS\r\n"),
    (False, b"220 go\r\n"),
)
TRANSCRIPT = "".join(
    f"{'C' if by_client else 'S'}: {line}\n"
    for by_client, octets in TO_TLS
    for line in octets.decode().splitlines()
)
_CLIENT, _SERVER = (b"\x7f\x00\x00\x01", 40000), (b"\x7f\x00\x00\x01", 587)
_SYN, _ACK = dpkt.tcp.TH_SYN, dpkt.tcp.TH_ACK
_ETHERNET, _RAW, _COOKED, _NULL = 1, 101, 113, 0


def hello_of_a_program() -> bytes:
    """Return the ClientHello of Python's ssl, which is another OpenSSL than irsend's."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_ciphers("ECDHE+AESGCM:AES256-SHA:AES128-SHA")
    side = context.wrap_bio(incoming, outgoing, server_hostname="mx.bench.test")
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("nobody answered")


def segments(
    spoken: Sequence[tuple[bool, bytes]], *, with_syn: bool = True
) -> list[tuple[bool, int, int, bytes]]:
    """Return direction, flags, sequence number and octets of each TCP segment."""
    numbers = {True: 2**32 - 5, False: 7000}
    sent = []
    if with_syn:
        sent = [(True, _SYN, numbers[True], b""), (False, _SYN | _ACK, numbers[False], b"")]
        numbers = {side: (number + 1) % 2**32 for side, number in numbers.items()}
    for by_client, octets in spoken:
        sent.append((by_client, _ACK, numbers[by_client], octets))
        numbers[by_client] = (numbers[by_client] + len(octets)) % 2**32
    return sent


def packet(link: int, by_client: bool, flags: int, number: int, octets: bytes) -> bytes:
    """Return a packet as a capture of this link type has it."""
    source, target = (_CLIENT, _SERVER) if by_client else (_SERVER, _CLIENT)
    tcp = dpkt.tcp.TCP(sport=source[1], dport=target[1], seq=number, flags=flags, data=octets)
    ip = dpkt.ip.IP(src=source[0], dst=target[0], p=dpkt.ip.IP_PROTO_TCP, data=tcp)
    ip.len = len(bytes(ip))
    if link == _ETHERNET:
        return bytes(dpkt.ethernet.Ethernet(data=ip, type=dpkt.ethernet.ETH_TYPE_IP))
    if link == _COOKED:
        return struct.pack(">HHH8sH", 0, 1, 6, b"", 0x0800) + bytes(ip)
    return (b"\2\0\0\0" if link == _NULL else b"") + bytes(ip)


class Case(SynchronousTestCase):
    """Writes captures."""

    def path(
        self,
        sent: Sequence[tuple[bool, int, int, bytes]],
        *,
        link: int = _ETHERNET,
        ng: bool = False,
    ) -> Path:
        """Write a capture."""
        written = io.BytesIO()
        if ng:
            writer = dpkt.pcapng.Writer(written, linktype=link)
        else:
            writer = dpkt.pcap.Writer(written, linktype=link)
        for number, one in enumerate(sent):
            writer.writepkt(packet(link, *one), ts=1_000_000.0 + number)
        path = Path(self.mktemp())
        path.write_bytes(written.getvalue())
        return path

    def read(self, sent: Sequence[tuple[bool, int, int, bytes]], **given: object) -> Capture:
        """Write a capture and read it."""
        return read_capture(self.path(sent, **given))  # type: ignore[arg-type]


class ReadingTests(Case):
    """What is found in a capture."""

    def check(self, capture: Capture) -> None:
        """Look whether it has the program's hello, and the session before it."""
        assert capture.hello is not None
        assert capture.session is not None
        self.assertIsNotNone(capture.hello.extension(SERVER_NAME))
        self.assertEqual(capture.record_version, 0x0301)
        lines = [one.text for one in capture.session.lines]
        self.assertEqual(lines, [line[3:] for line in TRANSCRIPT.splitlines()])

    def test_link_types(self) -> None:
        """Ethernet, Linux's cooked captures, raw IP and BSD's loopback are read, as pcap and pcapng."""
        behind = ((False, b"\x16\x03\x03\0\5a\nb\nc"), (True, b"\x17\x03\x03\0\3\na\n"))
        sent = segments([*TO_TLS, (True, hello_of_a_program()), *behind])
        for link in (_ETHERNET, _COOKED, _RAW, _NULL):
            for ng in (False, True):
                self.check(self.read(sent, link=link, ng=ng))

    def test_split_and_shuffled(self) -> None:
        """A hello in many segments, out of order and sent twice, is put together."""
        hello = hello_of_a_program()
        pieces = [(True, hello[at : at + 50]) for at in range(0, len(hello), 50)]
        sent = segments([*TO_TLS, *pieces])
        sent[-2], sent[-1] = sent[-1], sent[-2]
        self.check(self.read([*sent, sent[-3]]))

    def test_begun_late(self) -> None:
        """A capture without the beginning of the connection is read, whoever spoke first in it."""
        sent = segments([*TO_TLS, (True, hello_of_a_program())], with_syn=False)
        self.check(self.read(sent))

    def test_implicit(self) -> None:
        """A connection that begins with TLS has a hello and no session."""
        capture = self.read(segments([(True, hello_of_a_program())]))
        self.assertIsNotNone(capture.hello)
        self.assertIsNone(capture.session)

    def test_wrong_files(self) -> None:
        """What is no capture, or has no mail session, is refused in words that name the file."""
        path = Path(self.mktemp())
        path.write_bytes(b"no capture")
        for wrong, said in (
            (path, "is no packet capture"),
            (self.path([]), "in none of its connections"),
            (
                self.path(segments([(True, b"GET / HTTP/1.1\r\n\r\n")])),
                "in none of its connections",
            ),
            (Path("there-is-none"), "No such file or directory"),
        ):
            sentence = str(self.assertRaises(NoCapture, read_capture, wrong))
            self.assertIn(said, sentence)
            self.assertIn(str(wrong), sentence)

    def test_cut_off(self) -> None:
        """A capture that was cut off is read as far as it goes, or refused."""
        whole = self.path(segments([*TO_TLS, (True, hello_of_a_program())])).read_bytes()
        path = Path(self.mktemp())
        for length in range(0, len(whole), 97):
            path.write_bytes(whole[:length])
            try:
                read_capture(path)
            except NoCapture:
                continue


class DraftTests(Case):
    """A model from transcript and capture."""

    def test_hello_again(self) -> None:
        """The drafted model's ClientHello has the program's suites, groups, signatures and extensions."""
        octets = hello_of_a_program()
        capture = self.read(segments([*TO_TLS, (True, octets)]))
        _, model = draft_model("mine", read_transcript(TRANSCRIPT), capture)
        theirs = read_hello(octets)
        assert model.tls is not None
        assert theirs is not None
        tls = client_tls("mx.bench.test", model.tls, verify=False, check_name=False, trust="")
        connection = tls.clientConnectionForTLS(None)
        connection.set_connect_state()
        self.assertRaises(SSL.WantReadError, connection.do_handshake)
        ours = read_hello(connection.bio_read(65536))
        assert ours is not None
        self.assertEqual(ours.suites, theirs.suites)
        self.assertEqual(ours.versions, theirs.versions)
        known = {23, 24, 25, 29, 30, *range(256, 261)}
        self.assertEqual(ours.groups, [one for one in theirs.groups if one in known])
        self.assertEqual(
            [one for one in theirs.signatures if one in ours.signatures], ours.signatures
        )
        self.assertGreater(len(ours.signatures), 5)
        for number in (SERVER_NAME, SESSION_TICKET, 22, 23):
            self.assertEqual(
                ours.extension(number) is None, theirs.extension(number) is None, number
            )

    def test_old_machine(self) -> None:
        """Suites that today's OpenSSL does not have are in the draft by their old names."""
        hello = Hello(
            of_client=True,
            version=0x0301,
            all_suites=(0x0004, 0x0005, 0x000A, 0x002F, 0x00FF, 0xFE01),
            extensions=(),
        )
        found = {one.key: one.value for one in observe_hello(hello, 0x0300)}
        self.assertEqual(
            found["tls.ciphers"], "RC4-MD5:RC4-SHA:DES-CBC3-SHA:AES128-SHA:@SECLEVEL=0"
        )
        self.assertEqual((found["tls.oldest"], found["tls.newest"]), ("SSL 3.0", "TLS 1.0"))
        self.assertEqual(unknown_suites(hello), ["0xfe01"])
        text, model = draft_model(
            "mine", read_transcript(TRANSCRIPT), Capture(hello, 0x0300, None)
        )
        assert model.tls is not None
        self.assertIn("suites that OpenSSL has no name for: 0xfe01", text)

    def test_implicit(self) -> None:
        """A connection that begins with TLS makes a model that can."""
        capture = self.read(segments([(True, hello_of_a_program())]))
        _, model = draft_model("mine", read_transcript(TRANSCRIPT), capture)
        assert model.tls is not None
        self.assertTrue(model.tls.implicit)

    def test_drafts_of_tls_13(self) -> None:
        """Versions that are none are left out, and the file is right without them."""
        listed = b"\x04\x7f\x1c\x03\x03"
        for content, newest in ((listed, "TLS 1.2"), (b"\x02\x7f\x1c", "TLS 1.0")):
            hello = Hello(
                of_client=True,
                version=0x0303,
                all_suites=(0x002F,),
                extensions=((43, content),),
            )
            _, model = draft_model(
                "mine", read_transcript(TRANSCRIPT), Capture(hello, 0x0301, None)
            )
            assert model.tls is not None
            self.assertEqual(model.tls.newest, newest)

    def test_line_ends(self) -> None:
        """LF as the end of a command, which no transcript shows, is told by the octets."""
        plain = [(False, b"220 mx\r\n"), (True, b"EHLO a.test\n"), (False, b"250 mx\r\n")]
        path = self.path(segments(plain))
        transcript = Path(self.mktemp())
        transcript.write_text("S: 220 mx\nC: EHLO a.test\nS: 250 mx\n")
        ended = call(
            "models",
            "new",
            "--from",
            str(transcript),
            "--pcap",
            str(path),
            "--name",
            "lf",
            url="",
        )
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertIn('name = "lf"\n', ended.out)
        self.assertIn("bare_lf_commands = true\n", ended.out)
        ended = call("models", "new", "--from", str(transcript), url="")
        self.assertNotIn("bare_lf", ended.out)


class CommandTests(Case):
    """`irsendctl models new`."""

    def test_wrong_use(self) -> None:
        """A file without a session, or that is no capture, is status 1 and a sentence; none given is 2."""
        transcript = Path(self.mktemp())
        transcript.write_text("nothing\n")
        ended = call("models", "new", "--from", str(transcript), url="")
        self.assertEqual((ended.status, ended.out), (1, ""))
        self.assertTrue(ended.err.startswith(f"{transcript}: there is no SMTP session in it"))
        good = Path(self.mktemp())
        good.write_text(TRANSCRIPT)
        for arguments, status, said in (
            (("--from", str(good), "--pcap", str(transcript)), 1, "is no packet capture"),
            (("--from", str(good), "--name", "a b"), 1, "name: 'a b' is not allowed"),
            (("--from", "there-is-none"), 2, "there-is-none: No such file or directory"),
            ((), 2, "--from"),
        ):
            ended = call("models", "new", *arguments, url="")
            self.assertEqual(ended.status, status, ended.err)
            self.assertIn(said, ended.err)

    def test_standard_input(self) -> None:
        """- reads the transcript from standard input."""
        ended = call("models", "new", "--from", "-", url="", stdin=TRANSCRIPT)
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertIn('helo_name = "name"', ended.out)

    def test_without_dpkt(self) -> None:
        """Where dpkt is not installed --pcap says how to install it; without --pcap it is not needed."""
        transcript = Path(self.mktemp())
        transcript.write_text(TRANSCRIPT)
        program = (
            "import sys; sys.modules['dpkt'] = None\n"
            "from irsend.ctl.program import run\nsys.exit(run(sys.argv[1:]))"
        )
        words = [sys.executable, "-c", program, "models", "new", "--from", str(transcript)]
        ended = subprocess.run(
            [*words, "--pcap", str(transcript)], capture_output=True, text=True
        )
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertIn("needs dpkt: pip install 'irsend[pcap]'", ended.stderr)
        ended = subprocess.run(words, capture_output=True, text=True)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))

    def test_draft_is_right(self) -> None:
        """What `new` prints, `check` calls right."""
        path = Path(self.mktemp())
        path.write_text(call("models", "new", "--from", "-", url="", stdin=TRANSCRIPT).out)
        self.assertEqual(call("models", "check", str(path), url="").status, 0)
