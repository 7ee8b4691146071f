"""How a machine writes the header of what it sends: order, fields and templates (docs/sending)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate

from attrs import field, frozen


def _standard(at: float) -> str:
    return formatdate(at, localtime=True)


def _iso(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _short_year(at: float) -> str:
    """RFC 822's, with a year of two digits."""
    return re.sub(r" \d\d(\d\d) ", r" \1 ", _standard(at), count=1)


def _asctime(at: float) -> str:
    return time.asctime(time.localtime(at))


DATES: dict[str, Callable[[float], str]] = {
    "standard": _standard,
    "none": lambda _: "",
    "asctime": _asctime,
    "iso": _iso,
    "short_year": _short_year,
}
"""The forms of the field Date; empty leaves it out."""


@frozen(kw_only=True)
class Style:
    """One machine's style, from its model file."""

    order: tuple[str, ...]
    """Names of header fields in their order; others come after them."""
    mailer: str = ""
    """X-Mailer; empty leaves it out."""
    priority: str = ""
    """X-Priority; empty leaves it out."""
    message_id: str
    """The template of what stands before the @."""
    boundary: str
    """The template of the boundary between the parts."""
    attachment: str
    """The template of an attachment's name, without its extension."""
    omits: tuple[str, ...] = ()
    """Names of fields that it does not write."""
    fixed: Mapping[str, str] = field(factory=dict)
    """Further fields, with the value that they always have."""
    date: str = "standard"
    """The form of Date, one of DATES."""
    trailing_dot: bool = False
    """The domain of Message-ID ends in a dot."""
    declared_quoted_printable: bool = False
    """The multipart itself is declared as quoted-printable, which RFC 2045 6.4 does not allow."""


def fill_template(
    template: str, *, at: float, number: str, count: int = 0, page: int = 1
) -> str:
    """Return a template with its placeholders filled.

    {stamp} is YYYYMMDDhhmmss in local time, {short} the same without the
    century, {number} the job's number, {count} four digits, {page} three.
    """
    stamp = time.strftime("%Y%m%d%H%M%S", time.localtime(at))
    return template.format(
        stamp=stamp,
        short=stamp[2:],
        number=number,
        count=f"{count % 10_000:04d}",
        page=f"{page:03d}",
    )
