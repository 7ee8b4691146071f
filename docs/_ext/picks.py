"""What a machine picks of what a relay offers: it logs in, in memory, to relays that offer it.

Each cell is one session of the machine's own `SMTPClientSession`, with real TLS where
the column says so, up to the command that says what it has picked.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed

from irsend.interfaces import Mailbox
from irsend.message.prefixed_file import PrefixedFile
from irsend.services.send.delivery import Delivery, Login, Server
from tests.parts import key_material, make_parts
from tests.wire import PullWire, old_tls

OFFERS = (
    ("CRAM-MD5", "DIGEST-MD5", "NTLM", "PLAIN", "LOGIN"),
    ("DIGEST-MD5", "LOGIN"),
    ("NTLM", "PLAIN", "LOGIN"),
    ("PLAIN", "LOGIN"),
    ("LOGIN",),
    ("PLAIN",),
    ("SCRAM-SHA-256", "PLAIN", "LOGIN"),
    ("XOAUTH2", "PLAIN", "LOGIN"),
    ("XOAUTH2",),
    (),
)
"""What relays offer, one after the other."""


def picked(model: str, offered: tuple[str, ...], *, secured: bool) -> str:
    """Return the mechanism that the model logs in with; empty where it goes on without."""
    settings: dict[str, object] = {"authent_encryption.smtp_authentication": True}
    if secured:
        settings["authent_encryption.allow_ssl_smtp_send"] = True
    with tempfile.TemporaryDirectory() as place:
        parts = make_parts(Path(place) / "machine", model=model, settings=settings)
        ir = Mailbox(b"ir", b"bench.test")
        wires: list[PullWire] = []

        class Endpoint:
            def connect(self, factory: Any) -> Deferred[Any]:
                wires.append(PullWire(factory.buildProtocol(None), protocol_is_client=True))
                wires[0].connect()
                return succeed(wires[0].protocol)

        session = parts.smtp_client_session(
            Server(name="relay.bench.test", endpoint=Endpoint()),  # type: ignore[arg-type]
            Delivery(
                sender=ir,
                recipients=(ir,),
                parts=[lambda _: PrefixedFile(b"", io.BytesIO(), 0, 0)],
            ),
            Login(user="ir", password="bench"),
            lambda: succeed(b"token"),
        )
        Deferred.fromCoroutine(session.deliver())
        (wire,) = wires
        said = _converse(wire, offered, secured=secured)
        wire.lose()
        parts.journal.close()
    verb, _, arguments = said.partition(b" ")
    return arguments.split()[0].decode("ascii") if verb == b"AUTH" else ""


def _converse(wire: PullWire, offered: tuple[str, ...], *, secured: bool) -> bytes:
    """Play the relay until the machine logs in or begins its mail; return that command."""
    auth = [b"AUTH " + " ".join(offered).encode("ascii")] if offered else []
    wire.deliver(b"220 relay.bench.test ESMTP\r\n")
    wire.taken()
    if secured:
        _say(wire, [b"relay.bench.test", b"STARTTLS"])
        wire.taken()
        wire.deliver(b"220 Go ahead\r\n")
        context, key = old_tls(), key_material()
        context.use_certificate(key.certificate)
        context.use_privatekey(key.key)
        wire.peer_begins_tls(context, server=True)
        wire.taken()
    _say(wire, [b"relay.bench.test", *auth])
    return wire.taken()


def _say(wire: PullWire, lines: list[bytes]) -> None:
    last = len(lines) - 1
    wire.deliver(
        b"".join(
            b"250" + (b" " if number == last else b"-") + line + b"\r\n"
            for number, line in enumerate(lines)
        )
    )
