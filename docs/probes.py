"""Draws docs/images/probe.svg: what `irsendctl probe` prints, from a probe of a relay that runs here.

    python -m docs.probes

The relay speaks TLS 1.2 and newer, offers CRAM-MD5 and cannot verify it, and takes no mail in
plain text or without a login.
"""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react

from irsend.ctl import probe_view
from irsend.device.model import load_model
from irsend.probe.order import Order
from irsend.probe.outcome import Report
from irsend.probe.probe import Probe
from irsend.probe.target import Target
from tests.parts import server_tls
from tests.probe.servers import PASSWORD, USER, Script, ScriptFactory, SMTPSession

OUT = Path(__file__).parent / "images" / "probe.svg"
_MODELS = ("ir2270", "estudio190f", "bizhub", "hp-m276", "iradvance")
_COLUMNS = 118
_COMMAND = (
    "$ irsendctl probe smtp://relay.example.com:587 --to me@example.com --user scan@example.com \\\n"
    "      --dry-run --setting authent_encryption.smtp_authentication=on\n"
)


async def _probe(reactor: Any) -> Report:
    script = Script(
        greeting="220 relay.example.com ESMTP",
        plain=("STARTTLS", "SIZE 25000000"),
        secured=("SIZE 25000000", "AUTH CRAM-MD5 PLAIN LOGIN"),
        replies={"AUTH CRAM-MD5": "535 5.7.8 Authentication failed"},
        wants_tls=True,
        tls=server_tls("TLS 1.2", "TLS 1.3"),
    )
    port = reactor.listenTCP(0, ScriptFactory(SMTPSession, script), interface="127.0.0.1")
    order = Order(
        target=Target("smtp", "127.0.0.1", port.getHost().port),
        models=tuple(load_model(one) for one in _MODELS),
        settings={"authent_encryption.smtp_authentication": "on"},
        sender=USER,
        recipients=("me@example.com",),
        user=USER,
        password=PASSWORD,
        dry_run=True,
        pause=0,
    )
    return await Probe(order, reactor, time.time).run()


def _draw(report: Report) -> str:
    console = Console(
        file=io.StringIO(), record=True, width=_COLUMNS, force_terminal=True, highlight=False
    )
    console.print(Text(_COMMAND, "bold"))
    console.print(probe_view.report(report, _COLUMNS))
    # Nothing is loaded from elsewhere: the reader's own font serves.
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code", "DejaVu Sans Mono")
    return console.export_svg(
        title="irsendctl probe",
        theme=DEFAULT_TERMINAL_THEME,
        code_format=form,
        unique_id="probe",
    )


async def _main(reactor: Any) -> None:
    drawn = _draw(await _probe(reactor))
    # Without blanks at line ends, which the project's checks refuse.
    OUT.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n", "utf-8")


if __name__ == "__main__":
    react(lambda reactor: ensureDeferred(_main(reactor)))
