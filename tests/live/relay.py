"""A mail relay as offices have it: Postfix that asks Dovecot for passwords, and delivers to a Maildir.

One Postfix listens on as many ports as a test has policies to show.
"""

from __future__ import annotations

import os
import pwd
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.imaging.originals import PNG
from tests.live.case import LiveTestCase
from tests.live.certificates import make_certificate
from tests.live.dovecot import PASSWORD, USER, Dovecot, start_dovecot
from tests.live.machine import Machine, start_machine
from tests.live.postfix import Postfix
from tests.live.programs import free_port
from tests.live.waiting import wait_until

ANY_TLS = {
    "smtpd_tls_protocols": ">=TLSv1",
    "smtpd_tls_mandatory_protocols": ">=TLSv1",
    "smtpd_tls_ciphers": "medium",
}
"""A port that speaks TLS with machines of any age."""
WITH_AUTH = {"smtpd_sasl_auth_enable": "yes"}
Policies = dict[str, dict[str, str]]


class RelayTestCase(LiveTestCase):
    """A machine that sends to such a relay."""

    programs = ("postfix", "dovecot")
    as_root = True

    async def start_relay(
        self, policies: Policies, *, mechanisms: str = "plain login", **dovecot: Any
    ) -> None:
        """Start Dovecot, and a Postfix with a port for each policy."""
        self.dovecot: Dovecot = await start_dovecot(self, mechanisms=mechanisms, **dovecot)
        self.ports = {name: free_port() for name in policies}
        self.certificate, key = make_certificate(self.directory)
        mailbox = self.directory / "mail"
        mailbox.mkdir()
        owner = pwd.getpwnam("nobody")
        os.chown(mailbox, owner.pw_uid, owner.pw_gid)
        self.maildir = mailbox / "Maildir"
        services = "\n".join(
            f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd -o syslog_name=postfix/{name}"
            # Blanks inside a value of master.cf stand in braces.
            + "".join(f" -o {{{key} = {value}}}" for key, value in options.items())
            for name, options in policies.items()
        )
        self.postfix = Postfix(self, self.directory / "postfix")
        settings = {
            "virtual_mailbox_domains": "bench.test",
            "virtual_mailbox_base": str(mailbox),
            "virtual_mailbox_maps": "inline:{ {ir@bench.test = Maildir/}, {b@bench.test = Maildir/} }",
            "virtual_uid_maps": f"static:{owner.pw_uid}",
            "virtual_gid_maps": f"static:{owner.pw_gid}",
            "virtual_minimum_uid": "1",
            "virtual_mailbox_limit": "0",
            "transport_maps": "inline:{ {bench.test = virtual:}, {relay.bench.test = discard:} }",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": str(self.dovecot_directory / "auth"),
            "smtpd_sasl_security_options": "noanonymous",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
            "broken_sasl_auth_clients": "yes",
            # Mail transactions that end before DATA set its flow control going: a second each.
            "in_flow_delay": "0",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(self.certificate),
            "smtpd_tls_key_file": str(key),
            "smtpd_tls_loglevel": "1",
            "tls_medium_cipherlist": "ALL:@SECLEVEL=0",
        }
        await self.postfix.start(1, settings, services)

    @property
    def dovecot_directory(self) -> Path:
        """Where Dovecot has its socket."""
        return self.directory / "dovecot"

    async def start_machine(self, model: str = "ir2270", **more: Any) -> None:
        """Start a machine that has user and password."""
        window = {
            "smtp_authentication": True,
            "user": USER,
            "password": PASSWORD,
            **more.pop("authent_encryption", {}),
        }
        email = {
            "email_address": USER,
            "smtp_server": "127.0.0.1",
            **more.pop("email_ifax", {}),
        }
        self.machine: Machine = await start_machine(
            self, model=model, authent_encryption=window, email_ifax=email, **more
        )

    async def send(
        self, policy: str, *, to: str | list[str] = "b@bench.test", **settings: Any
    ) -> tuple[Any, Any]:
        """Send a page to the port of a policy; return the job and its last session."""
        await self.machine.change(
            {"service_mode.smtp_tx_port": self.ports[policy]}
            | {name.replace("__", "."): value for name, value in settings.items()}
        )
        job = await self.machine.send(("page.png", PNG), to=to, format="tiff")
        session = await self.machine.session(job["sessions"][-1]) if job["sessions"] else None
        return job, session

    def arrived(self) -> list[Path]:
        """Return the files of the mails that were delivered, the oldest first."""
        fresh = self.maildir / "new"
        return sorted(fresh.iterdir()) if fresh.exists() else []

    async def arrival(self, number: int = 1) -> list[EmailMessage]:
        """Wait for so many mails; return them."""
        await wait_until(
            self.reactor, lambda: len(self.arrived()) >= number, f"{number} mails arrived", 30
        )
        mails = []
        for path in self.arrived():
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(message, EmailMessage)
            mails.append(message)
        return mails
