"""The program as a whole: exit statuses, the machine's absence, terminals and pipes."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

from irsend.ctl.absence import absent
from irsend.ctl.invocation import Invocation
from irsend.store.keys import generate_key_material
from tests.ctl.calls import PATIENCE, CallCase, environment, process
from tests.ctl.stand_in import Answer, problem
from tests.ctl.terminals import Terminal


class AbsenceTests(CallCase):
    """A URL without a machine ends with status 3 and a sentence."""

    def assert_absent(
        self, url: str, *said: str, arguments: tuple[str, ...] = ("status",)
    ) -> None:
        """Check that a call finds no machine and prints why, and what to do, on a line each."""
        ended = self.call(*arguments, url=url)
        self.assertEqual((ended.status, ended.out), (3, ""), ended)
        self.assertLessEqual(ended.err.count("\n"), 2, ended.err)
        for each in said:
            self.assertIn(each, ended.err)

    def silent_port(self) -> int:
        """Return a port that accepts connections and never sends anything."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        port: int = listener.getsockname()[1]
        return port

    def test_refused(self) -> None:
        """A refused connection is an error that names the URL."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        for arguments in (("status",), ("watch",), ("receive",), ("sessions", "--follow")):
            self.assert_absent(
                f"http://127.0.0.1:{port}",
                f"There is no machine at http://127.0.0.1:{port}: connection refused.\n"
                "Start one with `twistd -n irsend` or `irsend-machine` (in a checkout: `make run`), "
                "or name another with --url or IRSEND_URL.\n",
                arguments=arguments,
            )

    def test_refused_elsewhere(self) -> None:
        """On another host, too, one is to be started, and to listen where it can be reached."""
        error = absent("http://192.0.2.1:8631", "connection refused", refused=True)
        self.assertEqual(
            (str(error), error.remedy),
            (
                "There is no machine at http://192.0.2.1:8631: connection refused.",
                "Start one there; unless its [listen] panel says otherwise, only its own host can "
                "reach it. --url or IRSEND_URL names another.",
            ),
        )

    def test_unknown_name(self) -> None:
        """A name that does not resolve is an error that names it, and how to name another."""
        self.assert_absent(
            "http://nowhere.invalid:8631",
            "http://nowhere.invalid:8631: ",
            "--url or IRSEND_URL names the panel of a machine.",
        )

    def test_silence(self) -> None:
        """A machine that does not answer in time is an error that names the time."""
        self.assert_absent(
            f"http://127.0.0.1:{self.silent_port()}",
            "did not answer within 0.2 s",
            arguments=("status", "--timeout", "0.2"),
        )

    def test_other_answers(self) -> None:
        """Pages, errors without a problem document, redirects, other JSON: another program answers."""
        others = [
            Answer(200, b"<html>", "text/html"),
            Answer(200, b"", ""),
            Answer(200, b"{", "application/json"),
            Answer(200, [1]),
            Answer(200, {"up": True}),
            Answer(404, b"no", "text/html"),
            Answer(502, b"bad gateway", "text/plain"),
            Answer(301, b"", "text/html"),
        ]
        for other in others:
            self.machine.answers["GET /api/status"] = other
            self.assert_absent(
                self.machine.url,
                f"Another program answers at {self.machine.url}, which is no irsend: ",
                "--url or IRSEND_URL names the panel of a machine.",
            )
        self.assert_absent(self.machine.url, "(its server: BaseHTTP/", arguments=("status",))

    def test_not_http(self) -> None:
        """A server of another protocol is no irsend, and what it says is repeated."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        running = self.start(
            "status", IRSEND_URL=f"http://127.0.0.1:{listener.getsockname()[1]}"
        )
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(b"220 mail.bench.test ESMTP\r\n\r\n")
        ended = running.wait()
        self.assertEqual(ended.status, 3)
        self.assertIn("it answers '220 mail.bench.test ESMTP', which is no HTTP", ended.err)

    def test_mail_server(self) -> None:
        """A mail server, which waits for more of what it does not understand, is no irsend either."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def greet() -> None:
            with contextlib.ExitStack() as peers, contextlib.suppress(OSError):
                for _ in range(2):
                    peer = peers.enter_context(listener.accept()[0])
                    peer.sendall(b"+OK POP3 ready\r\n")
                peer.recv(1)

        threading.Thread(target=greet, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.assert_absent(
            url,
            f"Another program answers at {url}, which is no irsend: it answers '+OK POP3 ready', "
            "which is no HTTP.",
            arguments=("status", "--timeout", "0.2"),
        )

    def test_unknown_authority(self) -> None:
        """A certificate that no known authority has signed is not trusted."""
        certificate, key = generate_key_material(["127.0.0.1"], 2048, time.time())
        file = Path(self.mktemp())
        file.write_bytes(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as peer:
                context.wrap_socket(peer, server_side=True).close()

        threading.Thread(target=serve, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        self.assert_absent(url, "certificate verify failed")

    def test_other_things_in_the_answer(self) -> None:
        """JSON that does not follow the contract ends with a sentence."""
        for body in ({"windows": [{"items": 5}]}, {"windows": [{"items": [[]]}]}):
            self.machine.answers["GET /api/settings"] = Answer(body=body)
            self.assert_absent(
                self.machine.url, "otherwise than irsendctl", arguments=("settings",)
            )
        self.machine.answers["GET /api/settings"] = Answer(200, b"[" * 100_000)
        self.assert_absent(self.machine.url, "is no irsend", arguments=("settings",))


class PasswordTests(CallCase):
    """The panel's password."""

    def setUp(self) -> None:
        """Set a password that is not ASCII and has a colon."""
        super().setUp()
        self.machine.password = "s3cret: ä"

    def test_asked_for(self) -> None:
        """Without the password, and with a wrong one, the status is 1; it is never repeated."""
        ended = self.call("status")
        self.assertEqual(ended.status, 1)
        self.assertIn(
            "asks for a password; give it as --password-file FILE, IRSEND_PASSWORD or --password.",
            ended.err,
        )
        wrong = self.call("status", "--password", "hunter2")
        self.assertEqual(wrong.status, 1)
        self.assertIn("refuses this password", wrong.err)
        self.assertNotIn("hunter2", wrong.err)

    def test_given(self) -> None:
        """It is taken from --password, a file, the URL's userinfo, and IRSEND_PASSWORD, in this order."""
        port, password = self.machine.port, self.machine.password
        file = Path(self.mktemp())
        file.write_text(f"{password}\n", "utf-8")
        in_url = f"http://any:s3cret%3A%20%C3%A4@127.0.0.1:{port}"
        calls = [
            self.call("--password", password, "status"),
            self.call("status", "--password", password),
            self.call("status", url=in_url),
            self.call("status", IRSEND_PASSWORD=password),
            self.call("status", url=in_url, IRSEND_PASSWORD="wrong"),
            self.call("status", "--password", password, IRSEND_PASSWORD="wrong"),
            self.call("--password-file", str(file), "status", IRSEND_PASSWORD="wrong"),
            self.call("status", "--password-file", str(file), url=in_url.replace("s3", "x")),
        ]
        self.assertEqual([each.status for each in calls], [0] * 8)

    def test_second_connection(self) -> None:
        """A second connection, as `watch` has on a terminal, has the password of the URL too."""
        in_url = f"http://any:s3cret%3A%20%C3%A4@127.0.0.1:{self.machine.port}"
        with Invocation(url=in_url).another_machine() as machine:
            self.assertIn("status_line", machine.read_object("/api/status"))

    def test_typed(self) -> None:
        """At a terminal it is asked for once, when the panel wants it, and not shown."""
        terminal = Terminal(("status",), environment(self.machine.url), (80, 24))
        self.addCleanup(terminal.end)
        terminal.until(f"Password of the panel at {self.machine.url}: ")
        terminal.type(f"{self.machine.password}\n")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn("ir2270", terminal.written)
        self.assertNotIn("s3cret", terminal.written)

    def test_typed_wrong(self) -> None:
        """A wrong one that was typed is refused, and not asked for again."""
        terminal = Terminal(("status",), environment(self.machine.url), (80, 24))
        self.addCleanup(terminal.end)
        terminal.until("Password of the panel")
        terminal.type("hunter2\n")
        self.assertEqual(terminal.wait(), 1)
        self.assertIn("refuses this password", terminal.written)

    def test_not_typed_for_another_server(self) -> None:
        """A server that is no irsend is not given what would be typed: nothing is asked."""
        self.machine.password = ""
        self.machine.answers["GET /api/status"] = Answer(401, b"no", "text/html")
        terminal = Terminal(("status",), environment(self.machine.url), (80, 24))
        self.addCleanup(terminal.end)
        self.assertEqual(terminal.wait(), 1)
        self.assertIn("asks for a password", terminal.written)

    def test_not_in_sentences(self) -> None:
        """The password of a URL is in no sentence about that URL."""
        for url in ("http://any:hunter2@127.0.0.1:1", "gopher://any:hunter2@127.0.0.1"):
            ended = self.call("status", url=url)
            self.assertIn(ended.status, (2, 3))
            self.assertNotIn("hunter2", ended.err)


