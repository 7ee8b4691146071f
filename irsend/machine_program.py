"""`irsend-machine`: `twistd -n irsend` where twistd is not on the path, as under pipx and uvx.

It needs no plugin of twistd's to find irsend, and leaves nothing where it is started but the
state directory.
"""

from __future__ import annotations

import sys

from twisted.application.service import ServiceMaker
from twisted.python import usage
from twisted.scripts import twistd

from irsend.tap import Options


def main() -> None:
    """Run a machine in the foreground; options, signals and exit status are those of twistd."""
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
