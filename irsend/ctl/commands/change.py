"""The commands that change the machine or make it act, but for `set`."""

from __future__ import annotations

from pathlib import Path

import click

from irsend.ctl.command import Commands, command
from irsend.ctl.completion import job_numbers
from irsend.ctl.errors import REFUSED, listed_by
from irsend.ctl.invocation import Invocation, job_number, machine_options, pass_invocation
from irsend.ctl.json_values import Json, JsonObject, values
from irsend.ctl.parameter_types import ReadableFile


@command()
@machine_options
@pass_invocation
def clear(call: Invocation) -> None:
    """Clear the status line."""
    answer = call.machine.ask("DELETE", "/api/status")
    if call.as_json:
        return call.output.json({} if answer is None else answer)
    return call.output.line("The status line is clear.")


@command(examples=("irsendctl cancel 5001",))
@click.argument("number", callback=job_number, shell_complete=job_numbers)
@machine_options
@pass_invocation
def cancel(call: Invocation, number: str) -> None:
    """Cancel the job NUMBER, which waits or is being sent.

    A mail that was received leaves the memory unprinted.
    """
    with listed_by("jobs"):
        answer = call.machine.ask("DELETE", f"/api/jobs/{number}")
    if call.as_json:
        return call.output.json({} if answer is None else answer)
    return call.output.line(f"Job {number} is cancelled.")


@command()
@machine_options
@click.pass_context
def receive(context: click.Context) -> None:
    """Fetch mail from the POP server now, and wait until that has ended.

    The server may make the machine wait before it may log in; --timeout is only
    how long the machine itself may take to be reached.
    """
    call = context.ensure_object(Invocation)
    # A server's LOGIN-DELAY may hold the machine back for minutes.
    with call.output.waiting("Receiving; the POP server may make the machine wait..."):
        answer = call.machine.ask("POST", "/api/receive", patient=True)
    if not isinstance(answer, dict) or "result" not in answer:
        raise call.machine.not_irsend("its reception has no result")
    if call.as_json:
        call.output.json(answer)
    else:
        _print_reception(call, answer)
    if answer["result"] != "OK":
        context.exit(REFUSED)


def _print_reception(call: Invocation, answer: JsonObject) -> None:
    from irsend.ctl import job_views, views
    from irsend.ctl.formatting import explained_result

    count, session = answer.get("received") or 0, answer.get("session")
    said = f"{explained_result(answer)}: {count} {'message' if count == 1 else 'messages'} received"
    if answer.get("reason"):
        said += f"; {str(answer['reason']).rstrip('.')}"
    if session is not None:
        said += f" (session {session})"
    call.output.line(said, views.result_style(answer))
    if count and session is not None:
        jobs = call.machine.read_list("/api/jobs", "jobs")
        taken = [job for job in jobs if session in values(job, "sessions")]
        if taken:
            call.output.show(job_views.jobs(taken))


@click.group(cls=Commands)
@machine_options
def key() -> None:
    """Show, make or import the machine's key and certificate, for TLS with it as the server."""


@key.command("show")
@machine_options
@pass_invocation
def show_key(call: Invocation) -> None:
    """Describe the certificate."""
    _print_certificate(call, call.machine.read_object("/api/key"))


@key.command("generate")
@machine_options
@pass_invocation
def generate_key(call: Invocation) -> None:
    """Make a new key and certificate, and use them from now on."""
    with call.output.waiting("Making a key..."):
        answer = call.machine.ask("POST", "/api/key/generate", patient=True)
    _print_certificate(call, answer)


@key.command("import", examples=("irsendctl key import certificate.pem key.pem",))
@click.argument("certificate", type=ReadableFile())
@click.argument("key", type=ReadableFile())
@machine_options
@pass_invocation
def import_key(call: Invocation, certificate: Path, key: Path) -> None:
    """Use the CERTIFICATE and KEY of these PEM files from now on."""
    body = {"certificate": _pem(certificate), "key": _pem(key)}
    _print_certificate(call, call.machine.ask("POST", "/api/key/import", body))


def _pem(file: Path) -> str:
    try:
        octets = file.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror or error}") from None
    if b"-----BEGIN " not in octets or not octets.isascii():
        raise click.UsageError(
            f"{file}: this is not allowed; allowed: a PEM file (-----BEGIN ...)"
        )
    return octets.decode("ascii")


def _print_certificate(call: Invocation, answer: Json) -> None:
    if call.as_json:
        return call.output.json(answer)
    from irsend.ctl import views

    described = answer.get("certificate", answer) if isinstance(answer, dict) else answer
    if isinstance(described, dict) and described:
        return call.output.show(views.certificate(described))
    return call.output.line(
        "The machine has no certificate; `irsendctl key generate` makes one."
    )


@command("factory-reset", examples=("irsendctl factory-reset --yes",))
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@machine_options
@pass_invocation
def factory_reset(call: Invocation, yes: bool) -> None:
    """Forget every setting that was changed at the machine."""
    if not yes:
        question = f"Forget what was changed at the machine at {call.machine.url}?"
        click.confirm(question, abort=True, err=True)
    answer = call.machine.ask("POST", "/api/factory-reset")
    if call.as_json:
        return call.output.json({} if answer is None else answer)
    return call.output.line("The machine is as its configuration says again.")
