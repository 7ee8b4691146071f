"""A server that greets and hangs up, behind a MAC address filter: `... with_filter PORT ADDRESSES`.

ADDRESSES is how many are on the list; "off" is a wire without a rule, "plain" none at all.
"""

from __future__ import annotations

import sys

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Protocol, ServerFactory

from irsend.link.admission import Admission
from irsend.link.endpoints import LinkServerEndpoint
from irsend.link.enforcement import Kernel
from irsend.link.link import Link


class _Greeting(Protocol):
    def connectionMade(self):
        self.transport.write(b"220 hello\r\n")
        self.transport.loseConnection()


def _endpoint(port, addresses):
    def make(prepared):
        return TCP4ServerEndpoint(prepared, port, interface="127.0.0.1")

    if addresses == "plain":
        return make(reactor)
    if addresses == "off":
        return LinkServerEndpoint(reactor, Link(Kernel()), make)
    listed = frozenset(f"00:00:85:12:34:{number:02x}" for number in range(int(addresses)))
    # Rejects others than who comes: each frame is held against all of the list.
    link = Link(Kernel(), admission=Admission(listed, permits=False))
    return LinkServerEndpoint(reactor, link, make)


if __name__ == "__main__":
    factory = ServerFactory.forProtocol(_Greeting)
    factory.noisy = False
    _endpoint(int(sys.argv[1]), sys.argv[2]).listen(factory)
    reactor.run()