class UseTests(CallCase):
    """Options, and the wrong use of them."""

    def test_url(self) -> None:
        """--url wins over IRSEND_URL, before and after the command, with or without http://."""
        elsewhere = "http://127.0.0.1:1"
        for arguments in (
            ("--url", self.machine.url, "status"),
            ("status", "--url", f"127.0.0.1:{self.machine.port}"),
            ("status", "--url", f"{self.machine.url}/"),
        ):
            self.assertEqual(self.call(*arguments, url=elsewhere).status, 0)

    def test_path_before(self) -> None:
        """A panel below a path of a proxy is asked below that path."""
        self.machine.answers["GET /printer/api/status"] = self.machine.answers[
            "GET /api/status"
        ]
        self.assertEqual(self.call("status", url=f"{self.machine.url}/printer/").status, 0)

    def test_wrong_url(self) -> None:
        """A wrong URL is wrong use, and the sentence shows a right one."""
        for url in ("ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://[::1"):
            ended = self.call("status", url=url)
            self.assertEqual(ended.status, 2, url)
            self.assertIn("http://127.0.0.1:8631", ended.err)

    def test_wrong_use(self) -> None:
        """An unknown command, an unknown option and no command are wrong use."""
        for arguments in (["print"], ["status", "--colour"], [], ["transcript"]):
            self.assertEqual(self.call(*arguments).status, 2, arguments)

    def test_wrong_timeout(self) -> None:
        """A timeout that is none is wrong use."""
        for seconds in ("0", "-1", "nan", "inf", "soon"):
            self.assertEqual(self.call("status", "--timeout", seconds).status, 2, seconds)

    def test_unreadable_argument(self) -> None:
        """An argument that is not UTF-8 is wrong use, and nothing is sent."""
        ended = self.call("set", "email_ifax.pop_address=\udcff")
        self.assertEqual(ended.status, 2)
        self.assertIn("UTF-8", ended.err)
        self.assertEqual(self.machine.asked, [])

    def test_version(self) -> None:
        """--version prints name and version."""
        self.assertRegex(self.call("--version").out, r"^irsendctl \d+\.\d+")

    def test_proxy(self) -> None:
        """A proxy named in the environment is not used."""
        self.assertEqual(self.call("status", http_proxy="http://127.0.0.1:1").status, 0)

    def test_no_such_number(self) -> None:
        """A number that the machine does not know is refused with the command that lists those there are."""
        for arguments, listed in (
            (("job", "9"), "jobs"),
            (("cancel", "9"), "jobs"),
            (("transcript", "99"), "sessions"),
            (("transcript", "99", "--plain"), "sessions"),
            (("mail", "9"), "mails"),
        ):
            ended = self.call(*arguments)
            self.assertEqual(ended.status, 1)
            self.assertRegex(ended.err, rf"^There is nothing at .*\nSee: irsendctl {listed}\n$")

    def test_refusal_for_programs(self) -> None:
        """With --json a refusal is printed as the machine's problem document."""
        self.machine.answers["GET /api/status"] = problem(503, "The machine is not running")
        ended = self.call("status", "--json")
        self.assertEqual((ended.status, ended.err), (1, "The machine is not running\n"))
        self.assertIn('"status": 503', ended.out)


