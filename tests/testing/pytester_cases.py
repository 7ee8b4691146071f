"""The plugin's tests in pytest's own way: test_pytest_plugin has pytest run them.

Each writes test files into an empty directory, and runs pytest there.
"""

from __future__ import annotations

import pytest

# pytester forgets what was imported in a run: the machines' process would be started anew in each.
import irsend.testing.machines  # noqa: F401

# It has each test run in its reactor, also those that are none of its own.
NOT_TWISTED = ("-p", "no:twisted")

DELIVER = """
import smtplib
import pytest

def deliver(machine, subject="Invoice 17"):
    with smtplib.SMTP(machine.smtp.host, machine.smtp.port, timeout=20) as client:
        client.sendmail("shop@office.test", ["scan@localhost"], f"Subject: {subject}\\r\\n\\r\\n")
"""


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest."""
    return pytester.runpytest(*NOT_TWISTED, *options)


def test_five_lines(pytester: pytest.Pytester) -> None:
    """Five lines are a test."""
    pytester.makepyfile(
        """
        import smtplib
        def test_invoice(irsend_machine):
            with smtplib.SMTP(*irsend_machine.smtp) as server:
                server.sendmail("shop@a.test", "scan@localhost", "Subject: Invoice 17\\n\\nPay.\\n")
            assert irsend_machine.wait_for_mail(1)[0]["Subject"] == "Invoice 17"
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_each_has_its_own(pytester: pytest.Pytester) -> None:
    """Each test has a new machine; the factory starts others, and all end with the test."""
    pytester.makepyfile(
        DELIVER
        + """
import irsend.testing

addresses = []

def test_one(irsend_machine, irsend_machines):
    other = irsend_machines(model="iradvance", allow_ssl_smtp_receive="on", accounts=None)
    deliver(irsend_machine)
    assert len(irsend_machine.wait_for_mail()) == 1
    assert other.mails == []
    addresses.extend([irsend_machine.smtp, other.smtp])
    with smtplib.SMTP(*other.smtp) as client:
        client.starttls(context=other.ssl_context())
    other.assert_said("C: STARTTLS", "-- TLS 1.")

def test_two(irsend_machine):
    assert irsend_machine.mails == []
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP(*address)

def test_refused(irsend_machines):
    with pytest.raises(irsend.errors.ModelError, match="allowed: .*ir2270"):
        irsend_machines(model="ir1")
"""
    )
    run(pytester).assert_outcomes(passed=3)


def test_session(pytester: pytest.Pytester) -> None:
    """The session's machine is the same for all tests, and as new for each that uses it."""
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="session")
        def port(irsend_session_machine):
            return irsend_session_machine.smtp.port
        """
    )
    pytester.makepyfile(
        DELIVER
        + """
@pytest.mark.parametrize("number", [1, 2])
def test_session(irsend_session_machine, port, number):
    m = irsend_session_machine
    assert (m.smtp.port, m.mails, m.transcripts(), m.status) == (port, [], [], "")
    deliver(m)
    m.wait_for_mail()
    m.set(allow_ssl_smtp_receive="ssl")
    with pytest.raises(smtplib.SMTPException):
        deliver(m)
    m.wait_for_status("SSL Error (SMTP RX Reject)")

def test_indirect(port, request):
    assert request.getfixturevalue("irsend_session_machine").mails == []

def test_function(irsend_machine, port):
    assert irsend_machine.smtp.port != port

def test_factory(irsend_session_machines, irsend_session_machine):
    other = irsend_session_machines(paper=False)
    assert other.smtp != irsend_session_machine.smtp
    deliver(other)
    other.wait_for_mail()
"""
    )
    run(pytester).assert_outcomes(passed=5)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_transcripts(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """A failure's report has the transcripts of the test's machines, with workers of xdist too."""
    pytester.makepyfile(
        DELIVER
        + """
@pytest.fixture
def failing(irsend_machine):
    deliver(irsend_machine, "in set-up")
    assert False

@pytest.fixture
def failing_later(irsend_machine):
    yield
    assert False

def test_passes(irsend_machine):
    deliver(irsend_machine)

def test_skips(irsend_machine):
    deliver(irsend_machine)
    pytest.skip("not here")

def test_fails(irsend_machine):
    deliver(irsend_machine)
    assert irsend_machine.mails == 17

def test_fails_in_setup(failing):
    pass

def test_fails_in_teardown(failing_later, irsend_machine):
    deliver(irsend_machine)

def test_waits_in_vain(irsend_machine):
    deliver(irsend_machine)
    irsend_machine.wait_for_mail(2, timeout=0.01)

def test_session(irsend_session_machine):
    deliver(irsend_session_machine)
    assert False

def test_without_a_machine():
    assert False
"""
    )
    result = run(pytester, "-p", "no:cacheprovider", *workers)
    result.assert_outcomes(passed=2, skipped=1, failed=4, errors=2)
    said = result.stdout.str()
    assert said.count("- irsend machine 1 -") == 5, said
    assert said.count("S: 250 2.6.0 Message accepted") == 5
    result.stdout.fnmatch_lines(
        ["*NotInTime: Waited 0.01 s for 2 mails; there are 1:", "*scan@localhost: Invoice 17"]
    )


def test_marked_line(pytester: pytest.Pytester) -> None:
    """What was not said fails with the transcript, the nearest line marked, and none of irsend's code."""
    pytester.makepyfile(
        DELIVER
        + """
def test_talk(irsend_machine):
    deliver(irsend_machine)
    irsend_machine.assert_not_said("C: AUTH")
    irsend_machine.assert_said("C: MAIL FROM:<shop@office.tst>")
"""
    )
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">*irsend_machine.assert_said(*",
            "E*AssertionError: 'C: MAIL FROM:<shop@office.tst>' was not said; the line most like it*",
            "E*> C: mail FROM:<shop@office.test> size=*",
        ]
    )
    result.stdout.no_fnmatch_line("*transcript_assertions.py*")


