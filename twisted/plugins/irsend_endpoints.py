"""Endpoint strings "mac:...", for any Twisted program."""

from irsend.link.parsing import MacParser

mac = MacParser()
