"""The record of the outbox: its names in the file."""

from __future__ import annotations

import json

import attrs
from twisted.trial import unittest

from irsend.device.jobs import Job
from irsend.store.outbox import Outgoing

REPORT = Outgoing(
    job=Job(serial=1, number="0001", direction="tx", party="a@bench.test", started=1000.0),
    sender="",
    message_id="<1@bench.test>",
    head_length=10,
    report="mdn",
)


class RecordTests(unittest.SynchronousTestCase):
    """Records as this release and earlier ones write them."""

    def test_name_in_the_file(self) -> None:
        """The kind of a report has the key `answer`, as in earlier releases, and comes back."""
        record = REPORT.as_json()
        self.assertEqual(json.loads(record)["answer"], "mdn")
        self.assertEqual(Outgoing.of_json(record), REPORT)

    def test_without_it(self) -> None:
        """A record of a release that sent no reports is read as that of a mail."""
        fields = json.loads(REPORT.as_json())
        del fields["answer"]
        record = json.dumps(fields).encode()
        self.assertEqual(Outgoing.of_json(record), attrs.evolve(REPORT, report=""))
