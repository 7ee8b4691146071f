"""The MAC address behind an IP address: the route's next hop, and its entry in the neighbour table.

By netlink, which answers at once; but the first call loads a library, so the reactor's
thread calls it only where it must. The library runs an asyncio loop, which cannot be
inside another: a thread of its own calls it, whatever the reactor is.

Standards: rtnetlink(7); RFC 826 (ARP) and RFC 4861 (neighbour discovery) fill the table.
"""

from __future__ import annotations

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from irsend.addresses import NO_MAC

# rtm_type of an address of this host itself (RTN_LOCAL).
_LOCAL = 2


def neighbour_mac(address: str) -> str | None:
    """Return the MAC address that frames for an IP address go to; None where that is not known.

    Behind a router it is the router's. Addresses of this host have none:
    00:00:00:00:00:00. The scope of an IPv6 address (fe80::1%eth0) counts.
    """
    address, _, scope = address.partition("%")
    try:
        if ipaddress.ip_address(address).is_loopback:
            return NO_MAC
        device = _device(scope) if scope else None
    except (ValueError, OSError):
        return None
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_asked, address, device).result()


def _device(scope: str) -> int:
    return int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)


def _asked(address: str, device: int | None) -> str | None:
    try:
        from pyroute2 import IPRoute
        from pyroute2.netlink.exceptions import NetlinkError
    except ImportError:
        return None
    try:
        with IPRoute() as netlink:
            by = {} if device is None else {"oif": device}
            (route,) = netlink.route("get", dst=address, **by)
            if route["type"] == _LOCAL:
                return NO_MAC
            hop = _attribute(route, "RTA_GATEWAY") or _via(route) or address
            device = _attribute(route, "RTA_OIF")
            for entry in netlink.get_neighbours(dst=hop, ifindex=device):
                mac = _attribute(entry, "NDA_LLADDR")
                if mac:
                    return str(mac)
    except (OSError, NetlinkError, ValueError):
        pass
    return None


def _attribute(message: Any, name: str) -> Any:
    return message.get_attr(name)


def _via(route: Any) -> str | None:
    """Return a next hop of the other family (RTA_VIA: IPv4 behind an IPv6 router)."""
    via = route.get_attr("RTA_VIA")
    return str(via["addr"]) if via else None


def can_be_asked() -> str:
    """Return why the neighbour table cannot be asked; empty where it can."""
    try:
        from pyroute2 import IPRoute

        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: IPRoute().close()).result()
        return ""
    except ImportError:
        return "pyroute2 is not installed"
    except OSError as error:
        return str(error)
