"""What the bench's configuration says of the panel: one value, replaced whole when it is read again."""

from __future__ import annotations

from attrs import field, frozen

MOST_UPLOAD = 200_000_000


@frozen(kw_only=True)
class PanelOptions:
    """The options of one panel."""

    password: str = field(default="", repr=False)
    """Empty: only loopback may use the panel."""
    hostnames: tuple[str, ...] = ()
    """By these names a browser may call it without a password, beside localhost and addresses."""
    most_upload: int = MOST_UPLOAD
    """Octets that the originals of one sending may have together."""
