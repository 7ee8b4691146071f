"""The plugin for pytest: fixtures that give a test a machine, and its transcripts where it fails.

pytest loads it for every project that has irsend installed (entry point `pytest11`), so it
imports nothing of the machine, nor of Twisted, before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from irsend.testing.machines import Machine

Machines = Callable[..., "Machine"]
"""Starts a machine with the options of `irsend.testing.machine`."""

_MACHINES = pytest.StashKey[list["Machine"]]()
"""The machines of a test, or of the session."""
_SESSION_FIXTURES = {"irsend_session_machine", "irsend_session_machines"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, on the command line and in the configuration file."""
    group = parser.getgroup("irsend", "a printer for tests of mail (irsend)")
    group.addoption(
        "--irsend-model",
        metavar="NAME",
        help="the printer: a name from `irsendctl models`, or a model file",
    )
    group.addoption(
        "--irsend-set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a key of irsend's configuration, such as settings.email_ifax.pop=on; may be repeated",
    )
    parser.addini("irsend_model", "the printer of irsend's fixtures", default="")
    parser.addini(
        "irsend_set", "keys of irsend's configuration, KEY=VALUE a line", "linelist", default=[]
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line(
        "markers",
        "irsend(**options): options of the machine that irsend_machine gives this test, "
        "such as model='iradvance', paper=False, pop=True",
    )


@pytest.fixture
def irsend_machine(request: pytest.FixtureRequest, irsend_machines: Machines) -> Machine:
    """Give a machine on free ports, with SMTP Receive on; it takes mail for any local part."""
    return _start(irsend_machines, _marked(request.node))


@pytest.fixture
def irsend_machines(request: pytest.FixtureRequest) -> Iterator[Machines]:
    """Give what starts machines: `irsend_machines(model="iradvance")`; they end with the test."""
    yield from _factory(request)


@pytest.fixture(scope="session")
def irsend_session_machine(irsend_session_machines: Machines) -> Machine:
    """Give one machine for all tests of the session; it is reset before each test that uses it."""
    return _start(irsend_session_machines, {})


@pytest.fixture(scope="session")
def irsend_session_machines(request: pytest.FixtureRequest) -> Iterator[Machines]:
    """Give what starts machines for the session; they are reset before each test that uses them."""
    yield from _factory(request)


def _start(machines: Machines, options: dict[str, Any]) -> Machine:
    from irsend.errors import IrsendError

    try:
        return machines(**options)
    except IrsendError as error:
        refused = str(error)
    # The sentence says it all: no traceback, and no exception before it.
    pytest.fail(f"irsend: {refused}", pytrace=False)


def _marked(node: pytest.Item) -> dict[str, Any]:
    """Return the options of the marks; those at the test itself win."""
    options: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers("irsend"))):
        options.update(mark.kwargs)
    return options


def _factory(request: pytest.FixtureRequest) -> Iterator[Machines]:
    config, started = request.config, request.node.stash.setdefault(_MACHINES, [])
    assignments = [*config.getini("irsend_set"), *config.getoption("irsend_set")]
    model = config.getoption("irsend_model") or config.getini("irsend_model")
    given = {"model": model} if model else {}

    def start(**options: Any) -> Machine:
        from irsend.testing.machines import start_machine

        __tracebackhide__ = True
        machine = start_machine(**{"assignments": assignments, **given, **options})
        started.append(machine)
        return machine

    yield start
    for machine in started:
        machine.stop()


def _machines_of(item: pytest.Item) -> list[Machine]:
    """Return the machines that a test has used."""
    return [*item.stash.setdefault(_MACHINES, []), *_session_machines_of(item)]


def _session_machines_of(item: pytest.Item) -> list[Machine]:
    """Return the machines of the session, where a test uses them."""
    if _SESSION_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
        return []
    return item.session.stash.setdefault(_MACHINES, [])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Reset the machines of the session, where this test uses them."""
    for machine in _session_machines_of(item):
        machine.reset()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add to the report of a failure what was said on the wire."""
    outcome: Any = yield
    report: pytest.TestReport = outcome.get_result()
    if report.failed:
        for number, machine in enumerate(_machines_of(item), 1):
            texts = machine.transcripts()
            if texts:
                report.sections.append((f"irsend machine {number}", "\n\n".join(texts)))
