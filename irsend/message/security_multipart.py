"""The control information of a signed or encrypted mail, which is no attachment.

Nothing is verified here, and nothing decrypted.

Standards: RFC 1847 2 (multipart/signed and multipart/encrypted), RFC 8551 3.5 (S/MIME), RFC 3156
(PGP/MIME). Beyond them: signatures whose type is not the declared one, as gateways make it.
"""

from __future__ import annotations

from irsend.message.header import Header

_SIGNATURES = (
    *("application/pkcs7-signature", "application/x-pkcs7-signature"),
    *("application/pgp-signature", "application/x-pgp-signature"),
)
_SIGNATURE_NAMES = (".p7s", ".asc", ".sig")
_UNTYPED = ("", "application/octet-stream")


def is_control_information(multipart: Header, part: Header, position: int) -> bool:
    """Say whether a part is its multipart's signature, or says how it was encrypted.

    `position` is counted from 0. What list software puts behind a signature is none.
    """
    of_type = part.type() or ""
    protocol = multipart.parameter("protocol").lower()
    match multipart.type():
        case "multipart/signed" if position >= 1:
            named = part.file_name().lower().endswith(_SIGNATURE_NAMES)
            known = of_type in _SIGNATURES or (of_type in _UNTYPED and named)
            return known or (position == 1 and of_type != "" and of_type == protocol)
        case "multipart/encrypted" if position == 0:
            return of_type == (protocol or "application/pgp-encrypted")
    return False
