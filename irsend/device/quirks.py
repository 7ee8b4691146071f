"""The quirks: ways of sending that depart from the standards, each a switch (docs/quirks).

No window of a printer has them: they are settings of the bench, for a model file
or a user to turn on. What each does stands here; `services.send.quirks` gives it to
the protocol and to the composed message.
"""

from __future__ import annotations

from typing import Any, TypeVar

from attrs import field, frozen

from irsend.device.items import ITEM, Item, Kind, Number, OneOf, OnOff

T = TypeVar("T")

HELO_FORMS = ("name", "bare", "literal", "ip", "empty")
LOGIN_PROMPTS = ("loose", "strict")
FINAL_DOTS = ("standard", "late", "missing", "bare_lf")
DATE_FORMS = ("standard", "none", "asctime", "iso", "short_year")


@frozen
class Sighting:
    """A public report of a program or machine that has a quirk."""

    who: str
    address: str
    """The address of the report."""


@frozen(kw_only=True)
class Quirk(Item):
    """The item of a quirk: beside its meaning, what servers do, and who was seen with it."""

    servers: str
    """What servers make of it, in sentences."""
    conversations: tuple[str, ...] = ()
    """Names of conversations in tests/transcripts that show it; empty where no line shows it."""
    seen: tuple[Sighting, ...] = ()


def quirk(
    label: str,
    kind: Kind[T],
    default: T,
    meaning: str,
    servers: str,
    *conversations: str,
    seen: tuple[Sighting, ...] = (),
) -> Any:
    """Declare a quirk (an attrs field that carries its `Quirk`)."""
    about = Quirk(
        label=label,
        kind=kind,
        meaning=meaning,
        servers=servers,
        conversations=conversations,
        seen=seen,
    )
    return field(default=default, metadata={ITEM: about})


