"""An OpenSMTPD of the test's own: a port for each policy, every mail thrown away.

Debian's package excludes Postfix's, so that its program is unpacked, not installed
(`.ci/run`). It has one spool and one socket, which are compiled in: one instance runs at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.live.case import LiveTestCase
from tests.live.certificates import make_certificate
from tests.live.dovecot import PASSWORD, USER
from tests.live.programs import free_port, path_of, run


class OpenSMTPD:
    """One instance; started by `start_opensmtpd`."""

    def __init__(self, test: LiveTestCase, directory: Path) -> None:
        self._test = test
        self._directory = directory
        self.ports: dict[str, int] = {}

    async def start(self, listeners: Mapping[str, str], rules: str) -> None:
        """Write the configuration, with a port for each listener's options, and wait until it listens."""
        self._directory.mkdir()
        self.ports = {name: free_port() for name in listeners}
        self.certificate, key = make_certificate(self._directory)
        accounts = self._directory / "accounts"
        hashed = await run(self._test.reactor, ["openssl", "passwd", "-6", PASSWORD])
        accounts.write_text(f"{USER} {hashed.output}")
        listening = "\n".join(
            f"listen on 127.0.0.1 port {self.ports[name]} {options} tag {name}"
            for name, options in listeners.items()
        )
        configuration = self._directory / "smtpd.conf"
        configuration.write_text(
            f'pki bench cert "{self.certificate}"\n'
            f'pki bench key "{key}"\n'
            f"table accounts file:{accounts}\n"
            f"{listening}\n"
            'table anyone { "@" = "nobody" }\n'
            'action "discard" mda "/bin/cat > /dev/null" virtual <anyone>\n'
            f"{rules}\n"
        )
        program = str(Path(path_of("smtpd") or "smtpd").resolve())
        started = self._test.start("OpenSMTPD", program, "-d", "-v", "-f", str(configuration))
        await self._test.until(
            lambda: "offline scanning done" in started.output, "OpenSMTPD has started"
        )


async def start_opensmtpd(
    test: LiveTestCase, listeners: Mapping[str, str], rules: str
) -> OpenSMTPD:
    """Start one; it ends with the test. Its table of passwords is <accounts>, its pki is bench."""
    server = OpenSMTPD(test, test.directory / "opensmtpd")
    await server.start(listeners, rules)
    return server
