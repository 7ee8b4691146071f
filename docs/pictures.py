"""Draws the pictures of docs/images that are not photographs of a running machine.

house.svg: the house, and the way of a message through it. filter.svg: where in the
stack each way of the MAC address filter acts.

    python docs/pictures.py

The picture stands on a card of its own colour, and follows the reader's light
or dark, so that it can be read on any page.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 470
IMAGES = Path(__file__).parent / "images"

STYLE = """
  .card { fill: #ffffff; stroke: #d5d9e0 }
  .part { fill: #f4f6f9; stroke: #8a94a6 }
  .way { fill: #e3effc; stroke: #2f6fb7 }
  .name { fill: #1d2433; font: 600 14px ui-monospace, "DejaVu Sans Mono", monospace }
  .what { fill: #4a5468; font: 12px system-ui, "DejaVu Sans", sans-serif }
  .floor { fill: #4a5468; font: 600 11px system-ui, "DejaVu Sans", sans-serif; letter-spacing: .08em }
  .step { fill: #1d4f8f; font: 600 12px system-ui, "DejaVu Sans", sans-serif }
  .arrow { stroke: #2f6fb7; stroke-width: 2; fill: none }
  .head { fill: #2f6fb7 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #171b22; stroke: #38404d }
    .part { fill: #222833; stroke: #6b7688 }
    .way { fill: #1b3350; stroke: #6ba7ea }
    .name { fill: #eef1f6 }
    .what, .floor { fill: #b4bdcc }
    .step { fill: #9cc7f7 }
    .arrow { stroke: #6ba7ea }
    .head { fill: #6ba7ea }
  }
"""

# floor, y, and its parts: name, what it is, x, width, whether a message passes it
FLOORS = (
    ("FRONT END", 34, (
        ("panel", "web page, HTTP", 110, 124, False),
        ("ctl", "irsendctl", 244, 92, False),
        ("probe", "every model, once", 346, 134, False),
        ("testing", "for your tests", 490, 114, False),
        ("tap", "twistd irsend", 614, 110, False),
    )),
    ("SERVICE", 134, (
        ("services", "receive, send, print; machine makes the parts", 110, 410, True),
        ("mailhost", "relay, maildrop", 540, 130, False),
    )),
    ("I/O", 234, (
        ("imaging", "in workers", 152, 98, True),
        ("store", "memory, tray, outbox", 274, 140, True),
    )),
    ("PROTOCOL", 234, (
        ("protocols", "ESMTP, POP3, TLS", 458, 136, True),
        ("link", "MAC filter", 600, 82, False),
    )),
    ("VALUES", 334, (
        ("device", "windows, models, status line, jobs", 110, 290, True),
        ("message", "mails, MDN, DSN", 410, 120, True),
        ("interfaces", "IReception, IMachine", 540, 130, False),
    )),
)  # fmt: skip


def _text(kind: str, x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _part(name: str, what: str, x: int, y: int, width: int, passed: bool) -> list[str]:
    kind = "way" if passed else "part"
    middle = x + width / 2
    return [
        f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="62" rx="7"/>',
        _text("name", middle, y + 27, name, "middle"),
        _text("what", middle, y + 46, what, "middle"),
    ]


def _arrow(path: str) -> str:
    return f'<path class="arrow" d="{path}" marker-end="url(#head)"/>'


def house() -> str:
    """Return the picture."""
    lines = _card(
        "The parts of irsend, and the way of a message: from the wire to protocols, which ask "
        "services and device for a verdict, into the store; the 250 goes back when it is synced."
    )
    for floor, y, parts in FLOORS:
        if floor != "I/O":
            label = "PROTOCOL, I/O" if floor == "PROTOCOL" else floor
            words = label.split(", ")
            for number, word in enumerate(words):
                lines.append(_text("floor", 16, y + 35 + 15 * number, word))
        for name, what, x, width, passed in parts:
            lines += _part(name, what, x, y, width, passed)
    lines += [
        # The wire comes in from the right; the question goes down at the left.
        _text("step", 748, 252, "the wire", "end"),
        _arrow("M748 261H686"),
        _arrow("M600 261H594"),
        _arrow("M490 230V200"),
        _text("step", 498, 220, "1 may it?"),
        _arrow("M134 200V330"),
        _text("step", 124, 312, "2 the rule", "end"),
        _arrow("M454 256H416"),
        _text("step", 478, 224, "3 octets, as they come", "end"),
        _arrow("M416 276H454"),
        _text("step", 448, 314, "4 synced: now the 250", "middle"),
        _arrow("M280 230V200"),
        _text("step", 272, 220, "5 a job", "end"),
        _arrow("M270 256H254"),
        _arrow("M254 276H270"),
        _text("step", 232, 314, "6 printed, to the tray", "middle"),
        _text(
            "what",
            16,
            HEIGHT - 22,
            "Blue: what a message passes. Each floor imports only what is below it; "
            "services/machine alone knows all parts.",
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


STACK = (
    ("irsend: ESMTP, POP3", "a protocol, and a session in the journal", 60, False),
    (
        "the gate",
        "first-frame, neighbour: who is it? reset before a byte is written",
        140,
        True,
    ),
    ("TCP", "the handshake: SYN, SYN-ACK, ACK", 220, False),
    (
        "the socket's filter",
        "kernel: a BPF program reads the source address, and drops the frame",
        300,
        True,
    ),
    ("Ethernet", "destination, source 00:00:85:12:34:56, type", 380, False),
)
"""Name, what happens there, y, and whether the filter acts there; from above."""


def mac_filter() -> str:
    """Return the picture of the filter."""
    lines = _card(
        "Where the MAC address filter acts: between Ethernet and TCP in the kernel, or at a gate "
        "above TCP, before the program speaks."
    )
    for name, what, y, acts in STACK:
        kind = "way" if acts else "part"
        lines += [
            f'<rect class="{kind}" x="150" y="{y - 26}" width="470" height="56" rx="7"/>',
            _text("name", 385, y - 3, name, "middle"),
            _text("what", 385, y + 17, what, "middle"),
        ]
    lines += [
        _text("step", 90, 432, "a SYN comes in", "middle"),
        _arrow("M90 412V302"),
        _text("step", 82, 292, "dropped:", "end"),
        _text("step", 82, 308, "no answer", "end"),
        _arrow("M90 298H146"),
        _arrow("M664 412V142"),
        _arrow("M664 138H624"),
        _text("step", 664, 432, "a SYN comes in", "middle"),
        _text("step", 672, 126, "connected,"),
        _text("step", 672, 142, "then reset"),
        _text(
            "what",
            16,
            HEIGHT - 14,
            "Blue: where those are kept off who may not pass; left as by the machine, right as an "
            "ordinary user can.",
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _card(title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path class="head" d="M0 0 8 4 0 8z"/>'
        "</marker></defs>",
        f'<rect class="card" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="12"/>',
    ]


PICTURES = {"house.svg": house, "filter.svg": mac_filter}
"""File, and what draws it."""

if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for file, draw in PICTURES.items():
        (IMAGES / file).write_text(draw(), "utf-8")
