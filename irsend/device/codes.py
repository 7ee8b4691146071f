"""The result codes of a job (docs/fidelity, Result codes and the report). The texts are ours."""

from __future__ import annotations

CODES: dict[str, str] = {
    "#705": "larger than Maximum Data Size for Sending, and divided sending is off",
    "#801": "the SMTP server timed out or refused the connection or the session",
    "#802": "SMTP server name missing, wrong or not found in DNS",
    "#803": "connection lost before everything was sent",
    "#806": "destination refused",
    "#810": "POP server: connection, reply or timeout error",
    "#813": "POP login refused",
    "#818": "received data not in a printable format",
    "#819": "received MIME wrong",
    "#820": "received base64 or uuencode wrong",
    "#821": "received TIFF structure wrong",
    "#822": "received image cannot be decoded",
    "#827": "unsupported MIME type received",
    "#828": "HTML received",
    "#829": "more than 1000 pages received",
    "#830": "DSN error received",
    "#831": "SMTP reception refused by address range",
    "#832": "a DSN could not be sent",
    "#833": "an MDN could not be sent",
    "#834": "MDN error received",
    "#835": "too many lines of text received",
    "#837": "connection from a barred host",
    "#839": "SMTP AUTH user name or password wrong",
    "#841": "no encryption algorithm in common with the mail server",
    "#842": "the mail server asked for a client certificate",
    "#843": "the clock differs too much from the Kerberos KDC",
    "#844": "POP AUTH before Sending: TLS failed",
    "#845": "POP AUTH before Sending: POP AUTH failed",
    "#846": "POP AUTH before Sending: APOP failed",
    "#848": "the parts of a divided message could not be joined",
    "#995": "the job was cancelled",
}


def meaning(code: str | None) -> str:
    """Return what a code means; empty for none, and for one that the table lacks."""
    return CODES.get(code, "") if code else ""


TOO_LARGE = "#705"
SMTP_CONNECTION = "#801"
SERVER_NOT_FOUND = "#802"
CONNECTION_LOST = "#803"
DESTINATION_REFUSED = "#806"
DSN_ERROR = "#830"
MDN_ERROR = "#834"
SMTP_LOGIN = "#839"
NO_COMMON_CIPHER = "#841"
CLIENT_CERTIFICATE = "#842"
CLOCK_SKEW = "#843"
POP_BEFORE_TLS = "#844"
POP_BEFORE_POP_AUTH = "#845"
POP_BEFORE_APOP = "#846"
IMAGE_UNDECODABLE = "#822"
DSN_NOT_SENT = "#832"
MDN_NOT_SENT = "#833"
PARTS_NOT_JOINED = "#848"
POP_CONNECTION = "#810"
POP_LOGIN = "#813"
CANCELLED = "#995"
