"""A probe of every model against Postfix, set up in the ways that administrators do.

The whole table is compared with what each model's file leads one to expect.
"""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path
from typing import Any

from irsend.device.model import load_model, model_names
from irsend.probe.document import report_document
from irsend.probe.order import Order
from irsend.probe.outcome import Report, settings_text
from irsend.probe.page import report_page
from irsend.probe.probe import Probe
from irsend.probe.target import read_target
from tests.live.certificates import make_certificate
from tests.live.dovecot import PASSWORD, USER
from tests.live.probe_expectations import Expected, Way, expected
from tests.live.relay import ANY_TLS, WITH_AUTH, RelayTestCase

_OLD = {**ANY_TLS, **WITH_AUTH}
_PLAIN = ("PLAIN", "LOGIN")
_ALL = (*_PLAIN, "CRAM-MD5")
_NO_CRAM = {"smtpd_sasl_mechanism_filter": "plain, login"}
_VERIFY = {"authent_encryption.verify_smtp_send": "on"}

WAYS: dict[str, Way] = {
    "open": Way(
        options={**ANY_TLS, "smtpd_relay_restrictions": "permit_mynetworks, reject"},
        wants_login=False,
    ),
    "login": Way(options=_OLD, plain=_ALL, secured=_ALL),
    "tls12": Way(
        options={**_OLD, "smtpd_tls_protocols": ">=TLSv1.2, <=TLSv1.2"},
        versions=("TLS 1.2",),
        plain=_ALL,
        secured=_ALL,
    ),
    "tls13": Way(
        options={**_OLD, "smtpd_tls_protocols": ">=TLSv1.3"},
        versions=("TLS 1.3",),
        plain=_ALL,
        secured=_ALL,
    ),
    "xoauth2": Way(options={**_OLD, "smtpd_sasl_mechanism_filter": "xoauth2"}),
    "sender": Way(
        options={
            **_OLD,
            "smtpd_sender_login_maps": "static:another",
            "smtpd_sender_restrictions": "reject_sender_login_mismatch",
        },
        plain=_ALL,
        secured=_ALL,
        refusal="#806",
    ),
    "no-starttls": Way(
        options={**_OLD, "smtpd_tls_security_level": "none"}, versions=(), plain=_ALL
    ),
    "expired": Way(options=_OLD, plain=_ALL, secured=_ALL, bad_certificate=True),
    "wrong-name": Way(options=_OLD, plain=_ALL, secured=_ALL, bad_certificate=True),
    "greylisting": Way(
        options={
            **ANY_TLS,
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtpd_recipient_restrictions": "check_client_access static:{450 4.2.0 Greylisted}",
        },
        wants_login=False,
        refusal="#806",
    ),
    "one-mb": Way(options={**_OLD, "message_size_limit": "1000000"}, plain=_ALL, secured=_ALL),
    "auth-under-tls": Way(
        options={**_OLD, **_NO_CRAM, "smtpd_tls_auth_only": "yes"}, secured=_PLAIN
    ),
    "tls-only": Way(
        options={**_OLD, "smtpd_tls_security_level": "encrypt"},
        plain=(),
        secured=_ALL,
        wants_tls=True,
    ),
    "broken-cram": Way(
        options={**_OLD, "smtpd_sasl_mechanism_filter": "cram-md5, plain"},
        plain=("CRAM-MD5", "PLAIN"),
        secured=("CRAM-MD5", "PLAIN"),
        broken=("CRAM-MD5",),
    ),
}
_ADVICE = {
    "tls12": "tls-versions",
    "tls13": "tls-versions",
    "broken-cram": "cram-md5-refused",
    "xoauth2": "xoauth2-only",
    "sender": "sender-not-owned",
    "expired": "tls-certificate-expired",
    "wrong-name": "tls-certificate-name",
    "greylisting": "greylisted-gives-up",
    "one-mb": "size-limit",
    "auth-under-tls": "mechanisms-only-under-tls",
    "tls-only": "starttls-required",
}
"""What some row of a way is advised."""
_SETTINGS = {
    "expired": _VERIFY,
    "wrong-name": {**_VERIFY, "authent_encryption.verify_cn": "on"},
}
_HASHED, _HASHED_PASSWORD = "hashed@bench.test", "mimeograph"
_NO_PENALTY = "service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n"
"""Dovecot answers an address the more slowly the more logins of it have failed."""


