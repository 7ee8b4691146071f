"""Twisted's own ESMTP, throwing away: `python -m benchmarks.sinks.with_twisted PORT`."""

from __future__ import annotations

import sys

from twisted.internet import defer, reactor
from twisted.internet.protocol import ServerFactory
from twisted.mail import smtp
from zope.interface import implementer


@implementer(smtp.IMessage)
class _Nowhere:
    def lineReceived(self, line):
        pass

    def eomReceived(self):
        return defer.succeed(None)

    def connectionLost(self):
        pass


@implementer(smtp.IMessageDelivery)
class _AnyDelivery:
    def receivedHeader(self, helo, origin, recipients):
        return b""

    def validateFrom(self, helo, origin):
        return origin

    def validateTo(self, user):
        return _Nowhere


class _Factory(ServerFactory):
    noisy = False

    def buildProtocol(self, addr):
        protocol = smtp.ESMTP()
        protocol.delivery = _AnyDelivery()
        protocol.factory = self
        return protocol


if __name__ == "__main__":
    reactor.listenTCP(int(sys.argv[1]), _Factory(), interface="127.0.0.1")
    reactor.run()
