"""Restoration: the device as the journal last had it, read when the machine is switched on."""

from __future__ import annotations

import sqlite3

from irsend.device.device import Device
from irsend.device.jobs import Direction
from irsend.device.status import StatusLine
from irsend.store.database import scalar
from irsend.store.records import status_of


def restore(database: sqlite3.Connection, device: Device) -> None:
    """Let a device go on with its numbers, status line and paper; ValueError for unknown texts."""
    device.last_session = scalar(database, "SELECT max(id) FROM session") or 0
    device.last_serial = scalar(database, "SELECT max(serial) FROM job") or 0
    directions: tuple[Direction, ...] = ("tx", "rx")
    for direction in directions:
        number = scalar(
            database,
            "SELECT number FROM job WHERE direction = ? ORDER BY serial DESC LIMIT 1",
            direction,
        )
        if number:
            device.last_numbers[direction] = number
    row = database.execute(
        "SELECT at, text, session FROM status JOIN shown ON status.serial = shown.status"
    ).fetchone()
    if row:
        device.status = StatusLine(shown=status_of(row))
    paper = scalar(database, "SELECT paper FROM drawer")
    if paper is not None:
        device.paper = bool(paper)
