"""Real shells that complete the command line of irsendctl, for tests."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

_TOP = str(Path(__file__).parents[2])

_ASK = {
    "bash": """
source "$SCRIPT"
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_irsendctl_completion irsendctl 2> /dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
""",
    # What the function asks for is printed where zsh would list it.
    "zsh": """
function compdef {{ }}
function _describe {{ print -l -- ${{${{(P)3}}//:*/}} }}
function compadd {{ print -l -- ${{completions}} }}
function _path_files {{ print FILES }}
source "$SCRIPT"
words=({words})
CURRENT=${{#words}}
_irsendctl_completion
""",
    "fish": """
source "$SCRIPT"
complete --do-complete {line}
""",
}


def completions(directory: Path, shell: str, *words: str, url: str = "") -> list[str]:
    """Return what a shell offers for the last of these words behind irsendctl."""
    program = directory / "irsendctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m irsend.ctl "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{directory}:{os.environ['PATH']}",
        "PYTHONPATH": _TOP,
        "IRSEND_URL": url or "http://127.0.0.1:1",
        "SCRIPT": str(directory / "script"),
        "HOME": str(directory),
    }
    script = subprocess.run(
        [program, "completion", shell], env=environment, capture_output=True, check=True
    )
    (directory / "script").write_bytes(script.stdout)
    line = ["irsendctl", *words]
    source = _ASK[shell].format(
        words=" ".join(map(shlex.quote, line)),
        line=shlex.quote(" ".join(line)),
    )
    ended = subprocess.run(
        [shell, "-c", source],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if ended.stderr:
        raise AssertionError(ended.stderr)
    return [one.partition("\t")[0] for one in ended.stdout.splitlines() if one]