class ProbeTests(RelayTestCase):
    """Every model, in every way."""

    timeout = 300

    async def start_ways(self) -> None:
        """Start Dovecot and Postfix, with a port for each way."""
        # Without the second that Postfix waits after each refusal.
        options = {
            name: {**way.options, "smtpd_error_sleep_time": "0"} for name, way in WAYS.items()
        }
        self.trusted: dict[str, Path] = {}
        for name, more in (
            ("expired", {"expired": True}),
            ("wrong-name", {"name": "elsewhere.test"}),
        ):
            directory = self.directory / name
            directory.mkdir()
            certificate, key = make_certificate(directory, **more)  # type: ignore[arg-type]
            options[name] |= {
                "smtpd_tls_cert_file": str(certificate),
                "smtpd_tls_key_file": str(key),
            }
            self.trusted[name] = certificate
        await self.start_relay(
            options, mechanisms="plain login cram-md5 xoauth2", more=_NO_PENALTY
        )
        # CRAM-MD5 needs the password, and has a hash here.
        digest = hashlib.sha1(_HASHED_PASSWORD.encode(), usedforsecurity=False).digest()
        hashed = "{SHA}" + base64.b64encode(digest).decode()
        with (self.dovecot_directory / "users").open("a") as users:
            users.write(f"{_HASHED}:{hashed}\n")

    async def probe(self, name: str, **changes: Any) -> Report:
        """Probe the port of a way with all models."""
        user = _HASHED if name == "broken-cram" else USER
        password = _HASHED_PASSWORD if name == "broken-cram" else PASSWORD
        given: dict[str, Any] = {
            "sender": USER,
            "recipients": ("b@bench.test",),
            "user": user if WAYS[name].wants_login else "",
            "password": password,
            "settings": {},
            "dry_run": True,
            "pause": 0.0,
            "trust": str(self.trusted.get(name, self.certificate)),
            **changes,
        }
        names = given.pop("models", None) or model_names()
        order = Order(
            target=read_target(f"smtp://127.0.0.1:{self.ports[name]}"),
            models=tuple(load_model(one) for one in names),
            **given,
        )
        return await Probe(order, self.reactor, time.time).run()

    async def test_tables(self) -> None:
        """In each way each row is what the model's file leads one to expect, and the advice is drawn."""
        await self.start_ways()
        for name, way in WAYS.items():
            settings = _SETTINGS.get(name, {})
            models = None
            if settings:
                models = [
                    one for one in model_names() if all(map(load_model(one).has_item, settings))
                ]
            report = await self.probe(name, settings=settings, models=models)
            found = {
                (one.model.name, settings_text(one.varied)): Expected(
                    one.result, one.code, one.tls and one.tls.version, one.mechanism
                )
                for one in report.outcomes
            }
            wanted = {
                (one.model.name, settings_text(one.varied)): expected(
                    one.model, one.varied, way
                )
                for one in report.outcomes
            }
            for row, cells in wanted.items():
                reasons = [one.reason for one in report.outcomes if one.model.name == row[0]]
                self.assertEqual(found[row], cells, (name, row, reasons))
            self.assertEqual(report.offers.tls_versions, way.versions, name)
            if name in _ADVICE:
                drawn = {one.name for outcome in report.outcomes for one in outcome.advice}
                self.assertIn(_ADVICE[name], drawn, name)
            for shown in (report_page(report), str(report_document(report))):
                self.assertFalse(PASSWORD in shown, name)
        self.assertNotIn("status=sent", self.postfix.log)

    async def test_mails(self) -> None:
        """Without --dry-run a mail of each result that differs arrives, and no other."""
        await self.start_ways()
        report = await self.probe("login", dry_run=False)
        kinds = {(one.tls, one.mechanism) for one in report.outcomes if one.result == "OK"}
        mails = await self.arrival(len(kinds))
        self.assertEqual((len(mails), report.mails), (len(kinds), len(kinds)))
        for mail in mails:
            self.assertTrue(mail["Subject"].startswith("irsend probe as "))
