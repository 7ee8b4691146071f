"""Each quirk against Postfix and against Exim: what the server makes of it, and what the machine says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.trial.unittest import SynchronousTestCase

from irsend.device.items import items_of
from irsend.device.quirks import Quirks
from tests.imaging.originals import PNG
from tests.live.dovecot import PASSWORD, USER
from tests.live.exim import Exim, Policy, start_exim
from tests.live.machine import Machine, start_machine
from tests.live.relay import ANY_TLS, WITH_AUTH, RelayTestCase

_TLS = {"authent_encryption.allow_ssl_smtp_send": True}
_LOGIN = {"authent_encryption.smtp_authentication": True}
_TAKEN = ("--", None)


@frozen
class Effect:
    """A sending with quirks, to the port of a policy, and what comes of it."""

    quirks: dict[str, object]
    policy: str
    result: tuple[str, str | None] = _TAKEN
    """Of the job: result and code."""
    settings: dict[str, object] = field(factory=dict)
    to: tuple[str, ...] = ("b@bench.test",)
    says: str = ""
    """An expression that the transcript matches; the machine's and the server's lines."""
    silent: str = ""
    """An expression that the transcript does not match."""
    logs: str = ""
    """An expression that what the server logs of the session matches."""
    mail: str = ""
    """An expression that the head of each mail that arrives matches."""
    mails: int = 1
    """How many arrive, where the job is not NG."""


class _Bench:
    """A machine, and a server that it sends to."""

    machine: Machine
    ports: dict[str, int]
    log: Callable[[], str]
    arrived: Callable[[], list[Path]]

    def __init__(self, test: RelayTestCase) -> None:
        self._test = test
        self._usual: dict[str, Any] = {
            f"quirks.{key}": about.kind.plain(default)
            for key, about, default in items_of(Quirks)
        }
        self._usual |= dict.fromkeys([*_TLS, *_LOGIN], False)

    async def try_all(self, *effects: Effect) -> None:
        """Send once for each; fail with all that differ."""
        differ = []
        for one in effects:
            try:
                await self._try(one)
            except AssertionError as error:
                differ.append(str(error))
        self._test.assertEqual(differ, [], "\n".join(differ))

    async def _try(self, effect: Effect) -> None:
        """Send with these quirks; fail where anything else comes of it."""
        test, before = self._test, set(self.arrived())
        told = f"{effect.quirks} at {effect.policy}"
        await self.machine.change(
            {
                **self._usual,
                **effect.settings,
                **{f"quirks.{key}": value for key, value in effect.quirks.items()},
                "service_mode.smtp_tx_port": self.ports[effect.policy],
            }
        )
        logged = len(self.log())
        job = await self.machine.send(("page.png", PNG), to=list(effect.to), format="tiff")
        transcripts = [await self.machine.transcript(one) for one in job["sessions"]]
        said = "\n".join(transcripts)
        test.assertEqual((job["result"], job["code"]), effect.result, f"{told}: {job}\n{said}")
        noted = any(self._usual[f"quirks.{key}"] != on for key, on in effect.quirks.items())
        for one in transcripts:
            test.assertEqual(one.startswith("-- quirks: "), noted, told)
        if effect.says:
            test.assertRegex(said, f"(?m){effect.says}", told)
        if effect.silent:
            test.assertNotRegex(said, f"(?m){effect.silent}", told)
        if effect.logs:
            await test.until(
                lambda: re.search(effect.logs, self.log()[logged:]),
                f"the server logs {effect.logs!r} ({told})",
            )
        if job["result"] != "NG":
            due = len(before) + effect.mails
            await test.until(lambda: len(self.arrived()) >= due, f"the mail arrives ({told})")
            for path in set(self.arrived()) - before:
                head = path.read_bytes().partition(b"\n\n")[0].decode("ascii")
                test.assertRegex(head, f"(?m){effect.mail}", told)
        else:
            test.assertEqual(set(self.arrived()), before, told)


_STANDARD = (
    # Off: what the others differ from.
    Effect({}, "open", says="^C: EHLO ir.bench.test$", mail=r"^Date: \w{3}, .*\d{4}$"),
    Effect({}, "auth", settings=_LOGIN, says="^C: AUTH LOGIN$"),
    Effect({}, "auth-tls", settings={**_TLS, **_LOGIN}, says="^C: AUTH "),
)

_ANYWHERE = (
    Effect(
        {"helo_only": True},
        "open",
        settings=_TLS,
        says="^C: HELO ir.bench.test$",
        silent="EHLO|STARTTLS$",
        mail=r"\bby relay.bench.test .*\bwith (?:SMTP|smtp)\b",
    ),
    Effect({"helo_name": "bare"}, "open", says="^C: EHLO ir$"),
    Effect({"helo_name": "ip"}, "open", says=r"^C: EHLO 127\.0\.0\.1$"),
    Effect(
        {"helo_name": "literal"},
        "open",
        says=r"^C: EHLO \[127\.0\.0\.1\]$",
        mail=r"^Received: from .*\[127\.0\.0\.1\]",
    ),
    Effect({"login_prompts": "strict"}, "auth", settings=_LOGIN, says="^C: AUTH LOGIN$"),
    Effect(
        {"inline_login_name": True},
        "auth",
        settings=_LOGIN,
        says="^C: AUTH LOGIN •+\nS: 334 UGFzc3dvcmQ6$",
    ),
    Effect(
        {"lower_case_commands": True},
        "auth",
        settings=_LOGIN,
        says=r"^C: ehlo ir.bench.test\n(?s:.*)^C: mail from:<ir@bench.test>",
        silent="^C: [A-Z]{4}",
    ),
    Effect({"space_after_colon": True}, "open", says="^C: RCPT TO: <b@bench.test>$"),
    Effect({"bare_lf_commands": True}, "auth", settings=_LOGIN, says="^S: 235 "),
    Effect({"no_quit": True}, "open", silent="^C: QUIT$"),
    Effect(
        {"one_connection_per_recipient": True},
        "open",
        to=("b@bench.test", "ir@bench.test"),
        mails=2,
        says=r"^C: QUIT\n(?s:.*)^C: EHLO (?s:.*)^C: QUIT$",
    ),
    Effect({"rset_before_mail": True}, "open", says="^C: RSET\nS: 250 .*\nC: MAIL FROM:"),
    Effect(
        {"sender_not_login": True},
        "open",
        says="^C: MAIL FROM:<iradvance@ir.bench.test>",
        mail="^From: ir@bench.test$",
    ),
    Effect(
        {"final_dot": "late", "final_dot_delay": 1},
        "open",
        says=r"^-- the final dot waits for 1 s\nC: \.$",
    ),
    Effect({"date": "asctime"}, "open", mail=r"^Date: \w{3} \w{3} +\d+ [\d:]{8} \d{4}$"),
    Effect({"date": "iso"}, "open", mail=r"^Date: \d{4}-\d\d-\d\d [\d:]{8}$"),
    Effect({"date": "short_year"}, "open", mail=r"^Date: \w{3}, \d\d \w{3} \d\d [\d:]{8} "),
    Effect({"message_id_trailing_dot": True}, "open", mail=r"^Message-ID: <.*@bench\.test\.>$"),
    Effect(
        {"multipart_quoted_printable": True},
        "open",
        mail="^Content-Transfer-Encoding: quoted-printable$",
    ),
)
"""What both servers take."""


class PostfixTests(RelayTestCase):
    """Postfix with Dovecot SASL, strict in one way at each port."""

    async def test_effects(self) -> None:
        """Each quirk has at each port the effect that this table says."""
        open_to_us = {"smtpd_relay_restrictions": "permit_mynetworks, reject"}
        strict_lf = {
            "smtpd_forbid_bare_newline": "reject",
            "smtpd_forbid_bare_newline_exclusions": "",
        }
        await self.start_relay(
            {
                "open": {**ANY_TLS, **open_to_us},
                "auth": {**ANY_TLS, **WITH_AUTH},
                "auth-tls": {**ANY_TLS, **WITH_AUTH, "smtpd_tls_auth_only": "yes"},
                "helo": {**ANY_TLS, **open_to_us, "smtpd_helo_required": "yes"},
                "fqdn": {
                    **open_to_us,
                    "smtpd_helo_restrictions": "reject_non_fqdn_helo_hostname",
                },
                "envelope": {**open_to_us, "strict_rfc821_envelopes": "yes"},
                "lf": {**open_to_us, **strict_lf, "smtpd_timeout": "1s"},
                "impatient": {**open_to_us, "smtpd_timeout": "1s"},
                "tls": {**ANY_TLS, **open_to_us, "smtpd_tls_security_level": "encrypt"},
                "owner": {
                    **WITH_AUTH,
                    "smtpd_sender_login_maps": f"inline:{{ {{{USER} = {USER}}} }}",
                    "smtpd_sender_restrictions": "reject_sender_login_mismatch",
                },
            }
        )
        bench = _Bench(self)
        await self.start_machine("iradvance")
        bench.machine, bench.ports = self.machine, self.ports
        bench.log, bench.arrived = lambda: self.postfix.log, self.arrived
        await bench.try_all(*_STANDARD, *_ANYWHERE, *_AT_POSTFIX)


_AT_POSTFIX = (
    Effect({"helo_only": True}, "auth", ("NG", "#806"), settings=_LOGIN, says="^S: 554 5.7.1"),
    Effect({"helo_name": "bare"}, "fqdn", ("NG", "#806"), says="^S: 504 5.5.2 <ir>"),
    Effect({"helo_name": "ip"}, "fqdn", ("NG", "#806"), says="^S: 504 5.5.2 <127.0.0.1>"),
    Effect({"helo_name": "literal"}, "fqdn"),
    Effect({"helo_name": "empty"}, "open", ("NG", "#801"), says="^C: HELO\nS: 501 Syntax"),
    Effect(
        {"no_ehlo_after_starttls": True},
        "auth-tls",
        ("NG", "#806"),
        settings={**_TLS, **_LOGIN},
        says="^-- no EHLO under TLS\n-- offered no mechanism",
    ),
    Effect(
        {"no_ehlo_after_starttls": True},
        "helo",
        ("NG", "#801"),
        settings=_TLS,
        says="^S: 503 5.5.1 Error: send HELO/EHLO first$",
    ),
    Effect({"no_ehlo_after_starttls": True}, "open", settings=_TLS),
    Effect({"space_after_colon": True}, "envelope"),
    Effect({"bare_lf_content": True}, "open"),
    Effect({"bare_lf_content": True}, "lf", ("NG", "#801"), says="^S: 5.*bare <LF> received"),
    Effect({"bare_lf_commands": True}, "lf", ("NG", "#803"), says="^S: 5.*bare <LF> received"),
    Effect({"first_digit_only": True}, "tls", ("NG", "#801"), says="^S: 530 5.7.0 "),
    Effect({}, "tls", ("NG", "#839"), says="^S: 530 5.7.0 "),
    Effect({"no_quit": True}, "open", logs=r"disconnect from .* data=1 commands=4"),
    Effect({}, "open", logs=r"disconnect from .* data=1 quit=1 commands=5"),
    Effect(
        {"sender_not_login": True},
        "owner",
        ("NG", "#806"),
        settings=_LOGIN,
        says="^S: 553 5.7.1",
    ),
    Effect({}, "owner", settings=_LOGIN),
    Effect({"rset_before_mail": True}, "open", logs=r"disconnect from .* rset=1 "),
    Effect(
        {"final_dot": "late", "final_dot_delay": 5},
        "impatient",
        ("NG", "#801"),
        says="^S: 421 4.4.2 .*timeout exceeded",
    ),
    Effect(
        {"final_dot": "missing"},
        "impatient",
        ("NG", "#801"),
        says="^S: 421 4.4.2 .*timeout exceeded",
        logs="timeout after DATA",
    ),
    Effect({"final_dot": "bare_lf"}, "impatient"),
    # A Postfix that minds line ends does not find the end of the message.
    Effect({"final_dot": "bare_lf"}, "lf", ("NG", "#801"), says="^S: 421 "),
    # Postfix writes a Date for its own network.
    Effect({"date": "none"}, "open", mail=r"^Date: \w{3}, "),
)


class EximTests(RelayTestCase):
    """Exim, which prompts for a login in its configuration's words."""

    programs = ("exim4",)
    exim: Exim

    async def test_effects(self) -> None:
        """Each quirk has at each port the effect that this table says."""
        in_words = {"rcpt": "deny !authenticated = *", "prompts": "Username: | Password:"}
        self.exim = await start_exim(
            self,
            {
                "open": Policy(),
                "auth": Policy(**in_words),
                "auth-tls": Policy(**in_words, only_under_tls=True),
                "odd": Policy(**{**in_words, "prompts": "Who? | Secret?"}),
                "impatient": Policy(patience="1s"),
                "530": Policy(mail="deny message = 530 5.7.0 Authentication required"),
                "owner": Policy(
                    prompts=in_words["prompts"],
                    mail="deny condition = ${if !eq{$sender_address}{$authenticated_id}}",
                ),
            },
        )
        window = {"user": USER, "password": PASSWORD}
        email = {"email_address": USER, "smtp_server": "127.0.0.1"}
        bench = _Bench(self)
        bench.machine = await start_machine(
            self, model="iradvance", authent_encryption=window, email_ifax=email
        )
        bench.ports = self.exim.ports
        bench.log, bench.arrived = lambda: self.exim.log, self.exim.arrived
        await bench.try_all(*_STANDARD, *_ANYWHERE, *_AT_EXIM)


