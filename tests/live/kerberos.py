"""A Kerberos realm of the test's own: MIT's KDC on a port of 127.0.0.1, its database, who is in it."""

from __future__ import annotations

from pathlib import Path

from tests.live.case import LiveTestCase
from tests.live.programs import Program, free_port, run

REALM = "BENCH.TEST"
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "faketime")
"""What a realm needs to be installed."""

# Names stay as they are written: the DNS of the test's computer has no say in it.
_CLIENT = """\
[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
qualify_shortname = ""
{more}
[realms]
{realm} = {{
  kdc = 127.0.0.1:{port}
}}
"""
_KDC = """\
[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
  database_name = {directory}/principal
  key_stash_file = {directory}/stash
  default_principal_flags = +preauth
}}
[logging]
kdc = STDERR
"""


class Realm:
    """One realm; started by `start_realm`."""

    def __init__(
        self, test: LiveTestCase, directory: Path, libdefaults: tuple[str, ...]
    ) -> None:
        self._test = test
        self._directory = directory
        self._libdefaults = libdefaults
        self._kdc: Program | None = None
        self.port = free_port()
        self.keytab = directory / "keytab"
        """The keys of the services."""
        self.tickets = directory / "tickets"
        """Where whoever runs programs with this environment keeps tickets."""

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to be in this realm."""
        return {
            "KRB5_CONFIG": str(self._directory / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self._directory / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{self.tickets}",
            # Else services remember in a common directory whom they have seen.
            "KRB5RCACHENAME": "none:",
        }

    async def create(self) -> None:
        """Write the configuration, and a database with nobody in it."""
        self._directory.mkdir()
        names = {"realm": REALM, "port": self.port, "directory": self._directory}
        (self._directory / "krb5.conf").write_text(
            _CLIENT.format(more="\n".join(self._libdefaults), **names)
        )
        (self._directory / "kdc.conf").write_text(_KDC.format(**names))
        await self._run("kdb5_util", "create", "-s", "-P", "master")

    async def add(self, user: str, password: str) -> None:
        """Let a user in."""
        await self._run("kadmin.local", "addprinc", "-pw", password, user)

    async def add_service(self, name: str) -> None:
        """Let a service in; its key comes into the keytab."""
        await self._run("kadmin.local", "addprinc", "-randkey", name)
        await self._run("kadmin.local", "ktadd", "-k", str(self.keytab), name)
        # Dovecot's process that reads it is not root.
        self.keytab.chmod(0o644)

    async def take_ticket(self, user: str, password: str) -> None:
        """Get a ticket as somebody at a terminal does."""
        await self._run("kinit", user, given=password.encode() + b"\n")

    async def start(self, clock: str = "") -> None:
        """Start the KDC; its clock is off by so much, such as `+1h`, where that is said."""
        environment = self.environment
        if clock:
            environment |= await self.clock(clock)
        self._kdc = kdc = self._test.start("KDC", "krb5kdc", "-n", environment=environment)
        await self._test.until(lambda: "commencing operation" in kdc.output, "the KDC runs")

    async def stop(self) -> None:
        """End the KDC."""
        assert self._kdc is not None
        await self._kdc.stop()

    async def clock(self, off: str) -> dict[str, str]:
        """Return the environment of a program whose clock is to be off."""
        shown = await run(self._test.reactor, ["faketime", "-f", off, "env"])
        found = dict(line.partition("=")[::2] for line in shown.output.splitlines())
        return {name: found[name] for name in ("LD_PRELOAD", "FAKETIME")}

    @property
    def log(self) -> str:
        """What the KDC said since it was last started."""
        return self._kdc.output if self._kdc else ""

    async def _run(self, *arguments: str, given: bytes = b"") -> None:
        done = await run(
            self._test.reactor, arguments, given=given, environment=self.environment
        )
        assert done.status == 0, done.output


async def start_realm(test: LiveTestCase, *libdefaults: str) -> Realm:
    """Start a realm that ends with the test; with these lines in its `[libdefaults]`."""
    realm = Realm(test, test.directory / "kerberos", libdefaults)
    await realm.create()
    await realm.start()
    return realm