@frozen(kw_only=True)
class Quirks:
    """Quirks: ways of sending that depart from the standards; settings of the bench, not of the printer.

    The default of each is the standard's way.
    """

    # -- greeting ---------------------------------------------------------------------
    helo_only: bool = quirk(
        "HELO only",
        OnOff(),
        False,
        "Says HELO and never EHLO, so that it uses no extension of the server: no STARTTLS, no AUTH.",
        "A server that asks for a login or for TLS refuses its mail.",
        "quirk-helo-only",
        seen=(
            Sighting("an HP MFP 477dw", "https://github.com/postalserver/postal/issues/2005"),
            Sighting("an HP printer", "https://github.com/postalserver/postal/issues/1245"),
            Sighting(
                "printers in front of a proxy for OAuth",
                "https://github.com/simonrob/email-oauth2-proxy/issues/232",
            ),
        ),
    )
    helo_name: str = quirk(
        "Name in EHLO",
        OneOf(HELO_FORMS),
        "name",
        "What the machine calls itself in EHLO and HELO: its full name, the bare name of the host, "
        "its address as a literal ([192.0.2.1]), its address as it is (ip), or nothing.",
        "Postfix refuses a bare name, and an address that is no literal, under "
        "reject_non_fqdn_helo_hostname. Postfix and Exim refuse EHLO and HELO without a name.",
        "send-helo-bare",
        "send-helo-literal",
        "quirk-helo-ip",
        "send-helo-empty",
        seen=(
            Sighting(
                "bare: a Xerox", "https://github.com/JustinIven/smtp-oauth-relay/issues/57"
            ),
            Sighting(
                "bare: an HP printer", "https://github.com/postalserver/postal/issues/1245"
            ),
            Sighting(
                "literal: an HP MFP 477dw", "https://github.com/postalserver/postal/issues/2005"
            ),
        ),
    )
    no_ehlo_after_starttls: bool = quirk(
        "No EHLO after STARTTLS",
        OnOff(),
        False,
        "Goes on under TLS without a second EHLO, with the extensions that the first one announced "
        "(RFC 3207 4.2 has them forgotten).",
        "A server that offers AUTH under TLS only gets no login; one that insists on EHLO answers 503.",
        "quirk-no-ehlo-after-starttls",
        "quirk-no-ehlo-after-starttls-503",
        seen=(
            Sighting(
                "mailio, a library for C++",
                "https://github.com/karastojko/mailio/pull/214",
            ),
            Sighting(
                "Qore, a programming language",
                "https://github.com/qoretechnologies/qore/issues/2833",
            ),
        ),
    )
    # -- login ------------------------------------------------------------------------
    login_prompts: str = quirk(
        "LOGIN prompts",
        OneOf(LOGIN_PROMPTS),
        "loose",
        "Loose answers any two prompts of LOGIN, the user name first; strict answers only Username: and "
        "Password:, in any case, and gives up the login at any other word.",
        "Postfix with Dovecot and most servers prompt in these words; Exim prompts in the words of its "
        "configuration, and servers made with aiosmtpd in those of the draft, User Name and Password.",
        "quirk-login-prompts-strict",
        "quirk-login-prompts-loose",
        seen=(
            Sighting(
                "strict: a Xerox that says QUIT at the prompt User Name",
                "https://github.com/JustinIven/smtp-oauth-relay/issues/57",
            ),
        ),
    )
    inline_login_name: bool = quirk(
        "Inline LOGIN name",
        OnOff(),
        False,
        "Says the user name of LOGIN in the AUTH command itself, and only the password when asked.",
        "Some servers do not expect it, and ask for the user name all the same: the machine then "
        "answers with the password, and the login fails.",
        "quirk-inline-login-name",
        seen=(Sighting("a Minolta copier", "https://github.com/mjl-/mox/issues/387"),),
    )
    # -- commands ---------------------------------------------------------------------
    lower_case_commands: bool = quirk(
        "Lower-case commands",
        OnOff(),
        False,
        "Writes the words of commands in small letters; arguments stay as they are.",
        "RFC 5321 2.4 has servers take them; few refuse them.",
        "quirk-lower-case-commands",
        seen=(
            Sighting(
                "Python's smtplib",
                "https://github.com/python/cpython/issues/74046",
            ),
        ),
    )
    space_after_colon: bool = quirk(
        "Space after MAIL FROM: and RCPT TO:",
        OnOff(),
        False,
        "Writes a space between the colon and the address, which RFC 5321 3.3 does not allow.",
        "Postfix and Exim take it; strict servers answer 501.",
        "quirk-space-after-colon",
        "quirk-space-after-colon-501",
        seen=(
            Sighting(
                "mail servers of airlines and shops",
                "https://github.com/mjl-/mox/issues/101",
            ),
            Sighting(
                "an SMTP client that its user does not name",
                "https://github.com/KumoCorp/kumomta/issues/76",
            ),
        ),
    )
    bare_lf_commands: bool = quirk(
        "Bare LF in commands",
        OnOff(),
        False,
        "Ends commands, and answers in a login, in LF instead of CR LF.",
        "Most servers take it. One that waits for CR LF never answers.",
        "quirk-bare-lf-commands",
    )
    first_digit_only: bool = quirk(
        "First digit of replies only",
        OnOff(),
        False,
        "Reads only the first digit of a reply's code: any 2xx greets, any 3xx asks for the message, "
        "any 2xx ends a login, and 530 means no more than 550.",
        "RFC 5321 4.2.1 lets a simple client do so. It takes what others do not: 250 as the end of a login. "
        "A refusal that means a missing login is an error of the connection (#801).",
        "quirk-first-digit-only",
        "quirk-first-digit-only-530",
    )
    no_quit: bool = quirk(
        "No QUIT",
        OnOff(),
        False,
        "Closes the connection without QUIT.",
        "The mail is delivered; the server logs a lost connection.",
        "quirk-no-quit",
        seen=(
            Sighting(
                "Nodemailer, a library for Node.js",
                "https://github.com/nodemailer/nodemailer/issues/1292",
            ),
        ),
    )
    # -- transaction ------------------------------------------------------------------
    one_connection_per_recipient: bool = quirk(
        "One connection per recipient",
        OnOff(),
        False,
        "Makes a session with the server for each recipient, one behind the other.",
        "The server has as many mails with the same Message-ID; limits of connections are reached sooner.",
    )
    rset_before_mail: bool = quirk(
        "RSET before MAIL",
        OnOff(),
        False,
        "Says RSET before each MAIL, the first of a session too.",
        "Nothing comes of it.",
        "quirk-rset-before-mail",
    )
    sender_not_login: bool = quirk(
        "Sender not equal to login",
        OnOff(),
        False,
        "Says MAIL FROM with an address made of model and host name, whatever E-mail Address and login "
        "are; the field From keeps E-mail Address.",
        "Servers that check the sender against the login refuse the mail: Postfix under "
        "reject_sender_login_mismatch, Exchange Online always.",
    )
    # -- content ----------------------------------------------------------------------
    bare_lf_content: bool = quirk(
        "Bare LF in the message",
        OnOff(),
        False,
        "Ends the lines of the message in LF instead of CR LF, but for the last one and the final dot.",
        "Servers that guard against smuggling refuse it: Postfix under smtpd_forbid_bare_newline = reject. "
        "Others take LF for CR LF.",
        "quirk-bare-lf-content",
        "quirk-bare-lf-content-550",
        seen=(
            Sighting(
                "printers and scanners, as Exchange Online's refusal says",
                "https://github.com/Kitura/Swift-SMTP/issues/128",
            ),
            Sighting(
                "PacketFence",
                "https://github.com/inverse-inc/packetfence/issues/5380",
            ),
        ),
    )
    final_dot: str = quirk(
        "Final dot",
        OneOf(FINAL_DOTS),
        "standard",
        "Standard sends the final dot with the end of the message; late waits for Delay of the final dot; "
        "missing never sends it, and waits for an answer that cannot come; bare_lf ends its line in LF.",
        "Without it the server ends the session when its patience is over, and has no mail. With LF behind "
        "it that is so too at Exim and at Postfix under smtpd_forbid_bare_newline; others take it.",
        "quirk-final-dot-late",
        "quirk-final-dot-late-421",
        "quirk-final-dot-missing",
        "quirk-final-dot-missing-silence",
        "quirk-final-dot-bare-lf",
        seen=(
            Sighting(
                "missing: Toshiba and Kyocera, of which the server's log has no last commands",
                "https://github.com/postalserver/postal/issues/2732",
            ),
            Sighting(
                "bare_lf: the mailto notifier of CUPS",
                "https://github.com/apple/cups/issues/3011",
            ),
        ),
    )
    final_dot_delay: int = quirk(
        "Delay of the final dot",
        Number(1, 3600, "seconds"),
        30,
        "How long a late final dot waits.",
        "A server whose patience is shorter refuses the message in the middle of it.",
        "quirk-final-dot-late",
    )
    # -- header -----------------------------------------------------------------------
    date: str = quirk(
        "Date",
        OneOf(DATE_FORMS),
        "standard",
        "None leaves the field out; asctime, iso and short_year write it in a form that RFC 5322 does "
        "not have: Sat Nov 28 14:59:50 2026, 2026-11-28 14:59:50, Sat, 28 Nov 26 14:59:50 +0000.",
        "Servers that submit for their users add a missing Date; Postfix does for its own networks "
        "(local_header_rewrite_clients). Filters count a missing or wrong Date as a sign of spam.",
        seen=(
            Sighting(
                "none: an HP MFP",
                "https://github.com/docker-mailserver/docker-mailserver/issues/1853",
            ),
            Sighting(
                "iso: Send Later, an extension of Thunderbird",
                "https://github.com/Extended-Thunder/send-later/issues/18",
            ),
        ),
    )
    message_id_trailing_dot: bool = quirk(
        "Trailing dot in Message-ID",
        OnOff(),
        False,
        "Writes a dot behind the domain of Message-ID.",
        "Servers take it; programs that check Message-ID against RFC 5322 3.6.4 complain.",
    )
    multipart_quoted_printable: bool = quirk(
        "Quoted-printable multipart",
        OnOff(),
        False,
        "Declares the multipart itself as quoted-printable, which RFC 2045 6.4 does not allow; its octets "
        "stay as they are.",
        "Servers take it; a mail program that decodes the multipart by it finds damaged boundaries.",
    )
