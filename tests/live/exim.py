"""An Exim of the test's own: a port for each policy, mail into a Maildir.

Debian's package excludes Postfix's, so that its program is unpacked, not installed
(`.ci/run`). It gives up root for the user Debian-exim, which must be there.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from tests.live.case import LiveTestCase
from tests.live.certificates import make_certificate
from tests.live.dovecot import PASSWORD, USER
from tests.live.programs import free_port, path_of

OWNER = "Debian-exim"

_CONFIGURATION = """\
exim_path = {program}
primary_hostname = relay.bench.test
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
pid_file_path = {directory}/pid
log_selector = +smtp_connection +smtp_no_mail +smtp_protocol_error +smtp_syntax_error
local_interfaces = 127.0.0.1
daemon_smtp_ports = {ports}
keep_environment =
rfc1413_hosts =
host_lookup =
smtp_accept_max = 0
smtp_receive_timeout = {patience}
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_data = accept

begin acl
mail:
{mail}
  accept

rcpt:
{rcpt}
  accept domains = bench.test

begin routers
maildir:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {directory}/Maildir
  create_directory
  user = {owner}

begin authenticators
login:
  driver = plaintext
  public_name = LOGIN
  server_advertise_condition = {offered}
  server_prompts = <| {prompts}
  server_condition = ${{if and{{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


@frozen(kw_only=True)
class Policy:
    """What one port asks of its clients."""

    mail: str = ""
    """An ACL statement on MAIL, the verb first; empty lets every sender pass."""
    rcpt: str = ""
    """The same on RCPT; what passes is taken for bench.test."""
    prompts: str = ""
    """The prompts of LOGIN, with a bar between; empty offers no AUTH."""
    only_under_tls: bool = False
    """AUTH is offered under TLS only."""
    patience: str = "60s"
    """How long a client may be silent."""


class Exim:
    """One instance: own configuration, spool, log and ports; started by `start_exim`."""

    def __init__(self, test: LiveTestCase, directory: Path) -> None:
        self._test = test
        self._directory = directory
        self.ports: dict[str, int] = {}

    async def start(self, policies: Mapping[str, Policy]) -> None:
        """Write the configuration, with a port for each policy, and wait for the daemon."""
        self.ports = {name: free_port() for name in policies}
        owner = pwd.getpwnam(OWNER)
        for part in ("spool", "log", "Maildir"):
            (self._directory / part).mkdir(parents=True)
        self.certificate, key = make_certificate(self._directory)
        for path in (self._directory, *self._directory.iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)

        def at_port(name: str, statement: str) -> str:
            verb, _, rest = statement.partition(" ")
            return f"  {verb} condition = {self._by_port({name: 'yes'})}\n    {rest}"

        offered = {
            name: "${if def:tls_in_cipher{yes}}" if one.only_under_tls else "yes"
            for name, one in policies.items()
            if one.prompts
        }
        configuration = self._directory / "exim.conf"
        program = Path(path_of("exim4") or "exim4").resolve()
        configuration.write_text(
            _CONFIGURATION.format(
                program=program,
                directory=self._directory,
                ports=" : ".join(map(str, self.ports.values())),
                patience=self._by_port({name: one.patience for name, one in policies.items()}),
                certificate=self.certificate,
                key=key,
                mail="\n".join(at_port(n, one.mail) for n, one in policies.items() if one.mail),
                rcpt="\n".join(at_port(n, one.rcpt) for n, one in policies.items() if one.rcpt),
                owner=OWNER,
                offered=self._by_port(offered),
                prompts=self._by_port({name: one.prompts for name, one in policies.items()}),
                user=USER,
                password=PASSWORD,
            )
        )
        self._test.keep_evidence("Exim", lambda: self.log)
        self._test.start("exim", str(program), "-C", str(configuration), "-bdf", "-q1h")
        await self._test.until(lambda: "daemon started" in self.log, "Exim has started")

    def _by_port(self, values: Mapping[str, str]) -> str:
        """Return an expansion that is the value of the policy whose port it is, or nothing."""
        expansion = ""
        for name, value in values.items():
            expansion = (
                f"${{if eq{{$interface_port}}{{{self.ports[name]}}}{{{value}}}{{{expansion}}}}}"
            )
        return expansion

    @property
    def log(self) -> str:
        """Its logs so far: what it did, and what it refused."""
        return "".join(
            path.read_text("utf-8", "replace")
            for name in ("main", "reject", "panic")
            if (path := self._directory / "log" / f"{name}log").exists()
        )

    def arrived(self) -> list[Path]:
        """Return the files of the mails that were delivered, the oldest first."""
        fresh = self._directory / "Maildir" / "new"
        return sorted(fresh.iterdir()) if fresh.exists() else []


async def start_exim(test: LiveTestCase, policies: Mapping[str, Policy]) -> Exim:
    """Start an Exim that takes mail for bench.test; it ends with the test."""
    try:
        pwd.getpwnam(OWNER)
    except KeyError:
        test.lacking(f"Exim needs the user {OWNER} for this test")
    exim = Exim(test, test.directory / "exim")
    await exim.start(policies)
    return exim
