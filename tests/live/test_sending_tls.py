"""The machine sends to a Postfix of each kind of TLS: too new, too old, expired, for another, none."""

from __future__ import annotations

from typing import Any

from tests.live.certificates import make_certificate
from tests.live.relay import ANY_TLS, RelayTestCase

_OPEN = {"smtpd_relay_restrictions": "permit_mynetworks, reject"}
_TLS_ON = {"smtp_authentication": False, "allow_ssl_smtp_send": True}


class VersionTests(RelayTestCase):
    """Which versions meet."""

    async def start_versions(self, model: str) -> None:
        """Start a relay with ports of TLS 1.0 only, TLS 1.2 only, all of it, and none."""
        only = "smtpd_tls_protocols"
        await self.start_relay(
            {
                "old": {**ANY_TLS, **_OPEN, only: "TLSv1"},
                "new": {**ANY_TLS, **_OPEN, only: "TLSv1.2"},
                "any": {**ANY_TLS, **_OPEN},
                "none": {**_OPEN, "smtpd_tls_security_level": "none"},
                "broken": {**_OPEN, "smtpd_tls_cert_file": "/nonexistent"},
            }
        )
        await self.start_machine(model, authent_encryption=_TLS_ON)

    async def versions(self) -> dict[str, Any]:
        """Send to each; return the version or the code."""
        told = {}
        for policy in ("old", "new", "any"):
            job, session = await self.send(policy)
            told[policy] = job["code"] or session["tls"]["version"]
        return told

    async def test_of_2004(self) -> None:
        """The iR 2270 meets TLS 1.0, and finds nothing in common with TLS 1.2: #841."""
        await self.start_versions("ir2270")
        self.assertEqual(
            await self.versions(), {"old": "TLS 1.0", "new": "#841", "any": "TLS 1.0"}
        )

    async def test_of_2021(self) -> None:
        """The later machine meets TLS 1.2 and 1.3, and finds nothing in common with TLS 1.0: #841."""
        await self.start_versions("iradvance")
        self.assertEqual(
            await self.versions(), {"old": "#841", "new": "TLS 1.2", "any": "TLS 1.3"}
        )

    async def test_none(self) -> None:
        """Where STARTTLS is missing or refused with 454 the mail goes in plain text, without an error."""
        await self.start_versions("ir2270")
        for policy, note in (
            ("none", "STARTTLS is not offered: going on in plain text"),
            ("broken", "STARTTLS was refused (454): going on in plain text"),
        ):
            job, session = await self.send(policy)
            self.assertEqual((job["result"], session["tls"]), ("--", None), policy)
            transcript = await self.machine.transcript(session["id"])
            self.assertIn(f"-- {note}", transcript)
            self.assertIn("-- the mail goes in plain text", transcript)
        self.assertEqual((await self.machine.get("/api/status"))["status_line"], "")


class CertificateTests(RelayTestCase):
    """Whom a machine believes that can check certificates."""

    async def test_checked(self) -> None:
        """Expired, unknown, another's certificate: refused where it is checked, taken where it is not."""
        policies = {"right": {**ANY_TLS, **_OPEN}}
        trusted = []
        for name, subject, expired in (
            ("expired", "localhost", True),
            ("other", "other.bench.test", False),
            ("unknown", "localhost", False),
        ):
            directory = self.directory / name
            directory.mkdir()
            certificate, key = make_certificate(directory, subject, expired=expired)
            policies[name] = {
                **ANY_TLS,
                **_OPEN,
                "smtpd_tls_cert_file": str(certificate),
                "smtpd_tls_key_file": str(key),
            }
            if name != "unknown":
                trusted.append(certificate.read_text())
        await self.start_relay(policies)
        roots = self.directory / "roots.pem"
        roots.write_text("".join([self.certificate.read_text(), *trusted]))
        await self.start_machine(
            "iradvance", authent_encryption=_TLS_ON, tls={"trust": str(roots)}
        )
        told: dict[str, list[str]] = {}
        for verify, names in ((False, False), (True, False), (True, True)):
            for policy in ("right", "expired", "other", "unknown"):
                job, _ = await self.send(
                    policy,
                    authent_encryption__verify_smtp_send=verify,
                    authent_encryption__verify_cn=names,
                )
                told.setdefault(policy, []).append(job["code"] or job["result"])
        self.assertEqual(
            told,
            {
                "right": ["--", "--", "--"],
                "expired": ["--", "#801", "#801"],
                "other": ["--", "--", "#801"],
                "unknown": ["--", "#801", "#801"],
            },
        )

    async def test_client_certificate(self) -> None:
        """A server that asks for a client certificate, and refuses who has none, is #842."""
        asking = {**ANY_TLS, **_OPEN, "smtpd_tls_req_ccert": "yes"}
        # Postfix asks for one only where TLS is a must.
        asking["smtpd_tls_security_level"] = "encrypt"
        await self.start_relay({"asking": asking})
        await self.start_machine("iradvance", authent_encryption=_TLS_ON)
        job, session = await self.send("asking")
        transcript = await self.machine.transcript(session["id"])
        self.assertEqual((job["result"], job["code"]), ("NG", "#842"), transcript)
