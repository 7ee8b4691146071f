"""httpx, the library alone.

Where click and rich are installed, `import httpx` imports httpx's own command line too, and
with it pygments and more of rich: an eighth of the time that `irsendctl status` takes.
"""

from __future__ import annotations

import sys

_COMMAND_LINE = "httpx._main"

if _COMMAND_LINE in sys.modules:
    import httpx
else:
    # As if it were not installed, which httpx provides for.
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]
    try:
        import httpx
    finally:
        del sys.modules[_COMMAND_LINE]

__all__ = ["httpx"]
