"""The tables of a model file: TLS, logins, sending, reception, the header of what is sent.

The file as a whole is read by `model`.
"""

from __future__ import annotations

import re

from attrs import Factory, frozen

from irsend.device.items import Listing, Number, OneOf, OnOff, Table, Text, item
from irsend.device.quirks import Quirks
from irsend.device.windows import MECHANISMS
from irsend.wording import did_you_mean

TLS_VERSIONS = ("SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3")
TLS_EXTENSIONS = ("session_ticket", "extended_master_secret", "encrypt_then_mac")
SENDING_EXTENSIONS = ("SIZE", "PIPELINING", "8BITMIME", "DSN")
PRINTS = ("jpeg", "pdf")
"""What later models print beside TIFF."""
EHLO_KEYWORDS = ("SIZE", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN")


def any_of(words: tuple[str, ...]) -> Listing:
    """Return the kind of an item that is a choice of several of these words."""
    kind = OneOf(words)

    def one(given: str) -> str:
        try:
            return kind.read(given)
        except ValueError:
            near = did_you_mean(given, words)
            raise ValueError(f"{given!r} is not one of them{near}") from None

    return Listing(len(words), "of " + kind.allowed, one)


def _words_of_openssl(what: str) -> Listing:
    def one(given: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9+_.-]+", given):
            raise ValueError(f"{given!r} is not a name")
        return given

    return Listing(40, f"names of {what} as OpenSSL has them", one)


def _field_name(given: str) -> str:
    if not re.fullmatch(r"[!-9;-~]+", given):
        raise ValueError(f"{given!r} is not the name of a header field")
    return given


def _field_text(given: str) -> str:
    if not re.fullmatch(r"[ -~]{1,200}", given):
        raise ValueError(f"{given!r} is not allowed; allowed: up to 200 characters of ASCII")
    return given


_PLACEHOLDERS = ("stamp", "short", "number", "count", "page")
_FORM = Text(
    80,
    "letters, digits, . - _ + = and the places {" + "}, {".join(_PLACEHOLDERS) + "}",
    r"(?:[A-Za-z0-9._+=\-]|\{(?:" + "|".join(_PLACEHOLDERS) + r")\})+",
)


@frozen(kw_only=True)
class ModelTLS:
    """What the printer's TLS can do (docs/fidelity, TLS)."""

    oldest: str = item(
        "oldest version", OneOf(TLS_VERSIONS), "TLS 1.0", "The oldest version it speaks."
    )
    newest: str = item(
        "newest version", OneOf(TLS_VERSIONS), "TLS 1.0", "The newest version it speaks."
    )
    ciphers: str = item(
        "ciphers",
        Text(2000, "an OpenSSL cipher list", r"[A-Za-z0-9+!@=:,_. -]+"),
        "AES128-SHA:@SECLEVEL=0",
        "An OpenSSL cipher list, for TLS 1.2 and older. What this system's OpenSSL does not "
        "have is left out, and named where a handshake fails for want of it.",
    )
    suites: tuple[str, ...] = item(
        "TLS 1.3 suites",
        _words_of_openssl("cipher suites"),
        (),
        "The cipher suites of TLS 1.3 in their order; empty: OpenSSL's.",
    )
    groups: tuple[str, ...] = item(
        "groups",
        _words_of_openssl("groups"),
        (),
        "The curves and groups for the key exchange in their order; empty: OpenSSL's.",
    )
    signatures: tuple[str, ...] = item(
        "signatures",
        _words_of_openssl("signature algorithms"),
        (),
        "The signature algorithms in their order, for TLS 1.2 and newer; empty: OpenSSL's.",
    )
    extensions: tuple[str, ...] = item(
        "extensions",
        any_of(TLS_EXTENSIONS),
        (),
        "Extensions of its ClientHello, of those that machines of the time did not have.",
    )
    implicit: bool = item(
        "implicit TLS",
        OnOff(),
        False,
        "Can begin TLS with the connection, without STARTTLS or STLS (ports 465 and 995).",
    )
    implicit_always: bool = item(
        "implicit TLS always",
        OnOff(),
        False,
        "Begins TLS with the connection at every port, and knows neither STARTTLS nor STLS.",
    )
    key_bits: int = item(
        "key length", Number(1024, 4096, "bits"), 1024, "The RSA key that it makes for itself."
    )
    server_name: bool = item(
        "server name", OnOff(), False, "Tells the server which name it looks for (SNI)."
    )


@frozen(kw_only=True)
class ModelSASL:
    """The SASL mechanisms the printer uses, the one it prefers first (docs/mechanisms)."""

    secured: tuple[str, ...] = item("under TLS", any_of(MECHANISMS), (), "The order under TLS.")
    plain: tuple[str, ...] = item(
        "in plain text", any_of(MECHANISMS), (), "The order in plain text."
    )
    initial_response: bool = item(
        "initial response",
        OnOff(),
        True,
        "Sends the response of PLAIN and XOAUTH2 in the AUTH command; off waits for the server's 334.",
    )
    success_words: tuple[str, ...] = item(
        "success words",
        Listing(20, "words", str.strip),
        (),
        "The machine takes a 235 for a success only where its text has one of these, in any "
        "case, and quits otherwise; empty: any text.",
    )

    def takes_for_success(self, reply: str) -> bool:
        """Say whether the printer goes on behind this reply of 235."""
        said = re.findall(r"[^\W_]+", reply.lower())
        return not self.success_words or any(one.lower() in said for one in self.success_words)


@frozen(kw_only=True)
class ModelSending:
    """How the printer sends (docs/sending)."""

    extensions: tuple[str, ...] = item(
        "extensions",
        any_of(SENDING_EXTENSIONS),
        (),
        "Extensions of SMTP that it uses where the server offers them.",
    )
    attempts: int = item(
        "attempts",
        Number(1, 100),
        1,
        "How often it tries a job that failed for the moment: server not reached, 4xx.",
    )
    pause: int = item(
        "pause", Number(1, 86_400, "seconds"), 60, "How long it waits before the next attempt."
    )
    full_mode: bool = item(
        "full mode", OnOff(), True, "Sends I-Fax in full mode: asks for MDN and DSN."
    )


_FEATURES = (
    "(| (& (color=Binary) (image-file-structure=[TIFF-minimal,TIFF-F]) (image-coding=[MH,MR,MMR]))"
    " (& (color=Full) (image-file-structure=TIFF-C) (image-coding=JPEG)) )"
)


@frozen(kw_only=True)
class ModelReception:
    """What the printer does with received mail (docs/printing)."""

    prints: tuple[str, ...] = item(
        "prints", any_of(PRINTS), (), "Attachments that it prints beside TIFF."
    )
    divided_timeout: int = item(
        "divided RX timeout",
        Number(1, 99, "hours"),
        24,
        "How long it waits for the other parts of a divided mail.",
    )
    confirms: bool = item(
        "confirms",
        OnOff(),
        True,
        "Answers a sender who asks for it, when it knows a way to send: MDN and DSN of full mode.",
    )
    features: str = item(
        "features",
        Text(900, "a feature expression of RFC 2533 in ASCII", r"[ -~]*"),
        _FEATURES,
        "What it says in an MDN that it takes (Media-Accept-Features); empty says nothing.",
    )


@frozen(kw_only=True)
class ModelHeader:
    """The header of what the printer sends (docs/sending).

    In the forms, {stamp} is YYYYMMDDhhmmss, {short} the same without the
    century, {number} the job's number, {count} a count of four digits, {page}
    the attachment's, 001.
    """

    order: tuple[str, ...] = item(
        "order",
        Listing(40, "names of header fields", _field_name),
        (
            "Date",
            "From",
            "To",
            "Subject",
            "MIME-Version",
            "X-Priority",
            "X-Mailer",
            "Message-ID",
            "Content-Type",
            "Content-Transfer-Encoding",
        ),
        "The fields in their order.",
    )
    mailer: str = item("X-Mailer", Text(80), "", "Its value; empty leaves the field out.")
    priority: str = item("X-Priority", Text(20), "", "Its value; empty leaves the field out.")
    message_id: str = item(
        "Message-ID",
        _FORM,
        "{stamp}.{count}.{number}",
        "The form of what stands before the @.",
    )
    boundary: str = item(
        "boundary", _FORM, "----_{short}{number}_", "The form of the boundary between parts."
    )
    omits: tuple[str, ...] = item(
        "omitted fields",
        Listing(10, "names of header fields", _field_name),
        (),
        "Fields that it does not write though irsend would, such as Content-Transfer-Encoding.",
    )
    fixed: dict[str, str] = item(
        "fixed fields",
        Table(
            'a table of fields, such as { "X-Device" = "MFP" }', _field_name, _field_text, 20
        ),
        Factory(dict),
        "Further fields, with the value that they always have.",
    )
    attachment: str = item(
        "attachment", _FORM, "{number}_{short}_{page}", "The form of an attachment's name."
    )


MODEL_TABLES: dict[str, type] = {
    "tls": ModelTLS,
    "sasl": ModelSASL,
    "sending": ModelSending,
    "reception": ModelReception,
    "header": ModelHeader,
    "quirks": Quirks,
}
"""The tables of a model file whose keys are items; `defaults` has the keys of the windows."""
