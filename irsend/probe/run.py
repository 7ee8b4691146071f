"""One run of a probe: a whole machine in RAM that sends one mail, or opens the maildrop once."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import IO

import attrs

from irsend.configuration import Configuration, configuration
from irsend.configuration_sections import IN_MEMORY
from irsend.device.device import Device
from irsend.device.jobs import Recipient
from irsend.device.send_policy import sender_address
from irsend.device.sessions import Session
from irsend.message.compose import Draft, compose
from irsend.probe.order import Order
from irsend.probe.outcome import Outcome
from irsend.probe.outcomes import outcome_of
from irsend.probe.plan import Run
from irsend.services.machine.machine import Machine
from irsend.services.pop_client_session import OpenMaildrop
from irsend.services.reactor import IReactor
from irsend.services.send.quirks import style_of
from irsend.store.outbox import Outgoing

_SESSION = 600
"""How long one session may take, in seconds."""


def host_name() -> str:
    """Return what the machines call themselves: this computer's name."""
    name = socket.gethostname()
    return (
        name
        if name.isascii() and name.replace("-", "").replace(".", "").isalnum()
        else "localhost"
    )


def machine_configuration(run: Run, order: Order) -> Configuration:
    """Return the configuration of a machine of this run: in RAM, without panel, listener or printer."""
    model = run.model
    # One attempt: the next ones come minutes later, and the table says that there would be some.
    once = attrs.evolve(model, sending=attrs.evolve(model.sending, attempts=1))
    limits = ("smtp_connect", "smtp_greeting", "smtp_reply", "smtp_data", "smtp_block")
    made = configuration(
        state=IN_MEMORY,
        listen={"smtp": "", "panel": ""},
        printing={"workers": 0},
        tls={
            "trust": order.trust,
            "plain_passwords": order.allow_clear,
            "implicit_ports": [str(order.target.port)] if order.target.implicit_tls else [],
            "hostnames": [host_name(), "localhost"],
        },
        sending={"token_file": order.token_file},
        limits={
            **dict.fromkeys((*limits, "smtp_end", "pop_connect", "pop_reply"), order.patience),
            "smtp_session": _SESSION,
            "pop_session": _SESSION,
        },
    )
    return attrs.evolve(made, model=once, settings=dict(run.settings))


def start_machine(
    run: Run, order: Order, reactor: IReactor, now: Callable[[], float]
) -> Machine:
    """Return a machine of this run, switched on."""
    machine = Machine(machine_configuration(run, order), reactor, now)
    # Its report says all.
    machine.logs = False
    machine.acquire()
    machine.startService()
    return machine


async def make_run(machine: Machine, run: Run, order: Order, *, rehearse: bool) -> Outcome:
    """Let a machine make a run, and return what came of it. `rehearse` stops before DATA."""
    if order.target.is_pop:
        session = await machine.pop_sessions.fetch(Look)
    else:
        session = await _send(machine, run, order, rehearse=rehearse)
    lines = await machine.control.transcript(session.id)
    return outcome_of(run, session, lines, rehearsed=rehearse)


class Look:
    """The transaction of a probe: STAT and no more, so that every mail stays where it is."""

    octets = 0
    messages = 0

    def check(self) -> None:
        """Allow every session."""

    async def run(self, maildrop: OpenMaildrop) -> None:
        """Look into the maildrop, and leave it."""
        await maildrop.client.stat()
        await maildrop.client.leave()


async def _send(machine: Machine, run: Run, order: Order, *, rehearse: bool) -> Session:
    device = machine.device
    outgoing = await machine.storage.outbox.accept(_writer(device, run, order, rehearse))
    device.job_changed(outgoing.job)
    ended = machine.control.job_ended(outgoing.job.number)
    machine.send_queue.enqueue(outgoing)
    job = await ended
    sessions = [await machine.control.session(one) for one in job.sessions]
    # A session for each recipient, on some models: the first that failed says why.
    return next((one for one in sessions if one.result == "NG"), sessions[-1])


def _writer(
    device: Device, run: Run, order: Order, rehearse: bool
) -> Callable[[IO[bytes]], tuple[Outgoing, bytes]]:
    """Return what writes the mail of a probe, and its record."""
    model = run.model
    job = device.new_job(
        "tx",
        order.recipients[0],
        subject=f"irsend probe as {model.name}",
        recipients=tuple(Recipient(address=one) for one in order.recipients),
    )
    sender = sender_address(device.settings, model.name, host_name())
    draft = Draft(
        at=job.started,
        number=job.number,
        count=job.serial % 10_000,
        sender=sender,
        recipients=order.recipients,
        subject=job.subject,
        text=(
            f"This mail is a test by irsend probe. It was sent to {order.target} as the\n"
            f"{model.called} would send it. Nobody scanned anything; it can be deleted.\n"
        ),
        domain=sender.rpartition("@")[2],
    )

    style = style_of(model.header, device.settings.quirks)

    def write(into: IO[bytes]) -> tuple[Outgoing, bytes]:
        composed = compose(draft, style, into)
        outgoing = Outgoing(
            job=attrs.evolve(job, size=composed.size),
            sender=sender,
            message_id=composed.message_id,
            head_length=composed.head_length,
            rehearsed=rehearse,
        )
        return outgoing, composed.eight_bit_head or b""

    return write
