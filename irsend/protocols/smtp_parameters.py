"""The ESMTP parameters of MAIL and RCPT: the EHLO keyword and the values allowed for each.

Standards: RFC 1870 (SIZE), RFC 6152 (BODY), RFC 3461 (RET, ENVID, NOTIFY, ORCPT),
RFC 4954 5 (AUTH).
"""

from __future__ import annotations

import re
from collections.abc import Container

from irsend.protocols.smtp_grammar import XTEXT

_XTEXT = XTEXT.pattern.decode("ascii")
_NOTIFY = r"(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)"

MAIL_PARAMETERS: dict[bytes, tuple[bytes, str]] = {
    b"SIZE": (b"SIZE", r"[0-9]{1,20}"),
    b"BODY": (b"8BITMIME", r"7BIT|8BITMIME"),
    b"RET": (b"DSN", r"FULL|HDRS"),
    b"ENVID": (b"DSN", rf"(?=.{{1,100}}$){_XTEXT}"),
    b"AUTH": (b"AUTH", rf"(?=.){_XTEXT}"),
}
RCPT_PARAMETERS: dict[bytes, tuple[bytes, str]] = {
    b"NOTIFY": (b"DSN", _NOTIFY),
    b"ORCPT": (b"DSN", rf"(?=.{{1,500}}$)[A-Za-z0-9\-]+;{_XTEXT}"),
}


def wrong_parameter(
    given: dict[bytes, bytes],
    known: dict[bytes, tuple[bytes, str]],
    announced: Container[bytes],
) -> tuple[int, str] | None:
    """Return reply code and text for the first parameter that cannot be taken, None when all can."""
    for key, value in given.items():
        keyword, form = known.get(key, (b"", ""))
        if keyword not in announced:
            return 555, f"{key.decode('ascii')} parameter not recognized"
        if not re.fullmatch(form, value.decode("ascii"), re.IGNORECASE):
            return 501, f"{key.decode('ascii')} parameter has a value that is not allowed"
    return None
