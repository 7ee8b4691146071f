"""The state of a machine that `watch` shows: a snapshot, and the events since.

It holds no more than a screen can show, however much happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from irsend.ctl.events import Disconnected, ServerEvent
from irsend.ctl.json_values import JsonObject

if TYPE_CHECKING:
    from irsend.ctl.http_client import Machine

KEPT = 200
"""Rows of each kind: as many as the tallest terminal has."""
_MAX_UNDER_WAY = 1000

Row = JsonObject


@frozen
class Snapshot:
    """Status, sessions, jobs and documents of a machine, as read in one go."""

    status: Row
    sessions: list[Row]
    jobs: list[Row]
    documents: list[Row]


def take_snapshot(machine: Machine) -> Snapshot:
    """Read them from a machine; NoMachine, MachineRefused."""
    return Snapshot(
        machine.read_object("/api/status"),
        machine.read_list("/api/sessions", "sessions", limit=KEPT),
        machine.read_list("/api/jobs", "jobs", limit=KEPT),
        machine.read_list("/api/tray", "documents", limit=KEPT),
    )


@define(eq=False)
class MachineState:
    """One machine."""

    url: str
    status: Row = field(factory=dict)
    gone: str = ""
    """Why it cannot be reached; empty while it can."""
    changes: int = 0
    """Counts the changes, so that only a changed state is drawn."""
    _under_way: dict[str, Row] = field(factory=dict)
    _ended: dict[str, Row] = field(factory=dict)
    _jobs: dict[str, Row] = field(factory=dict)
    _documents: dict[str, Row] = field(factory=dict)

    def apply(self, change: Snapshot | ServerEvent | Disconnected) -> None:
        """Apply a snapshot, an event, or the loss of the connection."""
        self.changes += 1
        if isinstance(change, Disconnected):
            self.gone = change.reason
        elif isinstance(change, Snapshot):
            self._replace(change)
        else:
            value = change.value()
            if isinstance(value, dict):
                self._take_event(change.name, value)

    @property
    def under_way(self) -> list[Row]:
        """The sessions that have not ended, newest first."""
        return list(_newest_first(self._under_way))

    @property
    def ended(self) -> list[Row]:
        """The sessions that have ended, the last first."""
        return list(_newest_first(self._ended))

    @property
    def jobs(self) -> list[Row]:
        """The jobs, newest first."""
        return list(_newest_first(self._jobs))

    @property
    def documents(self) -> list[Row]:
        """The documents in the tray, newest first."""
        return list(_newest_first(self._documents))

    def _replace(self, snapshot: Snapshot) -> None:
        self.gone, self.status = "", snapshot.status
        under_way = [one for one in snapshot.sessions if not one.get("ended")]
        ended = [one for one in snapshot.sessions if one.get("ended")]
        self._under_way = _by("id", reversed(under_way))
        self._ended = _by("id", reversed(ended))
        self._jobs = _by("number", reversed(snapshot.jobs))
        self._documents = _by("number", reversed(snapshot.documents))

    def _take_event(self, name: str, value: Row) -> None:
        if name == "status":
            # An event may leave out members that have not changed.
            self.status = {**self.status, **value}
        elif name == "session":
            self._take_session(value)
        elif name == "job":
            # A job keeps its place: the list is ordered by when jobs began.
            self._jobs[_name(value, "number")] = value
            _drop_oldest(self._jobs, KEPT)
        elif name == "tray" and isinstance(document := value.get("document"), dict):
            self._documents.pop(_name(document, "number"), None)
            if not value.get("removed"):
                self._documents[_name(document, "number")] = document
                _drop_oldest(self._documents, KEPT)

    def _take_session(self, session: Row) -> None:
        about = _name(session, "id")
        if session.get("ended"):
            self._under_way.pop(about, None)
            self._ended.pop(about, None)
            self._ended[about] = session
            _drop_oldest(self._ended, KEPT)
        elif about not in self._ended:
            self._under_way[about] = session
            _drop_oldest(self._under_way, _MAX_UNDER_WAY)


def _by(name: str, rows: Iterable[Row]) -> dict[str, Row]:
    return {_name(row, name): row for row in rows}


def _name(row: Row, name: str) -> str:
    # Any JSON value becomes a key this way.
    return str(row.get(name))


def _newest_first(rows: dict[str, Row]) -> Iterator[Row]:
    return reversed(rows.values())


def _drop_oldest(rows: dict[str, Row], most: int) -> None:
    while len(rows) > most:
        del rows[next(iter(rows))]
