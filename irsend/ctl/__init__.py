"""`irsendctl`: a running machine from the command line, over HTTP; and the model files.

Click reads the command line (`program`), httpx asks the machine (`http_client`),
rich draws the answer (`views`). What irsendctl knows of a machine stands in its HTTP
contract. `models` alone needs no machine: it reads the files that irsend comes with.
"""

from __future__ import annotations


def main() -> None:
    """Run irsendctl and end the process with its exit status."""
    # Imported here so that Ctrl-C while Python is still reading modules is quiet too.
    try:
        from irsend.ctl.program import run

        status = run()
    except KeyboardInterrupt:
        status = 130
    raise SystemExit(status)
