"""The extras of the package `irsend`: which libraries each installs, and what to say where one is missing.

The one place that knows of libraries that may be missing. What needs an extra
calls `require`, or asks `lacks`, before it imports any of its libraries.
"""

from __future__ import annotations

import functools
import importlib.util

from attrs import frozen

from irsend.errors import NotInstalled


@frozen
class Extra:
    """An extra: its name, and its libraries as name of the module and name of the package."""

    name: str
    libraries: tuple[tuple[str, str], ...]

    def lacks(self, purpose: str) -> str:
        """Return the sentence that this purpose cannot be served; empty where all is installed."""
        missing = [package for module, package in self.libraries if not _is_installed(module)]
        if not missing:
            return ""
        return f"{purpose} needs {', '.join(missing)}: pip install 'irsend[{self.name}]'"

    def require(self, purpose: str) -> None:
        """Raise NotInstalled where a library is missing."""
        sentence = self.lacks(purpose)
        if sentence:
            raise NotInstalled(sentence)


@functools.cache
def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


PRINTING = Extra(
    "printing",
    (
        ("PIL", "Pillow"),
        ("img2pdf", "img2pdf"),
        ("pikepdf", "pikepdf"),
        ("pypdfium2", "pypdfium2"),
        ("reportlab", "reportlab"),
    ),
)
"""Prints what is received, shows it, and scans what is sent."""
PANEL = Extra("panel", (("jinja2", "Jinja2"),))
"""The pages of the panel, and the page of a probe."""
PCAP = Extra("pcap", (("dpkt", "dpkt"),))
"""Reads packet captures."""
GSSAPI = Extra("gssapi", (("gssapi", "gssapi"), ("krb5", "krb5")))
"""Kerberos."""
