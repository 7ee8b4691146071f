"""What a newcomer does next: the last lines of the log at the first start of a machine."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from irsend.assembly import Assembly
from irsend.configuration_sections import Listen
from irsend.protocols.server_endpoints import address_text, reachable_host
from irsend.services.live_configuration import LiveConfiguration


def next_steps(assembly: Assembly) -> Iterator[str]:
    """Give where mail goes in, and a command to try; the panel's address stands above them."""
    configuration = assembly.machine.configuration
    settings = assembly.machine.device.settings.email_ifax
    for address in _reachable(assembly.machine.smtp_listener.addresses):
        recipient = settings.email_address or f"anybody@{LiveConfiguration(configuration).host}"
        yield f"Mail in: SMTP {address}, for {recipient}"
    if not settings.smtp_receive:
        yield "Mail in: off; irsendctl set email_ifax.smtp_receive=on"
    for address in _reachable(assembly.panel_addresses):
        usual = configuration.listen.panel == Listen().panel
        option = "" if usual else f"--url http://{address} "
        yield f"Try next: irsendctl {option}status"


def _reachable(addresses: list[IAddress]) -> list[str]:
    """Return where programs on this host reach the first of these; none for a Unix socket."""
    return [
        address_text(attrs.evolve(one, host=reachable_host(one)))
        for one in addresses[:1]
        if isinstance(one, IPv4Address | IPv6Address)
    ]
