"""swaks, the SMTP test client: one mail by one call."""

from __future__ import annotations

import re

from tests.live.case import LiveTestCase
from tests.live.machine import ADDRESS
from tests.live.mails import Mail
from tests.live.programs import Program, path_of, run

OLD_TLS = ("--tls-protocol", "tlsv1", "--tls-cipher", "AES128-SHA:AES256-SHA:@SECLEVEL=0")
"""What lets it talk to a machine of 2004."""

TLS_OF_TODAY = ("--tls-protocol", "no_tlsv1,no_tlsv1_1")
"""What RFC 8996 asks for, whatever the system's OpenSSL still allows."""

DELIVERED, MAIL_REFUSED, NO_TLS = 0, 23, 29
"""Some of its exit statuses."""


async def need_tls(test: LiveTestCase) -> None:
    """Skip or fail the test where this swaks cannot do TLS."""
    if path_of("swaks") is not None:
        about = await run(test.reactor, ["swaks", "--support"])
        if "=== TLS supported" not in about.output:
            test.lacking(
                "swaks cannot do TLS: it needs Net::SSLeay (Debian: libnet-ssleay-perl)"
            )


async def swaks(test: LiveTestCase, port: int, mail: Mail, *options: str) -> Program:
    """Deliver a mail to the machine at this port, and return the program when it has ended."""
    program = await run(
        test.reactor,
        [
            "swaks", "--server", "127.0.0.1", "--port", str(port),
            "--helo", "swaks.client.test", "--from", "sender@client.test", "--to", ADDRESS,
            "--data", "-", "--no-data-fixup", "--timeout", "20", *options,
        ],
        given=mail.stuffed.removesuffix(b"\r\n"),
    )  # fmt: skip
    # The mail itself is long, and never what is wrong.
    shown = "\n".join(
        re.findall(r"^(?:[=<*].*| [-~]> [A-Z]{4}(?![^ ]).*)", program.output, re.M)
    )
    test.keep_evidence("swaks " + " ".join(options), lambda: shown)
    return program
