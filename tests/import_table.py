"""Which part of irsend may import which: the table that docs/architecture shows and test_imports holds.

A part is a module or package right below `irsend`, or a folder of a package that
has a row of its own. A part may always import itself. Imports in functions count
too.
"""

from __future__ import annotations

_BELOW_SERVICES = (
    "errors",
    "extras",
    "interfaces",
    "addresses",
    "device",
    "message",
    "message.reports",
    "protocols",
    "link",
    "store",
    "configuration_sections",
    "configuration",
)

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": (),
    "extras": ("errors",),
    "interfaces": (),
    "back_pressure": (),
    "addresses": ("interfaces",),
    "wording": (),
    "device": ("errors", "interfaces", "addresses", "wording"),
    "machine_interface": ("interfaces", "device"),
    "message": ("errors", "interfaces", "addresses"),
    "message.reports": ("errors", "interfaces", "addresses", "message"),
    "protocols": ("errors", "extras", "interfaces", "addresses", "back_pressure"),
    "link": ("errors", "interfaces", "addresses"),
    "imaging": ("errors", "interfaces", "message"),
    "store": ("errors", "interfaces", "device", "message"),
    "configuration_sections": ("addresses", "device", "link"),
    "configuration_limits": ("device",),
    "configuration": (
        "errors",
        "device",
        "configuration_limits",
        "configuration_sections",
        "wording",
    ),
    "sample_configuration": ("configuration", "device"),
    "services": _BELOW_SERVICES,
    "services.send": (*_BELOW_SERVICES, "services"),
    "services.print": (*_BELOW_SERVICES, "services", "services.send"),
    "services.receive": (*_BELOW_SERVICES, "services", "services.send", "services.print"),
    "services.machine": (
        *_BELOW_SERVICES,
        "machine_interface",
        "services",
        "services.send",
        "services.print",
        "services.receive",
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
    "panel": (
        "errors",
        "extras",
        "interfaces",
        "addresses",
        "back_pressure",
        "device",
        "machine_interface",
        "wording",
    ),
    "probe": (
        "errors",
        "extras",
        "interfaces",
        "addresses",
        "configuration_sections",
        "configuration",
        "device",
        "message",
        "protocols",
        "store",
        "services",
        "services.send",
        "services.machine",
    ),
    "model_draft": ("errors", "extras", "device", "protocols"),
    "ctl": (
        "errors",
        "interfaces",
        "addresses",
        "wording",
        "device",
        "protocols",
        "sample_configuration",
        "model_draft",
        "probe",
    ),
    "assembly": (
        "errors",
        "extras",
        "link",
        "configuration_sections",
        "configuration",
        "protocols",
        "services",
        "services.print",
        "services.machine",
        "mailhost",
        "panel",
    ),
    "testing": (
        "errors",
        "interfaces",
        "configuration_sections",
        "configuration",
        "assembly",
        "device",
        "services.machine",
        "mailhost",
        "panel",
    ),
    "tap": ("errors", "configuration", "sample_configuration", "protocols", "assembly"),
    "machine_program": ("tap",),
}
"""What each part may import of irsend, from the ground up. Nothing but machine_program imports tap."""

WITHOUT_RINGS: tuple[str, ...] = (
    "device",
    "message",
    "protocols",
    "link",
    "imaging",
    "store",
    "services",
    "mailhost",
    "panel",
    "probe",
    "model_draft",
    "ctl",
    "testing",
)
"""Packages whose modules import each other in one direction only."""

WITHOUT_TWISTED: tuple[str, ...] = (
    "errors",
    "addresses",
    "wording",
    "device",
    "message",
    "configuration_limits",
    "configuration_sections",
    "configuration",
    "sample_configuration",
    "model_draft",
    "ctl",
)
"""Parts that know nothing of Twisted: values and pure functions, and the client of the HTTP interface."""

REACTOR_BY_NAME: tuple[str, ...] = ("tap", "testing", "probe")
"""The parts that may import the reactor; all others are handed it."""