_AT_EXIM = (
    Effect({"helo_only": True}, "auth", ("NG", "#806"), settings=_LOGIN),
    Effect({"helo_name": "empty"}, "open", ("NG", "#801"), says="^C: HELO\nS: 501"),
    Effect(
        {"login_prompts": "strict"}, "odd", ("NG", "#839"), settings=_LOGIN, says=r"^C: \*$"
    ),
    Effect({"login_prompts": "loose"}, "odd", settings=_LOGIN),
    Effect(
        {"no_ehlo_after_starttls": True},
        "auth-tls",
        ("NG", "#801"),
        settings={**_TLS, **_LOGIN},
        says="^-- no EHLO under TLS\n(?s:.*)^S: 503 HELO or EHLO required$",
    ),
    Effect({"bare_lf_content": True}, "open"),
    Effect({"first_digit_only": True}, "530", ("NG", "#801"), says="^S: 530 5.7.0 "),
    Effect({}, "530", ("NG", "#839"), says="^S: 530 5.7.0 "),
    Effect({"no_quit": True}, "open", logs="lost|unexpected disconnection"),
    Effect(
        {"sender_not_login": True}, "owner", ("NG", "#801"), settings=_LOGIN, says="^S: 550 "
    ),
    Effect({}, "owner", settings=_LOGIN),
    Effect(
        {"final_dot": "late", "final_dot_delay": 5},
        "impatient",
        ("NG", "#801"),
        says="^S: 421 ",
    ),
    Effect({"final_dot": "missing"}, "impatient", ("NG", "#801"), says="^S: 421 "),
    # It does not find the end of the message.
    Effect({"final_dot": "bare_lf"}, "impatient", ("NG", "#801"), says="^S: 421 "),
    Effect({"date": "none"}, "open"),
)


class CoverageTests(SynchronousTestCase):
    """The tables above."""

    def test_each_quirk(self) -> None:
        """Each quirk is turned on at both servers."""
        quirks = {key for key, _, _ in items_of(Quirks)}
        for table in (_AT_POSTFIX, _AT_EXIM):
            tried = {key for effect in (*_ANYWHERE, *table) for key in effect.quirks}
            self.assertEqual(quirks - tried, set())
