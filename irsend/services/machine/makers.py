"""What makes the parts of a machine that reach out of it: to the disk, the network, other processes.

A machine in memory (`irsend.testing.MemoryMachine`) has others.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from irsend.services.machine.storage import Storage
from irsend.services.network import Network
from irsend.services.send.scanner import Scanner


@frozen(kw_only=True)
class Makers:
    """Each is called as the class that it stands for."""

    storage: Callable[..., Storage] = Storage
    network: Callable[..., Network] = Network
    scanner: Callable[..., Scanner] = Scanner


USUAL = Makers()
"""The parts of a machine on a host."""