class TerminalTests(CallCase):
    """Terminals, pipes, locales."""

    def piped(self, *arguments: str) -> str:
        """Return what a call in this process writes to a pipe."""
        reading, writing = os.pipe()
        with open(reading, encoding="utf-8") as out:
            with open(writing, "w", encoding="utf-8") as pipe:
                self.assertEqual(self.call(*arguments, stdout=pipe).status, 0)
            return out.read()

    def test_no_colour_in_a_pipe(self) -> None:
        """The output to a pipe has no control sequence."""
        for name in ("status", "settings", "jobs", "sessions", "models"):
            self.assertNotIn("\x1b", self.piped(name))
        self.assertNotIn("\x1b", process("sessions", url=self.machine.url).out)

    def test_no_color(self) -> None:
        """NO_COLOR takes the colours away on a terminal too."""
        coloured, plain = self.on_terminal(), self.on_terminal(NO_COLOR="1")
        self.assertRegex(coloured, "\x1b\\[[0-9;]*3[0-9]m")
        self.assertNotRegex(plain, "\x1b\\[[0-9;]*3[0-9]m")
        self.assertIn("NG", plain)

    def on_terminal(self, **env: str) -> str:
        """Return what `sessions` writes to a terminal."""
        ours, theirs = os.openpty()
        written = b""
        with open(ours, "rb", buffering=0) as screen:
            with open(theirs, "w") as terminal:
                ended = self.call(
                    "sessions", stdout=terminal, TERM="xterm", COLUMNS="80", **env
                )
            self.assertEqual((ended.status, ended.err), (0, ""))
            # The end of a terminal that nothing has open is an error of reading.
            with contextlib.suppress(OSError):
                while piece := screen.read(65536):
                    written += piece
        return written.decode()

    def test_poor_locale(self) -> None:
        """Characters that the locale cannot write are replaced; nothing ends in a traceback."""
        for arguments, status in (
            (("settings",), 0),
            (("transcript", "12"), 0),
            (("watch",), 1),
        ):
            self.machine.answers["GET /api/events"] = problem(403, "nö")
            out, err = (io.TextIOWrapper(io.BytesIO(), "ascii") for _ in range(2))
            ended = self.call(*arguments, stdout=out, stderr=err)
            self.assertEqual(ended.status, status)
            told = err if status else out
            told.flush()
            self.assertIn(b"?", told.buffer.getvalue())

    def test_poor_locale_of_a_process(self) -> None:
        """The same in a process that has such a locale from its beginning."""
        env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
        ended = process("settings", url=self.machine.url, env=env)
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertIn("?", ended.out)

    def test_reader_gone(self) -> None:
        """A reader that goes away, as `head` does, ends it with 141 and no message."""
        for arguments in (("settings",), ("settings", "--json"), ("report",)):
            # Closing flushes what is left, as Python does at its end.
            with open(self.pipe_to_nobody(), "w", encoding="utf-8") as pipe:
                ended = self.call(*arguments, stdout=pipe)
            self.assertEqual((ended.status, ended.err), (141, ""))
        writing = self.pipe_to_nobody()
        self.addCleanup(os.close, writing)
        ended = process("settings", url=self.machine.url, stdout=writing)
        self.assertEqual((ended.status, ended.err), (141, ""))

    def pipe_to_nobody(self) -> int:
        """Return the writing end of a pipe whose reader is gone."""
        reading, writing = os.pipe()
        os.close(reading)
        return writing

    def test_disk_full(self) -> None:
        """An output that cannot be written ends with 2 and a sentence."""
        said = (2, "The output cannot be written: No space left on device.\n")
        for arguments in (("status",), ("status", "--json")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                ended = self.call(*arguments, stdout=full)
            self.assertEqual((ended.status, ended.err), said)
        with open("/dev/full", "wb") as full:
            ended = process("status", url=self.machine.url, stdout=full.fileno())
        self.assertEqual((ended.status, ended.err), said)

    def test_status_is_light(self) -> None:
        """`status` imports httpx, rich and what these need: nothing else from packages, and no event loop."""
        code = (
            "import sys, click, attrs, rich.console, rich.table\n"
            "before = set(sys.modules)\n"
            "from irsend.ctl.program import run\n"
            "run(['status'])\n"
            "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))\n"
            "print([name for name in ('asyncio', 'concurrent.futures', 'difflib', 'getpass', "
            "'multiprocessing', 'sqlite3', 'irsend.ctl.watch_view', 'rich.live', "
            "'rich.progress', 'pygments') "
            "if name in set(sys.modules) - before])"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(self.machine.url),
            cwd=environment("")["PYTHONPATH"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        packages, slow = ended.stdout.splitlines()[-2:]
        of_httpx = {"httpx", "httpcore", "h11", "h2", "certifi", "idna", "anyio", "sniffio"}
        of_httpx |= {"typing_extensions"}
        known = {"irsend", *of_httpx, *sys.stdlib_module_names}
        self.assertIn("'irsend'", packages)
        self.assertEqual(set(ast.literal_eval(packages)) - known, set())
        self.assertEqual(slow, "[]")

    def test_help_is_light(self) -> None:
        """For --help neither httpx nor rich nor anything of the machine is imported."""
        heavy = (
            *("httpx", "rich", "ssl", "http.client", "email", "asyncio"),
            *("twisted", "zope", "irsend.device", "irsend.interfaces"),
        )
        for arguments in (["--help"], ["send", "--help"], ["--version"]):
            code = (
                f"import sys\nfrom irsend.ctl.program import run\nrun({arguments})\n"
                f"print([name for name in {heavy} if name in sys.modules])"
            )
            ended = subprocess.run(
                [sys.executable, "-c", code],
                env=environment(""),
                cwd=environment("")["PYTHONPATH"],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=True,
            )
            self.assertEqual(ended.stdout.splitlines()[-1], "[]")
