"""aiosmtplib, handed each mail whole, which is the only way that it takes one."""

from __future__ import annotations

import asyncio
import sys
import time

from aiosmtplib import SMTP

from benchmarks.mail import RECIPIENT, SENDER


def _content_of(path: str) -> bytes:
    with open(path, "rb") as content:
        return content.read()


async def send(port: int, path: str, mails: int, sessions: int) -> float:
    """Send; return the seconds it took. What is not taken is raised by aiosmtplib."""
    began = time.perf_counter()
    for _ in range(sessions):
        client = SMTP(
            hostname="127.0.0.1", port=port, local_hostname="localhost", start_tls=False
        )
        await client.connect()
        for _ in range(mails // sessions):
            await client.sendmail(SENDER, [RECIPIENT], _content_of(path))
        await client.quit()
    return time.perf_counter() - began


def main(port: int, path: str) -> None:
    """Do what the lines say until there are no more."""
    print("ready", flush=True)
    for line in sys.stdin:
        mails, sessions = map(int, line.split())
        print(asyncio.run(send(port, path, mails, sessions)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
