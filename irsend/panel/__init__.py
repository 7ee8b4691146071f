"""The web panel and the HTTP interface: how people and programs use a machine.

It holds an `IMachine` and speaks no mail protocol. The modules are loaded when
a site is made, not when this package is imported: twistd imports `irsend.tap`
to print its help.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from irsend.panel.options import PanelOptions

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from irsend.machine_interface import IMachine, IProbes
    from irsend.panel.site import PanelSite


def panel_site(
    machine: IMachine,
    *,
    options: PanelOptions,
    clock: IReactorTime,
    addresses: Callable[[], list[str]] | None = None,
    probes: IProbes | None = None,
) -> PanelSite:
    """Return the factory that serves a machine's panel; `stop()` it with the service.

    `addresses` gives where the machine takes mail by SMTP, as "host:port", for
    the page to show. Without `probes` it has no page Probe.
    """
    from irsend.panel.site import PanelSite

    return PanelSite(machine, options=options, clock=clock, addresses=addresses, probes=probes)


__all__ = ["PanelOptions", "panel_site"]
