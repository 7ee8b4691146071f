"""The command that runs another program beside a machine of its own."""

from __future__ import annotations

import click

from irsend.ctl.command import command


@command(
    examples=(
        "irsendctl run -- npm test",
        "irsendctl run --model iradvance -- sh tests/mail.sh",
        "irsendctl run --set settings.email_ifax.pop_interval=1 -- ./send-invoices",
    )
)
@click.option(
    "--model", metavar="NAME", help="The printer: a name from `irsendctl models`, or a file."
)
@click.option(
    "--set",
    "assignments",
    metavar="KEY=VALUE",
    multiple=True,
    help="A key of the configuration; may be repeated.",
)
@click.argument("program", metavar="-- COMMAND...", nargs=-1, required=True)
@click.pass_context
def run(
    context: click.Context,
    model: str | None,
    assignments: tuple[str, ...],
    program: tuple[str, ...],
) -> None:
    """Run COMMAND beside a machine that is there for it alone.

    The machine has free ports, keeps everything in RAM, and has a mail host beside it.
    COMMAND finds its addresses in the environment: IRSEND_SMTP_HOST, IRSEND_SMTP_PORT,
    IRSEND_URL, IRSEND_MAILHOST_SMTP_PORT, IRSEND_MAILHOST_POP3_PORT; and in
    IRSEND_CA_FILE the certificates that TLS is verified with.

    Exit status: that of COMMAND; 128 and the signal that ended it; 127 where it is not
    found, 126 where it cannot be run, 2 wrong use. Where it is not 0, the transcripts of
    the machine's sessions are printed.
    """
    # They import the machine's models and settings.
    from irsend.ctl import beside_machine
    from irsend.ctl.output import print_error
    from irsend.errors import IrsendError
    from irsend.testing.machines import machine

    options = {} if model is None else {"model": model}
    try:
        with machine(assignments=assignments, **options) as beside:
            try:
                status = beside_machine.run(beside, program)
            except beside_machine.CannotRun as error:
                print_error(str(error))
                context.exit(error.status)
            beside.stop()
            if status:
                print_error(beside_machine.failure(program[0], status, beside.transcripts()))
    except IrsendError as error:
        raise click.UsageError(str(error), context) from None
    context.exit(status)


# What stands behind COMMAND is its own, also without the two dashes.
run.allow_interspersed_args = False
