"""The machine's sessions with mail servers and clients: opened and closed, each with its transcript."""

from __future__ import annotations

from typing import Unpack

from irsend.device.device import Device
from irsend.device.sessions import Session, SessionChanges, SessionKind, SessionResult
from irsend.device.status import StatusText
from irsend.interfaces import TranscriptLine
from irsend.protocols.transcript import Transcript
from irsend.services.fault_orders import FaultOrders
from irsend.services.fault_steps import FaultSteps
from irsend.services.live_configuration import LiveConfiguration
from irsend.store.journal import Journal


class Sessions:
    """Opens and closes sessions; keeps the transcripts of those under way."""

    def __init__(
        self,
        device: Device,
        journal: Journal,
        configuration: LiveConfiguration,
        faults: FaultOrders,
    ) -> None:
        self._device = device
        self._journal = journal
        self._configuration = configuration
        self._faults = faults
        self._transcripts: dict[int, Transcript] = {}
        self._steps: dict[int, FaultSteps] = {}

    def transcript_so_far(self, id: int) -> list[TranscriptLine] | None:
        """Return the lines of a session that is under way; None for any other."""
        transcript = self._transcripts.get(id)
        return None if transcript is None else transcript.lines()

    def begin(
        self, kind: SessionKind, peer: str, mac: str | None = None
    ) -> tuple[Session, Transcript]:
        """Open a session with its transcript."""
        session = self._device.session_began(kind, peer, mac)
        lines = self._configuration.current.limits.transcript_lines
        transcript = Transcript(self._device.now, lines)
        self._transcripts[session.id] = transcript
        steps = self._faults.steps(kind, transcript)
        if steps is not None:
            self._steps[session.id] = steps
        return session, transcript

    def steps(self, id: int) -> FaultSteps | None:
        """Return what listens at the steps of a session; None where nothing does."""
        return self._steps.get(id)

    def reason_with_faults(self, id: int, reason: str) -> str:
        """Return why a session ended as NG: with the faults on purpose, where some have broken it."""
        steps = self._steps.get(id)
        broken_by = [fault.line for fault in steps.met if fault.breaks] if steps else []
        if not broken_by:
            return reason
        on_purpose = f"fault on purpose: {', '.join(broken_by)}"
        return f"{reason} ({on_purpose})" if reason else on_purpose

    def end(
        self,
        session: Session,
        *,
        status: StatusText | None = None,
        **changes: Unpack[SessionChanges],
    ) -> Session:
        """Close a session: OK without a `reason`, else NG; keep its transcript.

        `status` is shown on the status line. A session that succeeded clears the
        text that an earlier one of its kind raised: one that brought mail, or a POP
        session without an error.
        """
        if status is not None:
            self._device.show_status(status, session.id)
        if session.id in self._steps:
            reason = self.reason_with_faults(session.id, changes.get("reason", ""))
            changes["reason"] = reason
            met = self._steps.pop(session.id).met
            changes["faults"] = ", ".join(fault.line for fault in met)
        result: SessionResult = "NG" if changes.get("reason") or status else "OK"
        changes["status_line"] = status.value if status else ""
        transcript = self._transcripts.pop(session.id)
        self._journal.keep_transcript(session.id, transcript.lines)
        return self._device.session_ended(
            session,
            result,
            succeeded=result == "OK"
            and (changes.get("messages", 0) > 0 or session.kind == "pop-receive"),
            **changes,
        )
