"""A machine for any test: ordinary, blocking calls to a machine in a process of its own.

`machine` is the context manager, `start_machine` what the pytest plugin uses. The test needs
no reactor, and may have one, or an event loop: calls are answered by the other process.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import unittest
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from irsend.configuration_sections import IN_MEMORY
from irsend.device.jobs import Job
from irsend.device.sessions import Session
from irsend.testing import transcript_assertions
from irsend.testing.address import Address
from irsend.testing.errors import MachineGone
from irsend.testing.machine_process import MachineProcess, machine_process
from irsend.testing.received import Mail, Printout, ReceivedMail

BENCH_ACCOUNTS = {"ir@bench.test": "bench"}
"""Address and password of the account of a mail host for which no others are given."""
_ANSWER = 60.0
"""Seconds after which a machine that does not answer is given up."""


def start_machine(
    *,
    state: str | os.PathLike[str] = IN_MEMORY,
    model: str = "ir2270",
    accounts: Mapping[str, str] | None = BENCH_ACCOUNTS,
    paper: bool = True,
    limits: Mapping[str, object] | None = None,
    sending: Mapping[str, object] | None = None,
    link: Mapping[str, object] | None = None,
    printing: Mapping[str, object] | None = None,
    hostnames: Sequence[str] = ("localhost", "127.0.0.1"),
    assignments: Sequence[str] = (),
    **settings: object,
) -> Machine:
    """Return a machine that runs; the caller stops it. `machine` has the options.

    Raises IrsendError for a model, a setting or a value that cannot be.
    """
    __tracebackhide__ = True
    process = machine_process()
    started = Machine(process, process.new_machine())
    options = {
        "state": os.fspath(state),
        "model": model,
        "accounts": None if accounts is None else dict(accounts),
        "limits": dict(limits or {}),
        "sending": dict(sending or {}),
        "link": dict(link or {}),
        "printing": {"loaded": paper, **(printing or {})},
        "hostnames": tuple(hostnames),
        "assignments": tuple(assignments),
    }
    started._ask("start", _directory(), words={**options, **settings})
    return started


def _directory() -> str:
    """Return the directory that a test's paths are relative to; empty where it was deleted."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def machine(**options: Any) -> Iterator[Machine]:
    """Give a machine on free ports, with SMTP Receive on; it is stopped when the block ends.

    An exception in the block is shown with the transcripts of the machine's sessions.
    `options` are those of `start_machine`: the model; `accounts` (address and password) of
    the mail host beside it, None for no mail host; `paper`; sections of the configuration;
    settings, as `window__item=value` or `item=value`.
    """
    started = start_machine(**options)
    try:
        yield started
    except Exception as error:
        started.stop()
        texts = started.transcripts()
        if texts and not isinstance(error, unittest.SkipTest):
            error.add_note("\n" + "\n\n".join(texts))
        raise
    finally:
        started.stop()


class MailHost:
    """The mail host beside a machine: it relays the machine's mail, and holds maildrops."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask

    @property
    def smtp(self) -> Address:
        """Host and port where it takes mail."""
        found: Address = self._ask("mailhost.smtp")
        return found

    @property
    def pop3(self) -> Address:
        """Host and port of its maildrops."""
        found: Address = self._ask("mailhost.pop3")
        return found

    @property
    def accounts(self) -> dict[str, str]:
        """Address and password of each account; the machine polls the first."""
        found: dict[str, str] = self._ask("mailhost.accounts")
        return found

    def mails(self, account: str) -> list[ReceivedMail]:
        """Return the mails in an account's maildrop, oldest first; IrsendError for no account of it."""
        return [
            ReceivedMail.of(Mail("", octets))
            for octets in self._ask("mailhost.mails_of", account)
        ]


