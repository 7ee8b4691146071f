"""The table of rows: what `python -m benchmarks` can measure. A new row is a line here."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from benchmarks import connecting, memory, polling, printing, sending, while_printing
from benchmarks.bench import Bench
from benchmarks.contest import Contest
from benchmarks.reception import large_mails, small_mails


@frozen
class Row:
    """A number, what the work is called, and what makes its contests."""

    number: int
    work: str
    contests: Callable[[Bench], list[Contest]]


ROWS = (
    Row(1, "SMTP reception, 20 MB mails", large_mails),
    Row(3, "SMTP reception, 4 KB mails, 10 sessions", small_mails),
    Row(5, "POP reception, 20 MB mails, plain and TLS", polling.large_mails),
    Row(7, "Sending 20 MB mails", sending.large_mails),
    Row(8, "Sending 4 KB mails, one session for all and one each", sending.small_mails),
    Row(9, "Memory added by one 100 MB mail, received, polled, sent", memory.one_large_mail),
    Row(11, "A fax of 100 pages printed to PDF", printing.long_fax),
    Row(12, "SMTP reception, 4 KB mails, while 20 faxes print", while_printing.small_mails),
    Row(16, "Connections behind a MAC address filter", connecting.filtered),
)
