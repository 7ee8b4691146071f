"""Which part of irsend may import which: the table that docs/architecture shows and test_imports holds.

A part is a module or a package right below `irsend`. A part may always import
itself; `MEET_ONLY_IN` says more of some. Imports in functions count too.
"""

from __future__ import annotations

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": (),
    "interfaces": (),
    "addresses": ("interfaces",),
    "device": ("errors", "interfaces", "addresses"),
    "message": ("errors", "interfaces", "addresses"),
    "protocols": ("errors", "interfaces", "addresses"),
    "link": ("errors", "interfaces", "addresses"),
    "imaging": ("errors", "interfaces", "message"),
    "store": ("errors", "interfaces", "device", "message"),
    "configuration_sections": ("addresses", "device", "link"),
    "configuration": ("errors", "device", "configuration_sections"),
    "sample_configuration": ("configuration", "device"),
    "services": (
        "errors",
        "interfaces",
        "addresses",
        "configuration_sections",
        "configuration",
        "device",
        "message",
        "protocols",
        "link",
        "imaging",
        "store",
    ),
    "mailhost": (
        "errors",
        "interfaces",
        "addresses",
        "configuration_sections",
        "message",
        "protocols",
        "store",
    ),
    "panel": ("errors", "interfaces", "addresses", "device"),
    "ctl": ("errors", "interfaces"),
    "assembly": (
        "errors",
        "link",
        "configuration_sections",
        "configuration",
        "protocols",
        "services",
        "mailhost",
        "panel",
    ),
    "testing": (
        "errors",
        "interfaces",
        "configuration",
        "assembly",
        "device",
        "services",
        "mailhost",
        "panel",
    ),
    "tap": ("errors", "configuration", "assembly"),
}
"""What each part may import of irsend, from the ground up. Nothing imports tap."""

MEET_ONLY_IN: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "services": (
        "machine.machine",
        {
            "bench": (),
            "blocking": (),
            "machine.keyring": ("bench",),
            "machine.mac_filter": ("bench",),
            "receive.smtp_listener": ("bench", "receive.smtp_server_session"),
            "receive.smtp_server_session": ("bench",),
            "receive.pop_poller": ("bench", "receive.pop_client_session"),
            "receive.pop_client_session": ("bench", "send.delivery_results"),
            "machine.settings_precedence": (),
            "worker_process": (),
            "send.scanner": ("worker_process",),
            "print.print_pool": ("worker_process",),
            "receive.dispatch": ("bench",),
            "receive.reassembly": ("bench", "receive.dispatch"),
            "print.print_queue": (
                "bench",
                "send.delivery_results",
                "print.print_pool",
                "receive.dispatch",
            ),
            "send.notifier": ("bench", "receive.dispatch"),
            "machine.recovery": ("bench",),
            "print.retention": ("bench",),
            "send.mx": (),
            "send.access_token": (),
            "send.job_submission": ("bench", "send.delivery_results", "send.scanner"),
            "send.delivery_results": (),
            "send.delivery": (),
            "send.smtp_client_session": ("bench", "send.delivery", "send.delivery_results"),
            "send.attempt": (
                "bench",
                "send.delivery",
                "send.delivery_results",
                "send.mx",
                "send.smtp_client_session",
                "send.access_token",
            ),
            "send.send_queue": (
                "send.attempt",
                "bench",
                "send.job_submission",
                "send.delivery",
                "send.delivery_results",
            ),
            "machine.control": (
                "bench",
                "receive.reassembly",
                "machine.keyring",
                "machine.settings_precedence",
                "receive.pop_poller",
                "print.print_pool",
                "print.print_queue",
                "send.send_queue",
                "receive.dispatch",
            ),
            "send.full_mode": ("bench",),
        },
    ),
}
"""Packages whose modules meet in one of them only; what each other module of them may import.

The services share the bench; a service that waits for sessions knows its session.
"""

WITHOUT_RINGS: tuple[str, ...] = (
    "device",
    "message",
    "protocols",
    "link",
    "imaging",
    "store",
    "services",
    "mailhost",
    "ctl",
    "testing",
)
"""Packages whose modules import each other in one direction only."""

WITHOUT_TWISTED: tuple[str, ...] = (
    "errors",
    "addresses",
    "device",
    "message",
    "configuration_sections",
    "configuration",
    "sample_configuration",
    "ctl",
)
"""Parts that know nothing of Twisted: values and pure functions, and the client of the HTTP interface."""

REACTOR_BY_NAME: tuple[str, ...] = ("tap", "testing")
"""The parts that may import the reactor; all others are handed it."""