def test_options(pytester: pytest.Pytester) -> None:
    """The ini file gives model and keys, the command line wins over it, and the mark over both."""
    pytester.makeini(
        """
        [pytest]
        irsend_model = iradvance
        irsend_set =
            settings.authent_encryption.allow_ssl_smtp_receive=ssl
            limits.recipients=7
        """
    )
    pytester.makepyfile(
        """
        import os, smtplib, urllib.request, json
        import pytest

        def model(m):
            with urllib.request.urlopen(m.url + "/api/status") as answer:
                return json.load(answer)["model"]

        def test_given(irsend_machine, irsend_session_machine, irsend_machines):
            for m in (irsend_machine, irsend_session_machine, irsend_machines()):
                assert os.environ["MODEL"] in model(m)
                with smtplib.SMTP(*m.smtp) as client:
                    client.ehlo()
                    assert client.mail("a@b.test")[0] == int(os.environ["CODE"])

        @pytest.mark.irsend(model="ir2200", accounts={"a@b.test": "c"})
        class TestMarked:
            def test_class(self, irsend_machine):
                assert "2200" in model(irsend_machine)

            @pytest.mark.irsend(model="estudio190f", assignments=[])
            def test_nearest(self, irsend_machine):
                assert "190" in model(irsend_machine)
                assert irsend_machine.mailhost.accounts == {"a@b.test": "c"}
        """
    )
    environment = pytest.MonkeyPatch()
    with environment.context() as patch:
        patch.setenv("MODEL", "iradvance")
        patch.setenv("CODE", "530")
        nearest = "--deselect=test_options.py::TestMarked::test_class"
        run(pytester, nearest, "--strict-markers").assert_outcomes(passed=2, deselected=1)
        patch.setenv("MODEL", "ir2270")
        patch.setenv("CODE", "250")
        off = "settings.authent_encryption.allow_ssl_smtp_receive=off"
        run(pytester, nearest, "--irsend-model=ir2270", f"--irsend-set={off}").assert_outcomes(
            passed=2, deselected=1
        )


def test_wrong_option(pytester: pytest.Pytester) -> None:
    """A wrong option is an error of one sentence, and no traceback."""
    pytester.makepyfile("def test_it(irsend_machine): pass")
    for option, sentence in (
        ("--irsend-model=ir1", "irsend: model: 'ir1' is not allowed; allowed: *"),
        ("--irsend-set=pop", "irsend: --set pop: write it as KEY=VALUE"),
        ("--irsend-set=limits.rcpts=1", "irsend: limits.rcpts: there is no such key*"),
    ):
        result = run(pytester, option)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([sentence])
        result.stdout.no_fnmatch_line("*Traceback*")
        result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_light(pytester: pytest.Pytester) -> None:
    """A project that does not use the fixtures has nothing of the machine or Twisted imported."""
    pytester.makepyfile(
        """
        import sys

        def test_modules():
            loaded = {one for one in sys.modules if one.startswith("irsend")}
            assert loaded == {"irsend", "irsend.testing", "irsend.testing.pytest_plugin"}
            assert "twisted" not in sys.modules and "attr" not in sys.modules
        """
    )
    others = [option for name in ("xdist", "asyncio") for option in ("-p", f"no:{name}")]
    pytester.runpytest_subprocess(*NOT_TWISTED, *others).assert_outcomes(passed=1)


def test_asyncio(pytester: pytest.Pytester) -> None:
    """A test of pytest-asyncio calls the machine as any other does."""
    pytester.makepyfile(
        DELIVER
        + """
import asyncio

@pytest.mark.asyncio
async def test_coroutine(irsend_machine):
    waiting = asyncio.create_task(asyncio.to_thread(irsend_machine.wait_for_mail))
    await asyncio.to_thread(deliver, irsend_machine)
    [mail] = await waiting
    assert mail["Subject"] == irsend_machine.mails[0]["Subject"] == "Invoice 17"
"""
    )
    run(pytester).assert_outcomes(passed=1)


def test_twisted(pytester: pytest.Pytester) -> None:
    """A test of pytest-twisted, with a reactor of its own, calls the machine as any other does."""
    pytester.makepyfile(
        """
        import pytest_twisted
        from twisted.internet import reactor
        from twisted.internet.threads import deferToThread
        from twisted.mail.smtp import sendmail

        @pytest_twisted.ensureDeferred
        async def test_deferred(irsend_machine):
            m = irsend_machine
            assert reactor.running
            waiting = deferToThread(m.wait_for_mail)
            mail = b"Subject: One\\r\\n\\r\\n"
            await sendmail(m.smtp.host, "a@b.test", ["c@localhost"], mail, port=m.smtp.port)
            [mail] = await waiting
            assert mail["Subject"] == m.mails[0]["Subject"] == "One"
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
