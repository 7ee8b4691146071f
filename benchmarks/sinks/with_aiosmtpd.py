"""aiosmtpd, throwing away: `python -m benchmarks.sinks.with_aiosmtpd PORT`."""

from __future__ import annotations

import asyncio
import sys

from aiosmtpd.smtp import SMTP


class _Nowhere:
    async def handle_DATA(self, server, session, envelope) -> str:
        return "250 OK"


async def serve(port: int) -> None:
    """Serve until ended."""
    loop = asyncio.get_running_loop()
    # No limit of size and no reverse lookup of this host's name: neither is measured.
    server = await loop.create_server(
        lambda: SMTP(_Nowhere(), data_size_limit=0, hostname="localhost"), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
