"""A machine's HTTP interface without a machine: recorded answers, and the requests that came.

`test_panel` holds the recorded answers to what the panel answers.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import queue
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import define, field

STATUS = {
    "model": "ir2270",
    "title": "Canon imageRUNNER 2270",
    "status_line": "",
    "state": "ready",
    "memory": {"used": 1_250_000, "capacity": 512_000_000},
    "paper": True,
    "since": None,
    "next_login": None,
}
HISTORY = [
    {"at": "2026-11-20T09:15:00.000+00:00", "text": "SSL Error (SMTP RX Reject)", "session": 3},
    {"at": "2026-11-20T09:10:00.000+00:00", "text": "SSL Error (POP)", "session": None},
]
_PATH = ["Additional Functions", "System Settings", "Network Settings", "E-mail/I-Fax"]


def _item(key: str, label: str, value: Any, allowed: Any, **more: Any) -> dict[str, Any]:
    item = {
        "key": key,
        "label": label,
        "type": "choice",
        "value": value,
        "default": value,
        "allowed": allowed,
        "secret": False,
        "help": "",
    }
    return {**item, **more}


WINDOWS = [
    {
        "key": "email_ifax",
        "label": "E-mail/I-Fax",
        "path": _PATH,
        "items": [
            _item("email_ifax.pop", "POP", False, [False, True]),
            _item(
                "email_ifax.pop_interval",
                "POP Interval",
                0,
                {"minimum": 0, "maximum": 99, "unit": "minutes"},
                type="number",
            ),
            _item(
                "email_ifax.pop_password",
                "POP Password",
                None,
                {"max_length": 32},
                type="text",
                secret=True,
                set=True,
            ),
        ],
    },
    {
        "key": "authent_encryption",
        "label": "Authent./Encryption",
        "path": [*_PATH, "Authent./Encryption"],
        "items": [
            _item(
                "authent_encryption.pop_auth_before_sending",
                "POP AUTH before Sending",
                False,
                [False, True],
            ),
            _item(
                "authent_encryption.allow_ssl_smtp_receive",
                "Allow SSL (SMTP Receive)",
                "off",
                ["off", "on", "ssl"],
            ),
        ],
    },
]
SESSION = {
    "id": 12,
    "kind": "smtp-receive",
    "peer": "192.0.2.17",
    "mac": None,
    "tls": {"version": "TLS 1.2", "cipher": "ECDHE-RSA-AES128-GCM-SHA256"},
    "auth": None,
    "result": "OK",
    "code": None,
    "reason": "",
    "status_line": "",
    "started": "2026-11-20T09:20:00.000+00:00",
    "ended": "2026-11-20T09:20:01.000+00:00",
    "bytes": 48_213,
    "messages": 1,
}
REJECTED = {
    **SESSION,
    "id": 11,
    "tls": None,
    "result": "NG",
    "reason": "the peer sent MAIL in plain text",
    "status_line": "SSL Error (SMTP RX Reject)",
    "bytes": 0,
    "messages": 0,
}
TRANSCRIPT = [
    {"at": "2026-11-20T09:20:00.010+00:00", "speaker": speaker, "text": text}
    for speaker, text in (
        ("S", "220 ir2270.bench.test ESMTP ready"),
        ("C", "EHLO scanner.bench.test"),
        ("S", "250 STARTTLS"),
        ("C", "STARTTLS"),
        ("S", "220 Go ahead"),
        ("-", "TLS 1.2 ECDHE-RSA-AES128-GCM-SHA256"),
        ("C", "EHLO \x1b[2Jscanner.bench.test"),
        ("-", "closed"),
    )
]
JOB = {
    "number": "5001",
    "direction": "rx",
    "kind": "email",
    "party": "scanner@bench.test",
    "subject": "Attached Image",
    "pages": None,
    "result": "OK",
    "code": None,
    "code_text": "",
    "reason": "",
    "size": None,
    "recipients": [],
    "sessions": [12],
    "started": "2026-11-20T09:20:00.000+00:00",
    "ended": "2026-11-20T09:20:01.000+00:00",
}
DOCUMENT = {
    "number": "5001",
    "pages": 2,
    "from": '"Scanner" <scanner@bench.test>',
    "subject": "Attached Image",
    "printed": "2026-11-20T09:20:02.000+00:00",
    "codes": [],
    "code_texts": [],
    "notices": [],
    "size": 13,
}
BROKEN = {
    **DOCUMENT,
    "number": "5002",
    "pages": 1,
    "subject": "",
    "printed": "2026-11-20T09:21:00.000+00:00",
    "codes": ["#827", "#822"],
    "code_texts": ["unsupported MIME type received", "received image cannot be decoded"],
    "notices": ["text/html\nNo programs can process the file attachment."],
}
MAIL = {
    "id": 7,
    "at": "2026-11-20T09:20:00.000+00:00",
    "from": "Jos\u00e9 <jose@bench.test>",
    "to": "scan@bench.test",
    "subject": "Invoice 17",
    "date": "Fri, 20 Nov 2026 10:20:00 +0100",
    "envelope": {"from": "bounce@bench.test", "to": ["scan@bench.test", "b@bench.test"]},
    "size": 48_213,
    "attachments": [{"part": 2, "name": "invoice.pdf", "type": "application/pdf", "size": 13}],
    "session": 12,
    "job": "5001",
    "document": "5001",
}
BARE_MAIL = {
    **MAIL,
    "id": 6,
    "from": "",
    "to": "",
    "subject": "",
    "date": "",
    "envelope": {"from": "", "to": []},
    "attachments": [],
    "session": None,
    "document": None,
}
MAIL_CONTENT = {
    **MAIL,
    "headers": [["From", "Jos\u00e9 <jose@bench.test>"], ["X-Evil", "a\x1b[2Jb"]],
    "text": "Dear printer,\n\tpage\x1b[2J 1\n",
    "parts": [
        {
            "part": 1,
            "type": "text/plain",
            "name": "",
            "size": 20,
            "charset": "utf-8",
            "attachment": False,
        },
        {
            "part": 2,
            "type": "application/pdf",
            "name": "invoice.pdf",
            "size": 13,
            "charset": "",
            "attachment": True,
        },
    ],
}
KEY = {
    "subject": "CN=localhost",
    "names": ["localhost", "127.0.0.1"],
    "not_before": "2026-11-20T00:00:00+00:00",
    "not_after": "2036-11-20T00:00:00+00:00",
    "bits": 1024,
    "sha256": "ab" * 32,
}
MODELS = [
    {"name": "ir2270", "title": "Canon imageRUNNER 2270", "maker": "Canon", "year": 2004},
    {"name": "estudio190f", "title": "Toshiba e-STUDIO190F", "maker": "Toshiba", "year": 2006},
]
RECEIVED = {"result": "OK", "code": None, "received": 1, "session": 12, "reason": ""}
REPORT = {
    "text": "COMMUNICATION REPORT\n5001 scanner@bench.test OK\n",
    "csv": "number\r\n5001\r\n",
    "pdf": "%PDF-1.7\r\n\x00\xff\n",
}

RAW_MAIL = b"From: jose@bench.test\r\n\r\nDear \xff\x1b[2J\r\n"

END = object()
"""Ends an event stream."""


@define
class Answer:
    """The answer of the stand-in to one request."""

    status: int = 200
    body: Any = None
    kind: str = "application/json"
    missing: int = 0
    """Octets of the body that are announced and do not come."""

    def octets(self) -> bytes:
        """Return the body as it goes out."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


