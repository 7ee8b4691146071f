"""Who is on the wire, and may it pass: the MAC address filter on sockets, and endpoints that set it.

    admission   the rule: which addresses pass
    program     the rule as a program that the kernel runs on each frame
    sockets     what is asked of the kernel, socket by socket
    neighbours  who stands behind an IP address: routes and neighbours, by netlink
    ways        three ways to enforce the rule, the best that the host has
    link        one wire: its rule, its sockets, what was dropped
    endpoints   Twisted endpoints whose sockets are on such a wire
    parsing     the same as endpoint strings, "mac:..."

It knows no printer: any Twisted server can have such a filter.
"""
