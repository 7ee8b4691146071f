"""The web panel and the HTTP interface: how people and programs use a machine.

It holds an `IMachine` and speaks no mail protocol. The modules are loaded when
a site is made, not when this package is imported: twistd imports `irsend.tap`
to print its help.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from irsend.machine_interface import IMachine
    from irsend.panel.site import PanelSite


def panel_site(
    machine: IMachine,
    *,
    password: str,
    hostnames: tuple[str, ...],
    clock: IReactorTime,
    addresses: Callable[[], list[str]] | None = None,
    most_upload: int | None = None,
) -> PanelSite:
    """Return the factory that serves a machine's panel; `stop()` it with the service.

    Without a password only loopback may use it. `hostnames` are the names by
    which a browser may then call it, beside localhost and addresses.
    `addresses` gives where the machine takes mail by SMTP, as "host:port", for
    the page to show. `most_upload` bounds the originals of one sending, in
    octets.
    """
    from irsend.panel.site import MOST_UPLOAD, PanelSite

    return PanelSite(
        machine,
        password=password,
        hostnames=hostnames,
        clock=clock,
        addresses=addresses,
        most_upload=MOST_UPLOAD if most_upload is None else most_upload,
    )


__all__ = ["panel_site"]
