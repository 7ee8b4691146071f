"""A mail that is reported on, and the parts of the report."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message

from attrs import asdict

from irsend.device import load_model
from irsend.message.reports.multipart_report import ReportHead
from irsend.message.reports.requests import DeliveryRequest, ReportRequests
from irsend.message.style import Style

MODEL = load_model("ir2270")
STYLE = Style(**asdict(MODEL.header))
ANSWER = ReportHead(
    at=1_234_567_890,
    number="0007",
    count=7,
    sender="ir@bench.test",
    to="a@b.test",
    recipient="fax@ir.bench.test",
    host="ir.bench.test",
    machine="Canon imageRUNNER 2270",
    head_octets=b"From: a@b.test\r\nSubject: =?utf-8?q?=C3=A9?= caf\xc3\xa9\r\n\r\nText.\r\n",
)
REQUESTS = ReportRequests(
    delivered=(
        DeliveryRequest(address="fax@ir", original="rfc822;fax@elsewhere"),
        DeliveryRequest(address="x@ir"),
    ),
    return_path="a@b.test",
    envelope_id="e-1",
    notify_to="a@b.test",
    original_recipient="rfc822;fax@elsewhere",
)


def parts(content: bytes) -> list[Message]:
    """Return the three parts of a report."""
    payload = message_from_bytes(content).get_payload()
    assert isinstance(payload, list)
    return [one for one in payload if isinstance(one, Message)]
