"""The program: the group of commands, the options before them, and the exit status."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from irsend import __version__
from irsend.ctl import usage
from irsend.ctl.command import Commands
from irsend.ctl.commands import (
    change,
    completion,
    explain,
    faults,
    mails,
    models,
    probe,
    read,
    sample,
    send,
    set_settings,
    tray,
    wait,
    watch,
)
from irsend.ctl.commands import (
    run as run_beside,
)
from irsend.ctl.errors import (
    DONE,
    INTERRUPTED,
    NO_MACHINE,
    READER_GONE,
    REFUSED,
    WRONG_USE,
    MachineRefused,
    NoMachine,
    OutputClosed,
    PasswordNeeded,
)
from irsend.ctl.invocation import Invocation, shown_machine_options
from irsend.ctl.secret_input import ask, can_ask


class Interrupted(Exception):
    """Ctrl-C was pressed."""


class _Program(Commands):
    """The commands, in the order of use; a closed output ends them without a message."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Click would end with 1, which means here that the machine refused.
            raise OutputClosed from None
        except KeyboardInterrupt:
            # Click would print an empty line and raise Abort.
            raise Interrupted from None


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="irsendctl", message="%(prog)s %(version)s")
@shown_machine_options
def irsendctl() -> None:
    """Look at a running irsend machine, and press its keys, over HTTP.

    The options below may stand before a command and behind it.

    Exit status: 0 done, 1 the machine says NG or refuses, 2 wrong use, 3 no machine there.
    """


for command in (
    read.status,
    watch.watch,
    read.settings,
    set_settings.set_,
    change.clear,
    change.receive,
    tray.paper,
    tray.tray,
    send.send,
    change.cancel,
    read.jobs,
    read.job,
    read.report,
    mails.mails,
    mails.mail,
    wait.wait,
    read.sessions,
    read.transcript,
    models.models,
    sample.sample,
    faults.faults,
    change.key,
    change.factory_reset,
    probe.probe,
    explain.explain,
    run_beside.run,
    completion.completion,
):
    irsendctl.add_command(command)


def run(
    arguments: list[str] | None = None, *, pause: Callable[[float], None] = time.sleep
) -> int:
    """Run one call; print errors on stderr; return the exit status."""
    call = Invocation(pause=pause)
    try:
        _replace_unencodable()
        given = sys.argv[1:] if arguments is None else arguments
        _check_readable(given)
        try:
            ended = _main(given, call)
        except PasswordNeeded:
            if not can_ask():
                raise
            # The first request was refused, so nothing has been done yet.
            call.password = ask(f"Password of the panel at {call.machine.url}")
            call.forget_machine()
            ended = _main(given, call)
        sys.stdout.flush()
        return ended if isinstance(ended, int) else DONE
    except click.ClickException as error:
        return _fail(usage.explained(error), WRONG_USE)
    except click.Abort as error:
        if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
            return _interrupted()
        print("Nothing was done.", file=sys.stderr)
        return REFUSED
    except (KeyboardInterrupt, Interrupted):
        return _interrupted()
    except (OutputClosed, BrokenPipeError):
        _discard_output()
        return READER_GONE
    except MachineRefused as error:
        if call.as_json and error.problem is not None:
            with contextlib.suppress(OutputClosed):
                call.output.json(error.problem)
        return _fail(str(error), REFUSED)
    except NoMachine as error:
        return _fail(f"{error}\n{error.remedy}".rstrip(), NO_MACHINE)
    except OSError as error:
        _discard_output()
        return _fail(f"The output cannot be written: {error.strerror or error}.", WRONG_USE)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Valid JSON that does not follow the HTTP contract.
        return _fail(
            f"The machine answers otherwise than irsendctl {__version__} knows it"
            f" ({type(error).__name__}: {error}).",
            NO_MACHINE,
        )
    finally:
        call.close()


def _main(arguments: list[str], call: Invocation) -> object:
    return irsendctl.main(arguments, prog_name="irsendctl", standalone_mode=False, obj=call)


def _interrupted() -> int:
    # The terminal has echoed ^C on the line of the shell's next prompt.
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return INTERRUPTED


def _fail(sentence: str, status: int) -> int:
    from irsend.ctl.output import print_error

    print_error(sentence)
    return status


def _check_readable(arguments: list[str]) -> None:
    for argument in arguments:
        # The name of a file may be any octets.
        if any("\ud800" <= sign <= "\udfff" for sign in argument) and not os.path.lexists(
            argument
        ):
            raise click.UsageError(f"{argument!a} is not allowed; allowed: text in UTF-8")


def _replace_unencodable() -> None:
    """Replace characters that the locale cannot write, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _discard_output() -> None:
    """Send the rest of stdout to nowhere: Python flushes it once more at exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