def problem(status: int, detail: str, **more: Any) -> Answer:
    """Return a refusal (RFC 9457)."""
    body = {"type": "about:blank", "title": "No", "status": status, "detail": detail, **more}
    return Answer(status, body, "application/problem+json")


@define(eq=False)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)


def recorded() -> dict[str, Answer]:
    """Return the answers of a machine where all is well, by method and path."""
    answers = {
        "GET /api/status": Answer(body=STATUS),
        "DELETE /api/status": Answer(204),
        "GET /api/status/history": Answer(body=HISTORY),
        "GET /api/settings": Answer(body={"windows": WINDOWS}),
        "GET /api/settings/email_ifax": Answer(body={"windows": WINDOWS[:1]}),
        "PATCH /api/settings": Answer(body={"changed": {"email_ifax.pop": True}}),
        "POST /api/receive": Answer(body=RECEIVED),
        "DELETE /api/jobs/5001": Answer(
            body={"number": "5001", "result": "NG", "code": "#995"}
        ),
        "GET /api/jobs": Answer(body=[JOB]),
        "GET /api/sessions": Answer(body=[SESSION, REJECTED]),
        "GET /api/sessions/12": Answer(body={**SESSION, "transcript": TRANSCRIPT}),
        "GET /api/tray": Answer(body=[BROKEN, DOCUMENT]),
        "GET /api/mails": Answer(body=[MAIL, BARE_MAIL]),
        "GET /api/mails/7": Answer(body=MAIL_CONTENT),
        "GET /api/mails/6": Answer(body={**BARE_MAIL, "headers": [], "text": "", "parts": []}),
        "GET /api/mails/7/raw": Answer(200, RAW_MAIL, "message/rfc822"),
        "GET /api/mails/7/parts/1": Answer(200, b"Dear\xff", "text/plain; charset=utf-8"),
        "GET /api/mails/7/parts/2": Answer(200, b"%PDF-1.7\r\n\x00\xff", "application/pdf"),
        "DELETE /api/mails/7": Answer(204),
        "PUT /api/paper": Answer(body={**STATUS, "paper": False}),
        "GET /api/models": Answer(body=MODELS),
        "GET /api/key": Answer(body=KEY),
        "POST /api/key/generate": Answer(body=KEY),
        "POST /api/key/import": Answer(body=KEY),
        "POST /api/factory-reset": Answer(204),
    }
    for one in (DOCUMENT, BROKEN):
        path = f"/api/tray/{one['number']}"
        pdf = f"%PDF-1.7 {one['number']}".encode()
        answers |= {
            f"GET {path}": Answer(body=one),
            f"GET {path}.pdf": Answer(200, pdf, "application/pdf"),
            f"DELETE {path}": Answer(204),
        }
        for page in range(1, int(str(one["pages"])) + 1):
            answers[f"GET {path}/{page}.png"] = Answer(200, b"\x89PNG%d" % page, "image/png")
    return copy.deepcopy(answers)


