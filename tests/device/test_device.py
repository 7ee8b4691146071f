"""The device: settings, status line, sessions and jobs, and the observers of their changes."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from irsend.device import Device, StatusText, load_model
from irsend.device.codes import CODES
from irsend.device.events import (
    JobChanged,
    SessionChanged,
    SettingsChanged,
    StatusChanged,
)
from irsend.device.jobs import number_after
from irsend.device.sessions import SESSION_KINDS, TLSUse
from irsend.device.status import StatusEntry, StatusLine
from irsend.device.windows import Settings
from irsend.errors import SettingsRefused, ValueRefused

POLICY = "authent_encryption.allow_ssl_smtp_receive"


class Case(SynchronousTestCase):
    """A device, its clock, and the events that it sent."""

    model = "ir2270"

    def setUp(self) -> None:
        self.clock = Clock()
        model = load_model(self.model)
        self.device = Device(
            model=model, settings=model.initial_settings(), now=self.clock.seconds
        )
        self.events: list[Any] = []
        self.forget = self.device.observe(self.events.append)

    def refused(self, given: dict[str, object]) -> list[str]:
        """The keys that a change of settings is refused for."""
        error = self.assertRaises(SettingsRefused, self.device.change_settings, given)
        return [one.key for one in error.refused]


class SettingsTests(Case):
    """Changing settings."""

    def test_change(self) -> None:
        """A change is returned, held, and sent to observers."""
        changed = self.device.change_settings(
            {"email_ifax.pop": "on", "email_ifax.pop_interval": 5}
        )
        self.assertEqual(changed, {"email_ifax.pop": True, "email_ifax.pop_interval": 5})
        self.assertTrue(self.device.settings.email_ifax.pop)
        self.assertEqual(
            self.events,
            [SettingsChanged(settings=self.device.settings, changes=changed, at_machine=True)],
        )

    def test_same_value(self) -> None:
        """A value that was there already is not returned as changed, but sent: the machine chose it."""
        self.assertEqual(self.device.change_settings({"email_ifax.pop": False}), {})
        self.assertEqual(self.events[0].changes, {"email_ifax.pop": False})

    def test_nothing(self) -> None:
        """To change nothing is no event."""
        self.assertEqual(self.device.change_settings({}), {})
        self.assertEqual(self.events, [])

    def test_all_or_nothing(self) -> None:
        """One wrong value keeps all others from being changed; each wrong key is named."""
        before = self.device.settings
        self.assertEqual(
            self.refused(
                {
                    "email_ifax.pop": True,
                    "email_ifax.pop_interval": 100,
                    "email_ifax.full_mode_timeout": 0,
                    "email_ifax.via_server": False,
                }
            ),
            ["email_ifax.pop_interval", "email_ifax.full_mode_timeout"],
        )
        self.assertIs(self.device.settings, before)
        self.assertEqual(self.events, [])

    def test_check(self) -> None:
        """A check sees the settings as they would be and what is being changed, and can refuse."""
        seen: list[tuple[Settings, dict[str, Any]]] = []

        def check(settings: Settings, values: dict[str, Any]) -> None:
            seen.append((settings, values))
            if POLICY in values:
                raise ValueRefused(POLICY, "there is no certificate")

        self.device.checks.append(check)
        self.device.change_settings({"email_ifax.pop": True})
        self.assertTrue(seen[0][0].email_ifax.pop)
        self.assertEqual(seen[0][1], {"email_ifax.pop": True})
        self.assertEqual(self.refused({POLICY: "ssl", "email_ifax.pop": False}), [POLICY])
        self.assertTrue(self.device.settings.email_ifax.pop)

    def test_every_check(self) -> None:
        """Each check is asked though one before it refused."""

        def refuse(key: str) -> Any:
            def check(settings: Settings, values: dict[str, Any]) -> None:
                raise ValueRefused(key, "no")

            return check

        self.device.checks += [refuse("email_ifax.pop"), refuse(POLICY)]
        self.assertEqual(self.refused({"email_ifax.pop": True}), ["email_ifax.pop", POLICY])

    def test_wrong_value_before_check(self) -> None:
        """No check is asked about a value that its item does not allow."""
        self.device.checks.append(lambda settings, values: self.fail("asked"))
        self.assertEqual(self.refused({"email_ifax.pop": 7}), ["email_ifax.pop"])

    def test_not_at_machine(self) -> None:
        """A change that is not made at the machine says so."""
        self.device.change_settings({"email_ifax.pop": True}, at_machine=False)
        self.assertFalse(self.events[0].at_machine)

    def test_reset(self) -> None:
        """A reset sends its changes, and is not made at the machine."""
        self.device.change_settings({"email_ifax.pop": True, "email_ifax.pop_interval": 9})
        self.events.clear()
        self.device.reset_settings(Settings().replace({"email_ifax.pop": True}))
        self.assertEqual(
            self.events,
            [
                SettingsChanged(
                    settings=self.device.settings,
                    changes={"email_ifax.pop_interval": 0},
                    at_machine=False,
                )
            ],
        )

    def test_reset_to_the_same(self) -> None:
        """A reset that changes nothing is no event."""
        self.device.reset_settings(Settings())
        self.assertEqual(self.events, [])

    def test_secrets(self) -> None:
        """A password reaches neither the device's repr nor an event's."""
        self.device.change_settings({"email_ifax.pop_password": "hunter2"})
        self.assertNotIn("hunter2", repr(self.device))
        self.assertNotIn("hunter2", repr(self.events))


class OldModelTests(Case):
    """A machine from before the iR 2270."""

    model = "ir2200"

    def test_absent_item(self) -> None:
        """Encrypted reception cannot be turned on where there is none."""
        self.assertEqual(self.refused({POLICY: "on"}), [POLICY])

    def test_reset_tells_what_it_has(self) -> None:
        """A reset sends only items that the machine has."""
        self.device.reset_settings(
            Settings().replace({"authent_encryption.verify_pop": True, "email_ifax.pop": True})
        )
        self.assertEqual(self.events[0].changes, {"email_ifax.pop": True})


class ObserverTests(Case):
    """The observers of changes."""

    def test_forgotten(self) -> None:
        """An observer that was removed gets no more events; the others do."""
        others: list[Any] = []
        self.device.observe(others.append)
        self.forget()
        self.device.change_settings({"email_ifax.pop": True})
        self.assertEqual((len(self.events), len(others)), (0, 1))

    def test_forget_while_told(self) -> None:
        """An observer may remove itself during an event; all others get the event."""
        heard: list[str] = []

        def once(event: object) -> None:
            heard.append("once")
            forget()

        forget = self.device.observe(once)
        self.device.observe(lambda event: heard.append("always"))
        self.device.change_settings({"email_ifax.pop": True})
        self.device.change_settings({"email_ifax.pop": False})
        self.assertEqual(heard, ["once", "always", "always"])

    def test_order(self) -> None:
        """When an event is sent, the change holds already."""
        seen: list[bool] = []
        self.device.observe(lambda event: seen.append(self.device.settings.email_ifax.pop))
        self.device.change_settings({"email_ifax.pop": True})
        self.assertEqual(seen, [True])


class StatusTests(Case):
    """The status line (docs/fidelity)."""

    def end(self, kind: Any, *, succeeded: bool) -> None:
        """Have a session of a kind, from its beginning to its end."""
        session = self.device.session_began(kind, "192.0.2.7")
        self.device.session_ended(session, "OK" if succeeded else "NG", succeeded=succeeded)

    def test_texts(self) -> None:
        """The texts are these, to the letter."""
        self.assertEqual(
            [text.value for text in StatusText],
            ["SSL Error (POP)", "SSL Error (SMTP RX Reject)", "SSL Error (SMTP Receive)"],
        )

    def test_empty(self) -> None:
        """Nothing stands on the line at first."""
        self.assertEqual(self.device.status.text, "")

    def test_shown(self) -> None:
        """A text is shown with its time and session, and sent to observers."""
        self.clock.advance(5)
        self.device.show_status(StatusText.SSL_ERROR_POP, 7)
        entry = StatusEntry(at=5, text=StatusText.SSL_ERROR_POP, session=7)
        self.assertEqual(self.device.status.text, "SSL Error (POP)")
        self.assertEqual(
            self.events, [StatusChanged(line=StatusLine(shown=entry), raised=entry)]
        )

    def test_earlier_session(self) -> None:
        """A session that began before the text came does not take it off, though it ends well."""
        session = self.device.session_began("pop-receive", "192.0.2.7")
        self.clock.advance(5)
        self.device.show_status(StatusText.SSL_ERROR_POP, 7)
        self.device.session_ended(session, "OK", succeeded=True)
        self.assertEqual(self.device.status.text, "SSL Error (POP)")

    def test_displaced(self) -> None:
        """A later text takes the place of the one before."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.device.show_status(StatusText.SMTP_RX_REJECT, 2)
        self.assertEqual(self.device.status.text, "SSL Error (SMTP RX Reject)")

    def test_same_text_again(self) -> None:
        """The same text from a later session is an entry of its own."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.device.show_status(StatusText.SSL_ERROR_POP, 2)
        self.assertEqual([event.raised.session for event in self.events], [1, 2])

    def test_stays(self) -> None:
        """A text stays through time, failures, and successes of another kind."""
        for text in StatusText:
            self.device.show_status(text, None)
            self.clock.advance(86_400)
            for other in SESSION_KINDS:
                self.end(other, succeeded=False)
                if other != text.raised_by:
                    self.end(other, succeeded=True)
                self.assertEqual(self.device.status.text, text.value)

    def test_goes_with_success_of_its_kind(self) -> None:
        """A later success of the same kind clears the line, and observers learn of it."""
        kinds = {
            "SSL Error (POP)": "pop-receive",
            "SSL Error (SMTP RX Reject)": "smtp-receive",
            "SSL Error (SMTP Receive)": "smtp-receive",
        }
        for text in StatusText:
            self.device.show_status(text, None)
            self.end(kinds[text.value], succeeded=True)
            self.assertEqual(self.device.status.text, "")
            self.assertEqual(self.events[-1], StatusChanged(line=StatusLine(), raised=None))

    def test_success_without_text(self) -> None:
        """A success says nothing of a line that is empty."""
        self.end("smtp-receive", succeeded=True)
        self.assertEqual({type(event) for event in self.events}, {SessionChanged})

    def test_cleared(self) -> None:
        """The operator clears the line; an empty one is not cleared again."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.events.clear()
        self.device.clear_status()
        self.device.clear_status()
        self.assertEqual(self.device.status.text, "")
        self.assertEqual(self.events, [StatusChanged(line=StatusLine(), raised=None)])


