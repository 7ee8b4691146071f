"""A probe of every model against Dovecot and Courier: the table is what the files say; mails stay."""

from __future__ import annotations

import time
from typing import Any

from attrs import frozen

from irsend.device.model import Model, load_model, model_names
from irsend.device.windows import PopAuthMethod
from irsend.probe.offers import VERSIONS
from irsend.probe.order import Order
from irsend.probe.outcome import Outcome, Report
from irsend.probe.plan import POP_METHOD, POP_TLS
from irsend.probe.probe import Probe
from irsend.probe.target import read_target
from irsend.protocols.sasl import READABLE, unusable
from tests.live.case import LiveTestCase
from tests.live.courier import start_courier
from tests.live.dovecot import PASSWORD, USER, start_dovecot
from tests.live.mails import make_mail
from tests.live.probe_expectations import Expected, newest_common

# It answers an address the more slowly the more logins of it have failed; without ssl_dh a
# handshake fails where the client would have a Diffie-Hellman cipher first, as the Brother has.
_MORE = """\
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
ssl_dh = </usr/share/dovecot/dh.pem
ssl_cipher_list = ALL:@SECLEVEL=0
"""
_ERROR = "SSL Error (POP)"


@frozen(kw_only=True)
class Way:
    """How the server is set up."""

    versions: tuple[str, ...] = VERSIONS
    """The TLS versions that it accepts; none where it has no STLS."""
    mechanisms: tuple[str, ...]
    plain_allowed: bool = True
    """Whether it takes a password in plain text."""


def expected(model: Model, outcome: Outcome, way: Way) -> tuple[Expected, str]:
    """Return what the row of a run says by the model's file, and the text on the panel."""
    version = None
    if outcome.varied[POP_TLS]:
        version = newest_common(model, way.versions)
        if version is None or (model.tls is not None and model.tls.implicit_always):
            return Expected("NG", "#810"), _ERROR
    match outcome.varied[POP_METHOD]:
        case PopAuthMethod.APOP:
            # Neither server's greeting has a timestamp, as they are set up here.
            return Expected("NG", "#813", version), ""
        case PopAuthMethod.POP_AUTH:
            order = model.sasl.secured if version else model.sasl.plain
            usable = [
                one
                for one in order
                if one in way.mechanisms and not unusable(one) and one != "XOAUTH2"
            ]
            if not usable:
                return Expected("NG", "#813", version), ""
            readable, mechanism = usable[0] in READABLE, usable[0]
        case _:
            readable, mechanism = True, "USER and PASS"
    if readable and version is None:
        return Expected("not tried"), ""
    return Expected("OK", None, version, mechanism), ""


class POPServerCase(LiveTestCase):
    """Probes one way of a server."""

    as_root = True
    timeout = 240

    async def probe(self, port: int, **changes: Any) -> Report:
        """Probe with all models."""
        given: dict[str, Any] = {
            "models": tuple(load_model(one) for one in model_names()),
            "user": USER,
            "password": PASSWORD,
            "pause": 0.0,
            **changes,
        }
        order = Order(target=read_target(f"pop3://127.0.0.1:{port}"), **given)
        return await Probe(order, self.reactor, time.time).run()

    def compare(self, report: Report, way: Way) -> set[str]:
        """Compare each row with what the model's file leads one to expect; return the advice drawn."""
        for one in report.outcomes:
            cells = Expected(one.result, one.code, one.tls and one.tls.version, one.mechanism)
            self.assertEqual(
                (cells, one.panel),
                expected(one.model, one, way),
                (one.model.name, one.varied, one.reason),
            )
        self.assertEqual(report.offers.tls_versions, way.versions)
        return {advice.name for outcome in report.outcomes for advice in outcome.advice}


class DovecotTests(POPServerCase):
    """Dovecot."""

    programs = ("dovecot",)

    async def check(self, way: Way, **dovecot: Any) -> set[str]:
        """Start it, probe it, and compare; its mails stay. Returns the advice drawn."""
        server = await start_dovecot(
            self,
            mechanisms=" ".join(way.mechanisms).lower(),
            more=_MORE,
            **dovecot,
        )
        kept = [make_mail(str(number), 2000) for number in range(2)]
        server.deliver(kept)
        report = await self.probe(server.port)
        drawn = self.compare(report, way)
        self.assertEqual(len(server.remaining()), len(kept))
        return drawn

    async def test_any_tls(self) -> None:
        """A server that speaks every version lets in all that have TLS; there is no APOP."""
        drawn = await self.check(Way(mechanisms=("PLAIN", "LOGIN", "CRAM-MD5")), old_tls=True)
        self.assertIn("apop-no-timestamp", drawn)

    async def test_new_tls(self) -> None:
        """A server from TLS 1.2 on shows SSL Error (POP) on the panels of older models."""
        way = Way(mechanisms=("PLAIN",), versions=("TLS 1.2", "TLS 1.3"))
        self.assertIn("pop-tls-versions", await self.check(way))

    async def test_no_stls(self) -> None:
        """A server without STLS shows it on all panels while Allow SSL (POP) is on."""
        way = Way(mechanisms=("CRAM-MD5",), versions=())
        self.assertIn("pop-no-stls", await self.check(way, ssl=False))


class CourierTests(POPServerCase):
    """Courier."""

    programs = ("couriertcpd", "courierpop3login", "openssl")

    async def check(self, way: Way, *, tls: bool) -> set[str]:
        """Start it, probe it, and compare; its mail stays. Returns the advice drawn."""
        server = await start_courier(self, mechanisms=" ".join(way.mechanisms), tls=tls)
        server.deliver(make_mail("1", 2000))
        report = await self.probe(server.port)
        drawn = self.compare(report, way)
        self.assertEqual(len(server.remaining()), 1)
        return drawn

    async def test_any_tls(self) -> None:
        """With STLS each model gets in by a password and by SASL; there is no APOP."""
        drawn = await self.check(Way(mechanisms=("PLAIN", "LOGIN", "CRAM-MD5")), tls=True)
        self.assertIn("apop-no-timestamp", drawn)

    async def test_no_stls(self) -> None:
        """Without STLS all panels show SSL Error (POP) while Allow SSL (POP) is on."""
        way = Way(mechanisms=("CRAM-MD5",), versions=())
        self.assertIn("pop-no-stls", await self.check(way, tls=False))
