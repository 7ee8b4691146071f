"""Trial with several workers, each as strict with bytes as trial itself.

`trial -j` starts its workers without Python's own options, and without -b what mixes
bytes with str passes unseen. To be run as `python -b -m tests.parallel -j 2 tests`; all
else is trial's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from twisted.scripts.trial import run
from twisted.trial._dist.disttrial import WorkerPool


def hand_on_flags() -> None:
    """Start trial's workers with this interpreter's own flags."""
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    launch = WorkerPool._launchWorkerProcesses

    def launch_alike(
        pool: WorkerPool, spawner: Any, protocols: Iterable[Any], arguments: Sequence[str]
    ) -> None:
        def spawn(protocol: Any, executable: str, args: list[str], **how: Any) -> None:
            spawner(protocol, executable, args=[args[0], *flags, *args[1:]], **how)

        launch(pool, spawn, protocols, arguments)

    WorkerPool._launchWorkerProcesses = launch_alike  # type: ignore[method-assign]


if __name__ == "__main__":
    # What trial itself does: the tests are those of the directory that it is run in.
    sys.path.insert(0, "")
    hand_on_flags()
    run()
