"""Names the `irsend` subcommand to twistd, and imports nothing else: twistd reads every plugin."""

from twisted.application.service import ServiceMaker

irsend = ServiceMaker(
    "irsend",
    "irsend.tap",
    "An office printer as mail servers meet it, without the printer.",
    "irsend",
)
