"""Draws docs/images/house.svg: the house, and the way of a message through it.

    python docs/pictures.py

The picture stands on a card of its own colour, and follows the reader's light
or dark, so that it can be read on any page.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 470
OUT = Path(__file__).parent / "images" / "house.svg"

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
    ("FACE", 34, (
        ("panel", "web page, HTTP", 110, 150, False),
        ("ctl", "irsendctl", 270, 120, False),
        ("testing", "for your tests", 400, 130, False),
        ("tap", "twistd irsend", 540, 130, False),
    )),
    ("WIRING", 134, (
        ("services", "receiving, polling; machine wires all", 110, 410, True),
        ("mailhost", "relay, maildrop", 540, 130, False),
    )),
    ("HANDS", 234, (("store", "memory, journal, keys", 170, 220, True),)),
    ("SPEECH", 234, (("protocols", "ESMTP, POP3, TLS", 450, 190, True),)),
    ("GROUND", 334, (
        ("device", "windows, models, status line, jobs", 110, 300, True),
        ("message", "trace, head", 430, 110, True),
        ("interfaces", "who asks what", 550, 120, False),
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
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="title">',
        '<title id="title">The parts of irsend, and the way of a message: from the wire to '
        "protocols, which ask services and device for a verdict, into the store; the 250 goes "
        "back when it is synced.</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path class="head" d="M0 0 8 4 0 8z"/>'
        "</marker></defs>",
        f'<rect class="card" x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="12"/>',
    ]
    for floor, y, parts in FLOORS:
        if floor != "HANDS":
            label = "SPEECH, HANDS" if floor == "SPEECH" else floor
            words = label.split(", ")
            for number, word in enumerate(words):
                lines.append(_text("floor", 16, y + 35 + 15 * number, word))
        for name, what, x, width, passed in parts:
            lines += _part(name, what, x, y, width, passed)
    lines += [
        # The wire comes in from the right; the question goes down at the left.
        _text("step", 744, 254, "the wire", "end"),
        _arrow("M744 265H646"),
        _arrow("M490 230V200"),
        _text("step", 498, 220, "1 may it?"),
        _arrow("M140 200V330"),
        _text("step", 148, 320, "2 the rule"),
        _arrow("M446 256H396"),
        _text("step", 470, 224, "3 octets, as they come", "end"),
        _arrow("M396 276H446"),
        _text("step", 420, 314, "4 synced: now the 250", "middle"),
        _arrow("M240 230V200"),
        _text("step", 248, 220, "5 a job"),
        _text(
            "what",
            16,
            HEIGHT - 22,
            "Blue: what a message passes. Each floor imports only what is below it; "
            "the services' modules meet in machine.",
        ),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(house(), "utf-8")