class SessionTests(Case):
    """Sessions under way."""

    def test_life(self) -> None:
        """A session is held while it is under way, and each of its changes is sent whole."""
        self.clock.advance(10)
        began = self.device.session_began("smtp-receive", "192.0.2.7", "00:00:85:12:34:56")
        self.assertEqual(
            (began.id, began.started, began.ended, began.result), (1, 10, None, None)
        )
        self.assertEqual(self.device.sessions, {1: began})
        tls = TLSUse(version="TLS 1.0", cipher="AES128-SHA")
        changed = self.device.session_changed(began, tls=tls)
        self.assertEqual(self.device.sessions, {1: changed})
        self.clock.advance(5)
        ended = self.device.session_ended(changed, "OK", succeeded=True, messages=2)
        self.assertEqual(ended, attrs.evolve(changed, result="OK", ended=15, messages=2))
        self.assertEqual(self.device.sessions, {})
        self.assertEqual([event.session for event in self.events], [began, changed, ended])

    def test_ids(self) -> None:
        """Ids go on from the last one, and are not given again."""
        self.device.last_session = 41
        first = self.device.session_began("smtp-receive", "a")
        self.device.session_ended(first, "OK", succeeded=True)
        self.assertEqual([first.id, self.device.session_began("smtp-send", "b").id], [42, 43])


