"""The library for tests of other projects: a machine on free ports, which they send to and look at.

`machine` gives one to any test, by blocking calls; the fixtures of `pytest_plugin` do the
same. `PrinterMixin` gives one to a test case of Twisted, in the test's own reactor.

Nothing is imported before it is used: pytest loads the plugin for every project.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from irsend.testing.address import Address
    from irsend.testing.errors import MachineGone, NotInTime
    from irsend.testing.machines import Machine, MailHost, machine, start_machine
    from irsend.testing.memory_machine import Conversation, MemoryMachine
    from irsend.testing.mixin import PrinterMixin
    from irsend.testing.printer import Printer
    from irsend.testing.received import Envelope, Mail, Printout, ReceivedMail

__all__ = [
    "Address",
    "Conversation",
    "Envelope",
    "Machine",
    "MachineGone",
    "Mail",
    "MailHost",
    "MemoryMachine",
    "NotInTime",
    "Printer",
    "PrinterMixin",
    "Printout",
    "ReceivedMail",
    "machine",
    "start_machine",
]

_MODULES = {
    "Address": "address",
    "Conversation": "memory_machine",
    "Envelope": "received",
    "Machine": "machines",
    "MachineGone": "errors",
    "Mail": "received",
    "MailHost": "machines",
    "MemoryMachine": "memory_machine",
    "NotInTime": "errors",
    "Printer": "printer",
    "PrinterMixin": "mixin",
    "Printout": "received",
    "ReceivedMail": "received",
    "machine": "machines",
    "start_machine": "machines",
}


def __getattr__(name: str) -> object:
    """Import what is used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
