"""What other people's tests import: a printer, in the test's own process.

`PrinterMixin` gives a trial test case machines on free ports, with mail hosts
beside them if asked, ways to wait for what they receive and show, and their
transcripts when a test fails. Nothing is left behind at the end.
"""

from irsend.testing.mixin import PrinterMixin
from irsend.testing.printer import Printer
from irsend.testing.received import Mail, Printout

__all__ = ["Mail", "Printer", "PrinterMixin", "Printout"]
