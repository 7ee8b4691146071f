"""`irsend-machine`: `twistd -n irsend` where twistd is not on the path, as under pipx and uvx.

It needs no plugin of twistd's to find irsend, and leaves nothing where it is started but the
state directory.
"""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130
"""The exit status of a program that Ctrl-C has ended before it could run."""


def main() -> None:
    """Run a machine in the foreground; options, signals and exit status are those of twistd."""
    # Imported in the function so that Ctrl-C while Python is still reading modules is quiet too.
    try:
        try:
            _run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # As under `irsend-machine --help | head -1`. Python flushes stdout once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(1) from None


def _run() -> None:
    from twisted.application.service import ServiceMaker
    from twisted.python import usage
    from twisted.scripts import twistd

    from irsend.tap import Options

    options = Options()
    options.synopsis = "Usage: irsend-machine [options]"
    try:
        options.parseOptions(sys.argv[1:])
    except usage.UsageError as error:
        print(f"irsend: {error}; irsend-machine --help lists the options", file=sys.stderr)
        raise SystemExit(1) from None
    process = twistd.ServerOptions()  # type: ignore[attr-defined]
    process.parseOptions(["--nodaemon", "--pidfile=", "--no_save"])
    # What twistd itself sets when it reads the word "irsend" on its command line.
    process.subCommand, process.subOptions = "irsend", options
    process.loadedPlugins = {"irsend": ServiceMaker("irsend", "irsend.tap", "", "irsend")}
    twistd.runApp(process)
