"""A Courier of the test's own: POP3 on a port of 127.0.0.1, one account and its Maildir.

Debian's package excludes Dovecot's, so that its POP server is unpacked, not installed
(`.ci/run`). The paths of its table of accounts and of its password service are compiled
in: one instance runs at a time, whatever tests run beside this one.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import socket
import tempfile
from pathlib import Path

from tests.live.case import LiveTestCase
from tests.live.certificates import make_certificate
from tests.live.dovecot import PASSWORD, USER
from tests.live.mails import Mail
from tests.live.programs import free_port, path_of, run

_ACCOUNTS = Path("/etc/courier/userdb")
_AUTHENTICATION = "/usr/lib/courier/courier-authlib/authdaemond"
_SOCKET = Path("/run/courier/authdaemon/socket")
_LOCK = Path(tempfile.gettempdir(), "irsend-courier.lock")


class Courier:
    """One instance; started by `start_courier`."""

    def __init__(self, test: LiveTestCase, directory: Path) -> None:
        self._test = test
        self._directory = directory
        self._owner = pwd.getpwnam("nobody")
        self.maildir = directory / "Maildir"
        self.port = free_port()

    async def start(self, *, mechanisms: str, tls: bool) -> None:
        """Write the account, then start the password service and the POP server."""
        await self._wait_for_turn()
        for part in ("", "new", "cur", "tmp"):
            path = self.maildir / part
            path.mkdir(parents=True)
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
        certificate, key = make_certificate(self._directory)
        both = self._directory / "pop3d.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        await self._write_account()
        authentication = self._test.start("Courier's authdaemond", _AUTHENTICATION)
        await self._test.until(
            lambda: "complete" in authentication.output and _answers(_SOCKET),
            "Courier's password service has started",
        )
        login = Path(path_of("courierpop3login") or "courierpop3login").resolve()
        self._test.start(
            "Courier",
            "couriertcpd",
            *("-address=127.0.0.1", "-maxprocs=40", "-maxperip=40", "-nodnslookup"),
            *("-noidentlookup", str(self.port), str(login)),
            *(str(login.with_name("courierpop3d")), "Maildir"),
            environment={
                "POP3AUTH": mechanisms,
                "POP3AUTH_TLS": mechanisms,
                "POP3_STARTTLS": "YES" if tls else "NO",
                "POP3_TLS_REQUIRED": "0",
                "COURIERTLS": "/usr/bin/couriertls",
                "TLS_CERTFILE": str(both),
                "TLS_VERIFYPEER": "NONE",
                "MAILDIRPATH": "Maildir",
            },
        )
        await self._test.until(lambda: _listens(self.port), "Courier has started")

    async def _wait_for_turn(self) -> None:
        """Take the lock that one instance has, until the test has ended."""
        # Closed behind all that the instance has started: clean-ups run in reverse.
        descriptor = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._test.addCleanup(os.close, descriptor)

        def locked() -> bool:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        await self._test.until(locked, "no other test has a Courier", 150)

    async def _write_account(self) -> None:
        reactor = self._test.reactor
        hashed = await run(reactor, ["openssl", "passwd", "-1", PASSWORD])
        shared = await run(reactor, ["userdbpw", "-hmac-md5"], given=f"{PASSWORD}\n".encode())
        owner = self._owner
        _ACCOUNTS.write_text(
            f"{USER}\tuid={owner.pw_uid}|gid={owner.pw_gid}|home={self._directory}"
            f"|mail={self.maildir}|systempw={hashed.output.strip()}"
            f"|hmac-md5pw={shared.output.strip()}\n"
        )
        self._test.addCleanup(_ACCOUNTS.unlink)
        _ACCOUNTS.chmod(0o600)
        made = await run(reactor, ["makeuserdb"])
        assert made.status == 0, made.output

    def deliver(self, mail: Mail) -> None:
        """Put a mail into the account's Maildir."""
        path = self.maildir / "new" / "1700000000.M1P1.client.test"
        path.write_bytes(mail.content)
        os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def remaining(self) -> list[Path]:
        """Return the mails that are still there."""
        return [one for part in ("new", "cur") for one in (self.maildir / part).iterdir()]


def _answers(path: Path) -> bool:
    # An instance that was killed leaves its socket behind.
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


async def start_courier(
    test: LiveTestCase, *, mechanisms: str = "PLAIN LOGIN", tls: bool = True
) -> Courier:
    """Start one; it ends with the test. `mechanisms` are what AUTH offers."""
    courier = Courier(test, test.directory / "courier")
    await courier.start(mechanisms=mechanisms, tls=tls)
    return courier
