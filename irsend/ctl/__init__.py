"""`irsendctl`: a running machine from the command line, over HTTP and nothing else.

Click reads the command line (`program`), httpx asks the machine (`http_client`),
rich draws the answer (`views`). Nothing of the machine itself is imported here:
what irsendctl knows of it stands in its HTTP contract.
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
