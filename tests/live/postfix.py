"""A Postfix of the test's own that relays to one machine, by TLS none, may and encrypt."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.live.case import LiveTestCase
from tests.live.programs import free_port, path_of, run

LEVELS = ("none", "may", "encrypt")
"""The values of smtp_tls_security_level. Mail for LEVEL.bench.test is relayed by that level."""

OLD_TLS = {
    "smtp_tls_protocols": ">=TLSv1",
    "smtp_tls_mandatory_protocols": ">=TLSv1",
    "smtp_tls_ciphers": "medium",
    "smtp_tls_mandatory_ciphers": "medium",
    "tls_medium_cipherlist": "ALL:@SECLEVEL=0",
}
"""What an administrator sets so that Postfix talks to a machine of 2004."""

_MAIN = {
    "compatibility_level": "3.6",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
    "myhostname": "relay.bench.test",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "local_recipient_maps": "",
    "alias_maps": "",
    "alias_database": "",
    "disable_dns_lookups": "yes",
    "smtp_host_lookup": "native",
    # Each mail in a session of its own, that ends with it.
    "smtp_connection_cache_on_demand": "no",
    "smtp_tls_loglevel": "1",
    "smtp_tls_CAfile": "",
    "message_size_limit": "0",
    "mailbox_size_limit": "0",
    "maximal_queue_lifetime": "1h",
    "bounce_queue_lifetime": "1h",
    # A destination that failed is tried again by "flush" at once, not after a pause.
    "default_destination_concurrency_failed_cohort_limit": "100",
}

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
{relays}
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

_OUTCOME = re.compile(
    r"postfix/(?P<by>[\w/-]+)\[\d+\]: (?P<queue_id>\w+): to=<(?P<to>[^>]*)>,.* "
    r"dsn=(?P<dsn>[\d.]+), status=(?P<status>\w+) \((?P<why>.*)\)"
)


@frozen
class Delivery:
    """What Postfix wrote in its log of one attempt to deliver."""

    to: str
    status: str
    """sent, deferred or bounced."""
    dsn: str
    why: str
    queue_id: str


class Postfix:
    """One instance: own configuration, queue, log and port; started by `start_postfix`."""

    def __init__(self, test: LiveTestCase, directory: Path) -> None:
        self._test = test
        self._directory = directory
        self.port = free_port()

    async def start(
        self, machine_port: int, settings: dict[str, str], services: str = ""
    ) -> None:
        """Write the configuration, let Postfix lay out its queue, and wait for the master."""
        configuration = self._directory / "etc"
        for part in ("etc", "queue", "log", "lib"):
            (self._directory / part).mkdir(parents=True)
        machine = f"[127.0.0.1]:{machine_port}"
        main = {
            **_MAIN,
            "queue_directory": str(self._directory / "queue"),
            "data_directory": str(self._directory / "lib"),
            "maillog_file": str(self._log),
            "maillog_file_prefixes": str(self._directory),
            "relayhost": machine,
            # What Postfix itself has to say to the sender goes nowhere.
            "transport_maps": "inline:{ {client.test = discard:}, "
            "{relay.bench.test = discard:}, "
            + ", ".join(f"{{{level}.bench.test = relay-{level}:{machine}}}" for level in LEVELS)
            + " }",
            **settings,
        }
        relays = "\n".join(
            f"relay-{level} unix - - n - - smtp -o smtp_tls_security_level={level} "
            f"-o syslog_name=postfix/{level}"
            for level in LEVELS
        )
        (configuration / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in main.items()))
        (configuration / "master.cf").write_text(
            _MASTER.format(port=self.port, relays=f"{relays}\n{services}".rstrip())
        )
        shutil.chown(self._directory / "lib", "postfix")
        self._test.keep_evidence("Postfix", lambda: self.log)
        checked = await run(self._test.reactor, ["postfix", "-c", str(configuration), "check"])
        assert checked.status == 0, checked.output
        postconf = path_of("postconf") or "postconf"
        daemons = await run(
            self._test.reactor, [postconf, "-c", str(configuration), "-h", "daemon_directory"]
        )
        self._test.start(
            "Postfix master", f"{daemons.output.strip()}/master", "-c", str(configuration), "-d"
        )
        await self._test.until(lambda: "daemon started" in self.log, "Postfix has started")

    @property
    def _log(self) -> Path:
        return self._directory / "log" / "mail.log"

    @property
    def log(self) -> str:
        """Its log so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def deliveries(self, to: str) -> list[Delivery]:
        """Return all attempts for a recipient, the oldest first."""
        attempts = [
            Delivery(m["to"], m["status"], m["dsn"], m["why"], m["queue_id"])
            for m in _OUTCOME.finditer(self.log)
        ]
        return [one for one in attempts if one.to == to]

    async def delivery(self, to: str, number: int = 1) -> Delivery:
        """Wait for the `number`th attempt for a recipient."""
        await self._test.until(
            lambda: len(self.deliveries(to)) >= number, f"Postfix tried to deliver to {to}", 30
        )
        return self.deliveries(to)[number - 1]

    async def queue(self) -> list[dict[str, Any]]:
        """Return what waits in the queue, as `postqueue -j` tells it."""
        shown = await self._postqueue("-j")
        return [json.loads(line) for line in shown.splitlines() if line.startswith("{")]

    async def flush(self) -> None:
        """Try all deferred mail again now."""
        await self._postqueue("-f")

    async def _postqueue(self, option: str) -> str:
        program = await run(
            self._test.reactor, ["postqueue", "-c", str(self._directory / "etc"), option]
        )
        assert program.status == 0, program.output
        return program.output


async def start_postfix(
    test: LiveTestCase, machine_port: int, settings: dict[str, str] | None = None
) -> Postfix:
    """Start a Postfix that relays to the machine at this port; it ends with the test."""
    postfix = Postfix(test, test.directory / "postfix")
    await postfix.start(machine_port, settings or {})
    return postfix
