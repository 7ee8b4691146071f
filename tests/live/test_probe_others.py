"""A probe of every model against Exim and OpenSMTPD: each row is what the model's file says."""

from __future__ import annotations

import time

from irsend.device.model import load_model, model_names
from irsend.probe.order import Order
from irsend.probe.outcome import Report, settings_text
from irsend.probe.probe import Probe
from irsend.probe.target import read_target
from tests.live.case import LiveTestCase
from tests.live.dovecot import PASSWORD, USER
from tests.live.exim import Policy, start_exim
from tests.live.opensmtpd import start_opensmtpd
from tests.live.probe_expectations import Expected, Way, expected

_LOGIN = ("LOGIN",)
_SUCCESS = "Authentication succeeded"


class OtherServerCase(LiveTestCase):
    """Probes one way of a server."""

    as_root = True
    timeout = 240

    async def check(self, port: int, way: Way, name: str, *advised: str) -> None:
        """Probe with all models; the table is as expected, and has this advice in it."""
        order = Order(
            target=read_target(f"smtp://127.0.0.1:{port}"),
            models=tuple(load_model(one) for one in model_names()),
            sender=USER,
            recipients=("b@bench.test",),
            user=USER if way.wants_login else "",
            password=PASSWORD,
            dry_run=True,
            pause=0.0,
        )
        report: Report = await Probe(order, self.reactor, time.time).run()
        for one in report.outcomes:
            found = Expected(one.result, one.code, one.tls and one.tls.version, one.mechanism)
            row = (name, one.model.name, settings_text(one.varied), one.reason)
            self.assertEqual(found, expected(one.model, one.varied, way), row)
        self.assertEqual(report.offers.tls_versions, way.versions, name)
        drawn = {advice.name for outcome in report.outcomes for advice in outcome.advice}
        self.assertLessEqual(set(advised), drawn, name)


class EximTests(OtherServerCase):
    """Exim."""

    programs = ("exim4",)

    async def test_tables(self) -> None:
        """Open, with a login, with a login under TLS only, and greylisting."""
        wants_login = "deny !authenticated = *\n    message = Authentication required"
        exim = await start_exim(
            self,
            {
                "open": Policy(),
                "login": Policy(prompts="Username:|Password:", rcpt=wants_login),
                "under-tls": Policy(
                    prompts="Username:|Password:", rcpt=wants_login, only_under_tls=True
                ),
                "later": Policy(rcpt="defer message = Greylisted, try again"),
            },
        )
        ways = {
            "open": Way(options={}, wants_login=False),
            "login": Way(options={}, plain=_LOGIN, secured=_LOGIN, success=_SUCCESS),
            "under-tls": Way(options={}, secured=_LOGIN, success=_SUCCESS),
            "later": Way(options={}, wants_login=False, refusal="#806"),
        }
        advised = {
            "under-tls": ("mechanisms-only-under-tls",),
            "later": ("greylisted", "greylisted-gives-up"),
        }
        for name, way in ways.items():
            await self.check(exim.ports[name], way, name, *advised.get(name, ()))


class OpenSMTPDTests(OtherServerCase):
    """OpenSMTPD, as Debian 12 has it: its TLS fails, since its keys are beyond today's OpenSSL."""

    programs = ("smtpd", "openssl")

    async def test_tables(self) -> None:
        """Without TLS; with STARTTLS that fails in each handshake; or the same where a login is wanted."""
        server = await start_opensmtpd(
            self,
            {
                "plain": "",
                "secure": "tls pki bench",
                "login": "tls pki bench auth-optional <accounts>",
            },
            'match tag login auth from any for any action "discard"\n'
            'match tag plain from any for domain "bench.test" action "discard"\n'
            'match tag secure from any for domain "bench.test" action "discard"',
        )
        plain = Way(options={}, versions=(), wants_login=False)
        fails = Way(options={}, versions=(), tls_fails=True, wants_login=False)
        login = Way(options={}, versions=(), tls_fails=True)
        await self.check(server.ports["plain"], plain, "plain")
        await self.check(server.ports["secure"], fails, "secure", "tls-other")
        await self.check(server.ports["login"], login, "login", "tls-other", "no-login-offered")
