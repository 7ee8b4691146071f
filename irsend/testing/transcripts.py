"""The transcripts of a printer's sessions, as a person reads them."""

from __future__ import annotations

from irsend.services.machine.control import Control


async def read_transcripts(control: Control, after: int = 0) -> list[str]:
    """Return the transcript of each session after this one under a heading, oldest first."""
    texts = []
    for session in reversed(await control.sessions()):
        if session.id <= after:
            continue
        lines = await control.transcript(session.id)
        heading = f"session {session.id}: {session.kind} with {session.peer}, {session.result}"
        reason = f" ({session.reason})" if session.reason else ""
        texts.append("\n".join([heading + reason, *map(str, lines)]))
    return texts