@define(eq=False)
class StandIn:
    """The server on loopback, in threads of its own."""

    answers: dict[str, Answer] = field(factory=recorded)
    password: str = ""
    port: int = 0
    asked: list[Asked] = field(factory=list)
    events: queue.Queue[Any] = field(factory=queue.Queue)
    """Octets for the event stream that is open; END ends it."""
    listening: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    """Released at each opening of the event stream."""
    _server: ThreadingHTTPServer = field(init=False)
    _connections: list[socket.socket] = field(factory=list)

    def start(self) -> None:
        """Listen; `port` is the real one from here on."""
        stand_in = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else a body waits for the acknowledgement of its head, which comes late.
            disable_nagle_algorithm = True

            def log_message(self, *of: object) -> None:
                """Print nothing: the output belongs to the test."""

            def do_GET(self) -> None:
                stand_in._answer(self)

            def setup(self) -> None:
                super().setup()
                stand_in._connections.append(self.connection)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Requests)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.002,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening, and end an event stream that is open."""
        self.events.put(END)
        self._server.shutdown()
        self._server.server_close()
        # One that is kept alive would go on to answer.
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        """The URL for --url."""
        return f"http://127.0.0.1:{self.port}"

    def tell(self, number: int, name: str, value: Any) -> None:
        """Send an event."""
        self.events.put(f"id: {number}\nevent: {name}\ndata: {json.dumps(value)}\n\n".encode())

    def last(self, method: str, path: str) -> Asked:
        """Return the last request of this kind."""
        return [one for one in self.asked if (one.method, one.path) == (method, path)][-1]

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        length = int(request.headers.get("Content-Length") or 0)
        asked = Asked(
            method=request.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.rfile.read(length),
        )
        self.asked.append(asked)
        if self.password and asked.headers.get("authorization") != self._authorization():
            self._send(request, problem(401, "The panel asks for its password"))
        elif asked.path == "/api/events" and "GET /api/events" not in self.answers:
            self._stream(request)
        else:
            self._send(request, self._choose(asked))

    def _authorization(self) -> str:
        return "Basic " + base64.b64encode(f"irsendctl:{self.password}".encode()).decode()

    def _choose(self, asked: Asked) -> Answer:
        if asked.path == "/api/report":
            form = asked.query.get("format", "text")
            kind = {"text": "text/plain", "csv": "text/csv", "pdf": "application/pdf"}[form]
            return Answer(200, REPORT[form].encode("latin-1"), kind)
        if asked.path == "/api/sessions/12" and asked.headers.get("accept") == "text/plain":
            lines = (f"{one['speaker']}: {one['text']}\n" for one in TRANSCRIPT[:2])
            return Answer(200, "".join(lines).encode(), "text/plain; charset=utf-8")
        nothing = problem(404, f"There is nothing at {asked.path}")
        return self.answers.get(f"{asked.method} {asked.path}", nothing)

    def _send(self, request: BaseHTTPRequestHandler, answer: Answer) -> None:
        octets = answer.octets()
        # A client that has gone away is no traceback on stderr.
        with contextlib.suppress(OSError):
            request.send_response(answer.status)
            request.send_header("Content-Type", answer.kind)
            request.send_header("Content-Length", str(len(octets) + answer.missing))
            request.end_headers()
            request.wfile.write(octets)
        request.close_connection = request.close_connection or bool(answer.missing)

    def _stream(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        with contextlib.suppress(OSError):
            request.send_response(200)
            request.send_header("Content-Type", "text/event-stream; charset=utf-8")
            request.end_headers()
            self.listening.release()
            while (octets := self.events.get()) is not END:
                request.wfile.write(octets)


@contextlib.contextmanager
def stand_in(**given: Any) -> Iterator[StandIn]:
    """Run a stand-in for the time of a `with`."""
    machine = StandIn(**given)
    machine.start()
    try:
        yield machine
    finally:
        machine.stop()
