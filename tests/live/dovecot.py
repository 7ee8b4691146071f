"""A Dovecot of the test's own: POP3 on a port of 127.0.0.1, one account and its Maildir."""

from __future__ import annotations

import os
import poplib
import pwd
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from tests.live.case import LiveTestCase
from tests.live.certificates import make_certificate
from tests.live.mails import Mail
from tests.live.programs import free_port

USER = "ir@bench.test"
PASSWORD = "hectograph"

_CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
protocols = pop3
listen = 127.0.0.1
ssl = {ssl}
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_min_protocol = {oldest_tls}
ssl_cipher_list = {ciphers}
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_username_format = %Lu
auth_verbose = yes
auth_failure_delay = 0
login_greeting = Dovecot ready.
login_trusted_networks =
mail_location = maildir:{directory}/Maildir
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 1
verbose_ssl = yes
pop3_logout_format = top=%t/%p, retr=%r/%b, del=%d/%m, size=%s
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service auth {{
  unix_listener {directory}/auth {{
    mode = 0666
  }}
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/home
}}
{more}
"""


class Dovecot:
    """One instance; started by `start_dovecot`."""

    def __init__(self, test: LiveTestCase, directory: Path) -> None:
        self._test = test
        self._directory = directory
        self._owner = pwd.getpwnam("nobody")
        self.maildir = directory / "Maildir"
        self.port = free_port()

    async def start(
        self,
        *,
        ssl: bool,
        mechanisms: str,
        old_tls: bool,
        more: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Write the configuration, start in the foreground, and wait until it listens."""
        self._directory.mkdir()
        certificate, key = make_certificate(self._directory)
        for part in ("", "new", "cur", "tmp"):
            (self.maildir / part).mkdir()
            os.chown(self.maildir / part, self._owner.pw_uid, self._owner.pw_gid)
        (self._directory / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (self._directory / "dovecot.conf").write_text(
            _CONFIGURATION.format(
                directory=self._directory,
                ssl="yes" if ssl else "no",
                certificate=certificate,
                key=key,
                oldest_tls="TLSv1" if old_tls else "TLSv1.2",
                ciphers="ALL:@SECLEVEL=0" if old_tls else "ECDHE+AESGCM",
                mechanisms=mechanisms,
                uid=self._owner.pw_uid,
                gid=self._owner.pw_gid,
                port=self.port,
                more=more,
            )
        )
        self._test.keep_evidence("Dovecot", lambda: self.log)
        self._test.start(
            "Dovecot master",
            *("dovecot", "-F", "-c", str(self._directory / "dovecot.conf")),
            environment=environment,
        )
        await self._test.until(
            lambda: "starting up for pop3" in self.log, "Dovecot has started"
        )

    @property
    def log(self) -> str:
        """Its log so far."""
        path = self._directory / "dovecot.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    async def mechanisms(self) -> list[str]:
        """Return what it offers; none where it was asked for a mechanism that it does not know."""

        def offered() -> list[str]:
            try:
                with closing(poplib.POP3("127.0.0.1", self.port, timeout=5)) as client:
                    return client.capa().get("SASL", [])
            except (OSError, poplib.error_proto):
                return []

        return await deferToThread(offered)

    def deliver(self, mails: list[Mail]) -> None:
        """Put mails into the account's Maildir."""
        for number, mail in enumerate(mails):
            # The order of delivery is the order of the names.
            name = f"1700000000.M{number:06d}P1.client.test"
            path = self.maildir / "tmp" / name
            path.write_bytes(mail.content.replace(b"\r\n", b"\n"))
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
            path.rename(self.maildir / "new" / name)

    def remaining(self) -> list[Path]:
        """Return the mails that are still there."""
        return [one for part in ("new", "cur") for one in (self.maildir / part).iterdir()]


async def start_dovecot(
    test: LiveTestCase,
    *,
    ssl: bool = True,
    mechanisms: str = "plain",
    old_tls: bool = False,
    **more: Any,
) -> Dovecot:
    """Start a Dovecot that ends with the test.

    `mechanisms` are Dovecot's names; `old_tls` lets a machine that knows only TLS 1.0 in;
    `more` is configuration, `environment` what it is started with.
    """
    dovecot = Dovecot(test, test.directory / "dovecot")
    await dovecot.start(ssl=ssl, mechanisms=mechanisms, old_tls=old_tls, **more)
    return dovecot
