"""A machine's real parts for tests, on a directory of the test's own, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock

from irsend.configuration_sections import Limits
from irsend.device import Device, load_model
from irsend.protocols.tls import ServerTLS
from irsend.services.bench import Bench
from irsend.store.group_commit import GroupCommit
from irsend.store.journal import Journal
from irsend.store.keys import KeyMaterial, generate_key_material, read_key_material
from irsend.store.memory import Memory
from irsend.store.transcripts import Transcripts

NAMES = ("ir2270.bench.test", "192.0.2.1")
AT = 1_234_567_890.0
"""When tests take place, in seconds since the epoch."""

_keys: dict[int, KeyMaterial] = {}


def key_material(bits: int = 2048) -> KeyMaterial:
    """Return a key and certificate for NAMES, the same for all tests of a run."""
    if bits not in _keys:
        _keys[bits] = read_key_material(*generate_key_material(NAMES, bits, AT))
    return _keys[bits]


def server_tls(oldest: str = "TLS 1.0", newest: str = "TLS 1.3") -> ServerTLS:
    """Return what a server of a test answers STARTTLS or STLS with."""
    key = key_material()
    return ServerTLS.build(
        key.certificates, key.key, oldest=oldest, newest=newest, ciphers="ALL:@SECLEVEL=0"
    )


def at_once(work: Callable[[], Any]) -> Deferred[Any]:
    """Do in the test's own thread what the machine does in another."""
    return execute(work)


def make_bench(
    directory: Path,
    *,
    model: str = "ir2270",
    settings: dict[str, object] | None = None,
    capacity: int = 10_000_000,
    in_thread: Callable[[Callable[[], Any]], Deferred[Any]] = at_once,
    **limits: int,
) -> Bench:
    """Return a bench on an empty directory."""
    clock = Clock()

    def now() -> float:
        return AT + clock.seconds()

    the_model = load_model(model)
    device = Device(model=the_model, settings=the_model.initial_settings(), now=now)
    for part in ("memory", "sessions"):
        (directory / part).mkdir(parents=True)
    memory = Memory(directory / "memory", capacity, GroupCommit(in_thread), now)
    memory.open_directory()
    transcripts = Transcripts(directory / "sessions")
    journal = Journal(
        directory / "journal.sqlite", transcripts, at_once, clock, sessions_kept=1000
    )
    journal.open(device)
    device.observe(journal.observe)
    device.running = True
    device.change_settings(settings or {})
    bench = Bench(
        device=device,
        memory=memory,
        journal=journal,
        clock=clock,
        limits=attrs.evolve(Limits(), **limits),
        names=NAMES,
    )
    tls = the_model.tls
    if tls is not None:
        key = key_material(tls.key_bits)
        bench.server_tls = ServerTLS.build(
            key.certificates, key.key, oldest=tls.oldest, newest=tls.newest, ciphers=tls.ciphers
        )
    return bench


def mails_in(bench: Bench) -> list[bytes]:
    """Return the mails in memory, oldest first."""
    paths = (bench.memory.path(name) for name in bench.memory.names())
    return [path.read_bytes() for path in paths if path is not None]
