"""What the quirks are to the protocol and to the composed message (docs/quirks).

`device.quirks` declares them; the places where they act know no setting.
"""

from __future__ import annotations

import functools

import attrs

from irsend.device.items import items_of
from irsend.device.model_tables import ModelHeader
from irsend.device.quirks import Quirks
from irsend.message.style import Style
from irsend.protocols.dot_stuffing import DotStuffing
from irsend.protocols.smtp_client_dialect import (
    STANDARD,
    BareLFFinalDot,
    BareLFStuffing,
    CommandForm,
    Dialect,
    FinalDot,
    Hello,
    LateFinalDot,
    LooseCommandForm,
    NoFinalDot,
)
from irsend.protocols.smtp_client_replies import FirstDigitReplyLines, ReplyLines

_NONE = Quirks()


@functools.lru_cache(maxsize=64)
def dialect_of(quirks: Quirks) -> Dialect:
    """Return how the machine speaks SMTP."""
    if quirks == _NONE:
        return STANDARD
    hello = Hello()
    return Dialect(
        commands=_command_form(quirks),
        hello=Hello(
            commands=hello.commands[-1:] if quirks.helo_only else hello.commands,
            again=not quirks.no_ehlo_after_starttls,
        ),
        replies=FirstDigitReplyLines if quirks.first_digit_only else ReplyLines,
        rset_before_mail=quirks.rset_before_mail,
        content=BareLFStuffing if quirks.bare_lf_content else DotStuffing,
        final_dot=_final_dot(quirks),
    )


@functools.lru_cache(maxsize=64)
def turned_on(quirks: Quirks) -> str:
    """Return the quirks that are not as the standard has it, for a transcript; empty where none is."""
    shown = []
    for key, about, default in items_of(Quirks):
        value = getattr(quirks, key)
        if value != default:
            shown.append(key if value is True else f"{key} = {about.kind.plain(value)}")
    return ", ".join(shown)


def _command_form(quirks: Quirks) -> CommandForm:
    form = LooseCommandForm(
        lower_case=quirks.lower_case_commands,
        space=quirks.space_after_colon,
        end=b"\n" if quirks.bare_lf_commands else b"\r\n",
    )
    return STANDARD.commands if form == LooseCommandForm() else form


def _final_dot(quirks: Quirks) -> FinalDot:
    match quirks.final_dot:
        case "late":
            return LateFinalDot(quirks.final_dot_delay)
        case "missing":
            return NoFinalDot()
        case "bare_lf":
            return BareLFFinalDot()
    return STANDARD.final_dot


def style_of(header: ModelHeader, quirks: Quirks) -> Style:
    """Return how the machine writes the header of what it sends."""
    return Style(
        **attrs.asdict(header),
        date=quirks.date,
        trailing_dot=quirks.message_id_trailing_dot,
        declared_quoted_printable=quirks.multipart_quoted_printable,
    )