class Machine:
    """A machine that runs. `machine`, and the fixtures of the pytest plugin, make one.

    Its methods may be called from any thread. They raise IrsendError for what the machine
    refuses, MachineGone (an IrsendError) where it has been stopped.
    """

    def __init__(self, process: MachineProcess, number: int) -> None:
        self._process = process
        self._number = number
        self._last_transcripts: list[str] | None = None
        self.mailhost = MailHost(self._ask)
        """The mail host beside it."""

    def _ask(
        self,
        name: str,
        *arguments: object,
        words: dict[str, object] | None = None,
        answer_within: float = _ANSWER,
    ) -> Any:
        __tracebackhide__ = True
        if self._last_transcripts is not None:
            raise MachineGone("The machine is switched off.")
        call = (self._number, name, arguments, words or {})
        return self._process.call(*call, answer_within=answer_within)

    def stop(self) -> None:
        """Switch it off; only its transcripts are left. The second time it does nothing."""
        if self._last_transcripts is None:
            try:
                self._last_transcripts = self._ask("stop")
            except MachineGone as error:
                self._last_transcripts = [str(error)]

    def reset(self) -> None:
        """Make it as it was when it was started: no mails, no transcripts, its first settings."""
        self._ask("reset")

    # -- its addresses ----------------------------------------------------------

    @property
    def smtp(self) -> Address:
        """Host and port where it takes mail."""
        found: Address = self._ask("smtp")
        return found

    @property
    def url(self) -> str:
        """The URL of its panel and its HTTP interface, without a slash at the end."""
        found: str = self._ask("panel")
        return found.rstrip("/")

    @property
    def ca_pem(self) -> str:
        """The certificates, as PEM, that its own and its mail host's TLS are verified with."""
        found: str = self._ask("certificates_pem")
        return found

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context for clients, which verifies the machine and speaks TLS as old as it does."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.ca_pem)
        # Security level 0: the printers of 2004 have short keys and TLS 1.0.
        context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context

    # -- its keys ---------------------------------------------------------------

    def set(self, **settings: object) -> None:
        """Change settings at the machine, all or none.

        `pop=True`, `email_ifax__pop=True` and `**{"email_ifax.pop": True}` are the same.
        """
        self._ask("set", words=settings)

    def clear_status(self) -> None:
        """Clear the status line."""
        self._ask("clear_status")

    def load_paper(self) -> None:
        """Put paper into the drawer: what was received is printed from now on."""
        self._ask("load_paper")

    def remove_paper(self) -> None:
        """Take the paper out of the drawer: what is received waits in memory from now on."""
        self._ask("remove_paper")

    def send(
        self,
        *pages: bytes | Path,
        to: str | Sequence[str],
        timeout: float = 60,
        **words: object,
    ) -> Job:
        """Scan and send pages, given as files or as their content; return the job when it has ended.

        `words` are those of `POST /api/send`: subject, text, kind, format, resolution, paper, full.
        Raises SendRefused, ScanRefused; NotInTime where it has not ended after `timeout` seconds.
        """
        given = [one if isinstance(one, bytes) else Path(one).absolute() for one in pages]
        job: Job = self._ask("send", *given, words={"to": to, **words}, answer_within=timeout)
        return job

    def poll(self, timeout: float = 60) -> Session:
        """Fetch mail from the POP server now; return the session when it has ended."""
        session: Session = self._ask("receive", answer_within=timeout)
        return session

    # -- its state --------------------------------------------------------------

    @property
    def status(self) -> str:
        """The text on the status line; empty when nothing is wrong."""
        found: str = self._ask("status")
        return found

    @property
    def mails(self) -> list[ReceivedMail]:
        """The mails it has received, oldest first, printed ones too."""
        return [ReceivedMail.of(mail) for mail in self._ask("mails")]

    @property
    def tray(self) -> list[Printout]:
        """What lies in the tray, oldest first."""
        found: list[Printout] = self._ask("printouts")
        return found

    @property
    def jobs(self) -> list[Job]:
        """The lines of its communication report, newest first."""
        found: list[Job] = self._ask("jobs")
        return found

    @property
    def sessions(self) -> list[Session]:
        """Its sessions with mail servers and clients, newest first."""
        found: list[Session] = self._ask("sessions")
        return found

    def transcripts(self) -> list[str]:
        """Return what was said in each session, oldest first; also once the machine is stopped."""
        if self._last_transcripts is not None:
            return self._last_transcripts
        found: list[str] = self._ask("transcripts")
        return found

    # -- waiting ----------------------------------------------------------------

    def wait_for_mail(self, n: int = 1, timeout: float = 10) -> list[ReceivedMail]:
        """Return all mails once there are `n`; NotInTime after `timeout` seconds."""
        mails = self._wait("wait_for_mail", n, timeout)
        return [ReceivedMail.of(mail) for mail in mails]

    def wait_for_printouts(self, n: int = 1, timeout: float = 30) -> list[Printout]:
        """Return what lies in the tray once there are `n`; NotInTime after `timeout` seconds."""
        found: list[Printout] = self._wait("wait_for_printouts", n, timeout)
        return found

    def wait_for_status(self, text: str, timeout: float = 10) -> None:
        """Return once this text is on the status line; an empty text waits for an empty line.

        NotInTime after `timeout` seconds.
        """
        self._wait("wait_for_status", text, timeout)

    def _wait(self, name: str, awaited: object, timeout: float) -> Any:
        __tracebackhide__ = True
        return self._ask(name, awaited, timeout, answer_within=timeout + _ANSWER)

    # -- asserting ----------------------------------------------------------------

    def assert_said(self, *said: str) -> None:
        """Fail unless lines with these texts were said in one session, in this order.

        `assert_said("C: STARTTLS", "C: AUTH")`: capitals and small letters count as the same. The
        failure is the transcripts, with what was found, or the line most like it, marked.
        """
        __tracebackhide__ = True
        transcript_assertions.assert_said(self.transcripts(), *said)

    def assert_not_said(self, *said: str) -> None:
        """Fail where a line with one of these texts was said; the failure marks it."""
        __tracebackhide__ = True
        transcript_assertions.assert_not_said(self.transcripts(), *said)
