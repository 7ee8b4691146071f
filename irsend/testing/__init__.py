"""The library for tests of other projects: a printer, in the test's own process.

`PrinterMixin` gives a test case of Twisted machines on free ports, with a mail host
beside each where accounts are given; trial, unittest and pytest run it. A test can
wait for what they receive, print and show; their transcripts stand in the report of
a test that fails. At its end everything is stopped.
"""

from irsend.testing.mixin import PrinterMixin
from irsend.testing.printer import Printer
from irsend.testing.received import Mail, Printout
from irsend.testing.waiting import NotInTime

__all__ = ["Mail", "NotInTime", "Printer", "PrinterMixin", "Printout"]