class StateTests(Case):
    """What the machine is doing."""

    def test_stopped(self) -> None:
        """Switched off it is stopped, switched on it is ready."""
        self.assertEqual(self.device.state, "stopped")
        self.device.running = True
        self.assertEqual(self.device.state, "ready")

    def test_sessions(self) -> None:
        """It receives and sends while sessions are under way; the oldest of them decides."""
        self.device.running = True
        sending = self.device.session_began("smtp-send", "a")
        self.assertEqual(self.device.state, "sending")
        fetching = self.device.session_began("pop-receive", "b")
        self.assertEqual(self.device.state, "sending")
        self.device.session_ended(sending, "OK", succeeded=True)
        self.assertEqual(self.device.state, "receiving")
        self.device.session_ended(fetching, "NG", succeeded=False)
        self.assertEqual(self.device.state, "ready")
        self.device.session_began("smtp-receive", "c")
        self.assertEqual(self.device.state, "receiving")


class JobTests(Case):
    """Jobs and their numbers (docs/fidelity)."""

    def test_first_numbers(self) -> None:
        """Sent jobs begin at 0001, received ones at 5001."""
        self.assertEqual(number_after(None, "tx"), "0001")
        self.assertEqual(number_after(None, "rx"), "5001")

    def test_wrapping(self) -> None:
        """Sent jobs end at 4999, received ones at 9999; then they begin again."""
        for last, direction, following in (
            ("0001", "tx", "0002"),
            ("4998", "tx", "4999"),
            ("4999", "tx", "0001"),
            ("5001", "rx", "5002"),
            ("9998", "rx", "9999"),
            ("9999", "rx", "5001"),
        ):
            self.assertEqual(number_after(last, direction), following)  # type: ignore[arg-type]

    def test_stray_number(self) -> None:
        """A number out of its range is followed by the first."""
        self.assertEqual(number_after("7000", "tx"), "0001")
        self.assertEqual(number_after("0003", "rx"), "5001")

    def test_numbers_of_both(self) -> None:
        """Sent and received jobs are counted apart, their serials together."""
        jobs = [
            self.device.job_accepted(direction, "a@bench.test")  # type: ignore[arg-type]
            for direction in ("rx", "tx", "rx", "tx")
        ]
        self.assertEqual([job.number for job in jobs], ["5001", "0001", "5002", "0002"])
        self.assertEqual([job.serial for job in jobs], [1, 2, 3, 4])

    def test_all_numbers(self) -> None:
        """After 4,999 received jobs the number 5001 comes again, with another serial."""
        numbers = [self.device.job_accepted("rx", "").number for _ in range(4999)]
        self.assertEqual(len(set(numbers)), 4999)
        again = self.device.job_accepted("rx", "")
        self.assertEqual((again.number, again.serial), ("5001", 5000))

    def test_told(self) -> None:
        """A job is sent when it is accepted and when it changes, with the time it started."""
        self.clock.advance(3)
        job = self.device.job_accepted("rx", "a@bench.test", subject="Scan")
        ended = self.device.job_changed(job, result="OK", ended=4)
        self.assertEqual((job.started, job.result, ended.result), (3, "waiting", "OK"))
        self.assertEqual(self.events, [JobChanged(job=job), JobChanged(job=ended)])

    def test_started_before(self) -> None:
        """A job may say itself when it started."""
        self.assertEqual(self.device.job_accepted("rx", "", started=-5.0).started, -5)


class CodeTests(SynchronousTestCase):
    """The result codes of docs/fidelity."""

    def test_codes(self) -> None:
        """There are these codes, each with its cause."""
        self.assertEqual(
            " ".join(CODES),
            "#705 #801 #802 #803 #806 #810 #813 #818 #819 #820 #821 #822 #827 #828 #829 #830 "
            "#831 #832 #833 #834 #835 #837 #839 #841 #842 #843 #844 #845 #846 #848 #995",
        )
        self.assertTrue(all(CODES.values()))
