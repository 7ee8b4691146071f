"""Endpoint strings "mac:...", for any Twisted program."""

from irsend.link.endpoint_parser import MacParser

mac = MacParser()
