"""The MAC address filter: which peers may pass, on sockets and on the endpoints that set it.

    admission          the rule: which addresses pass
    bpf_program        the rule as a program that the kernel runs on each frame
    sockets            the socket options of the kernel: filter, first frame, drops
    neighbours         the MAC address behind an IP address: routes and neighbours, by netlink
    enforcement        three ways to enforce the rule, and the best that the host has
    link               one wire: its rule, its sockets, how much was dropped
    filtering_reactor  a reactor whose sockets get the filter before they listen or connect
    endpoints          Twisted endpoints whose sockets are on such a wire
    endpoint_parser    the same as endpoint strings, "mac:..."

It knows no printer: any Twisted server can have such a filter.
"""
