"""The result codes of a job, each explained (docs/codes). The texts are ours.

`irsendctl explain`, the report, the panel and docs/codes are made from these.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Code:
    """What a code says, for people."""

    meaning: str
    """What happened, in a few words."""
    drawn_by: str
    """What draws it."""
    look_at: str
    """What to look at on the server, or at the machine where the server has no part in it."""


_SIZE = (
    "The machine: raise email_ifax.maximum_data_size or switch email_ifax.divided_send on. "
    "The server: does its limit (SIZE in its EHLO answer) allow as much?"
)
_SENDER_BUILT_IT = (
    "The program that sent the mail: save the mail from the session's page and open it with "
    "another program. A filter on the way that rewrites mails can have damaged it."
)
_OLD_TLS = (
    "the TLS versions and ciphers that it takes (Postfix: smtpd_tls_protocols, "
    "tls_medium_cipherlist with @SECLEVEL=0), against those of the machine's model"
)

EXPLAINED: dict[str, Code] = {
    "#705": Code(
        "larger than Maximum Data Size for Sending, and divided sending is off",
        "A mail that is larger than the item allows. It is refused before a connection is made.",
        _SIZE,
    ),
    "#801": Code(
        "the SMTP server timed out or refused the connection or the session",
        "The server is not reached or stays silent, refuses the greeting, EHLO, MAIL, DATA or the "
        "message, refuses the login for the moment (4xx), or TLS breaks off for another reason "
        "than #841 and #842.",
        "Its log at that minute: is there a connection at all? If not, the firewall and the port; "
        "if so, the line with its refusal, its limits for one client, and its certificate.",
    ),
    "#802": Code(
        "SMTP server name missing, wrong or not found in DNS",
        "No SMTP Server is set, or DNS does not know it; when sending directly, a domain without "
        "a mail server.",
        "The name in DNS (dig NAME), from the machine's network. The machine: "
        "email_ifax.smtp_server.",
    ),
    "#803": Code(
        "connection lost before everything was sent",
        "The server, or something between, closes the connection at any step outside the TLS "
        "handshake.",
        "Its log at that minute: timeouts, a crash, a limit for one client; firewalls that look "
        "into SMTP.",
    ),
    "#806": Code(
        "destination refused",
        "The server refuses RCPT: the recipient does not exist there, the server does not relay "
        'for this machine, or it says "later" (greylisting).',
        "The reply in the transcript; whether the address exists; the networks it relays for "
        "(Postfix: mynetworks) and whether the machine logged in; greylisting.",
    ),
    "#810": Code(
        "POP server: connection, reply or timeout error",
        "The server is not reached, is silent, refuses a command that is not the login, or TLS "
        "with it fails; the maildrop is in use.",
        "Whether it listens on the POP3 port and offers STLS where Allow SSL (POP) is on; "
        + _OLD_TLS.replace(
            "Postfix: smtpd_tls_protocols, tls_medium_cipherlist with @SECLEVEL=0",
            "Dovecot: ssl_min_protocol, ssl_cipher_list with @SECLEVEL=0",
        )
        + ".",
    ),
    "#813": Code(
        "POP login refused",
        "User or password are wrong, no SASL mechanism is in common, or the greeting has no "
        "timestamp for APOP.",
        "Its log of logins; whether it takes passwords in plain text (Dovecot: "
        "disable_plaintext_auth); its mechanisms. The machine: POP AUTH Method.",
    ),
    "#818": Code(
        "received data not in a printable format",
        "An attachment that calls itself TIFF and is none.",
        _SENDER_BUILT_IT,
    ),
    "#819": Code(
        "received MIME wrong",
        "A mail whose parts cannot be taken apart: a boundary is missing, or a head is broken.",
        _SENDER_BUILT_IT,
    ),
    "#820": Code(
        "received base64 or uuencode wrong",
        "An attachment whose encoding has signs that it cannot have, or ends too early.",
        _SENDER_BUILT_IT,
    ),
    "#821": Code(
        "received TIFF structure wrong",
        "A TIFF whose directories point beyond its end, or to each other.",
        _SENDER_BUILT_IT,
    ),
    "#822": Code(
        "received image cannot be decoded",
        "A page whose data are damaged, of a compression that is not known, or too large.",
        _SENDER_BUILT_IT,
    ),
    "#827": Code(
        "unsupported MIME type received",
        "An attachment of a type that the model does not print; the first models print TIFF only.",
        "The program that sent the mail: let it send TIFF, or choose a model that prints PDF and "
        "JPEG (reception.prints).",
    ),
    "#828": Code(
        "HTML received",
        "A mail that has HTML and no plain text.",
        "The program that sent the mail: let it send plain text, or both.",
    ),
    "#829": Code(
        "more than 1000 pages received",
        "A document with more pages than the machine prints (limits.printed_pages).",
        "The program that sent the mail: fewer pages a mail.",
    ),
    "#830": Code(
        "DSN error received",
        "A delivery status notification came back: the mail of a full-mode job was not delivered.",
        "The server that wrote it, which the notification names (Reporting-MTA), and its "
        "diagnostic.",
    ),
    "#831": Code(
        "SMTP reception refused by address range",
        "A client whose IP address the machine does not take mail from. irsend has no such "
        "ranges, and never draws it.",
        "The address that the relay connects from, against the ranges that are set at the machine.",
    ),
    "#832": Code(
        "a DSN could not be sent",
        "The notification that a mail was delivered, which its sender asked for, failed at the "
        "SMTP server; the reason has the code of the failure.",
        "What that code says. A notification has the null sender (MAIL FROM:<>), which some "
        "servers refuse.",
    ),
    "#833": Code(
        "an MDN could not be sent",
        "The notification that a mail was printed, or was not, failed at the SMTP server; the "
        "reason has the code of the failure.",
        "What that code says. A notification has the null sender (MAIL FROM:<>), which some "
        "servers refuse.",
    ),
    "#834": Code(
        "MDN error received",
        "The receiver of a full-mode job says that it could not print it.",
        "The receiving machine: its own report has the code. Its mail server has done its part.",
    ),
    "#835": Code(
        "too many lines of text received",
        "A text with more lines than the machine prints (limits.printed_lines).",
        "The program that sent the mail: shorter texts, or a TIFF.",
    ),
    "#837": Code(
        "connection from a barred host",
        "A host that the machine is set not to talk to. irsend keeps hosts off by MAC address "
        "without a job, and never draws it.",
        "The address that the relay connects from, against the list of barred hosts at the machine.",
    ),
    "#839": Code(
        "SMTP AUTH user name or password wrong",
        "The server refuses the login (5xx), the exchange of a mechanism breaks off, or MAIL is "
        "answered with 530. After a mechanism that failed no other is tried.",
        "Its log of logins; whether it can check the mechanism that it offers (CRAM-MD5 needs "
        "passwords that are stored readable; else take it off the list); app passwords.",
    ),
    "#841": Code(
        "no encryption algorithm in common with the mail server",
        "The TLS handshake finds no version, no cipher or no key length that both sides have.",
        f"For the port of the printers, {_OLD_TLS}.",
    ),
    "#842": Code(
        "the mail server asked for a client certificate",
        "The server ends TLS, or the session behind it, for want of a certificate of the machine's.",
        "Whether it asks clients for certificates (Postfix: smtpd_tls_ask_ccert, "
        "smtpd_tls_req_ccert); switch that off on the port of the printers.",
    ),
    "#843": Code(
        "the clock differs too much from the Kerberos KDC",
        "A login by GSSAPI while the clocks of machine and KDC are more than 300 s apart.",
        "The time of the KDC and of the machine (NTP), time zone and daylight saving time.",
    ),
    "#844": Code(
        "POP AUTH before Sending: TLS failed",
        "The POP session before a sending is to use TLS (Allow SSL (POP)), and the server has no "
        "STLS, or the handshake fails.",
        "The POP server, not the SMTP server: STLS on its POP3 port, TLS versions and ciphers.",
    ),
    "#845": Code(
        "POP AUTH before Sending: POP AUTH failed",
        "The login by SASL of the POP session before a sending was refused.",
        "The POP server's log of logins, and the mechanisms that it offers.",
    ),
    "#846": Code(
        "POP AUTH before Sending: APOP failed",
        "The login by APOP of the POP session before a sending was refused, or the greeting has "
        "no timestamp.",
        "The POP server's greeting: does it have a timestamp in <>? Is the password stored readable?",
    ),
    "#848": Code(
        "the parts of a divided message could not be joined",
        "A part of a mail that was sent in parts (message/partial) did not come in time, or does "
        "not fit the others.",
        "The queue and the log of the server that relays: is a part deferred, bounced or filtered?",
    ),
    "#995": Code(
        "the job was cancelled",
        "The job was cancelled at the panel or with irsendctl cancel.",
        "Nothing: it is no failure of a server.",
    ),
}
"""Every code there is, in the order of their numbers."""

CODES: dict[str, str] = {number: code.meaning for number, code in EXPLAINED.items()}
"""What each code means, in a few words."""


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
