"""The grammar of fault orders."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from irsend.device.fault_reader import WrongOrder, read_magic, read_order
from irsend.device.faults import KINDS, MACHINE, STEPS


class ReadingTests(unittest.SynchronousTestCase):
    """`read_order`."""

    def test_examples(self) -> None:
        """Each kind's example is an order of that kind, and its line is read as the same fault."""
        for name, kind in KINDS.items():
            fault = read_order(kind.example)
            self.assertEqual(fault.kind, name)
            self.assertEqual(read_order(fault.line), fault)

    def test_each_place(self) -> None:
        """At each step and role that a kind names, an order can be written, and is read back."""
        for name, kind in KINDS.items():
            head = kind.example.split("-")
            for role in kind.roles:
                if role == MACHINE or len(kind.steps) < 2 or name in ("forget", "add"):
                    continue
                for step in kind.steps:
                    if role not in STEPS[step].roles:
                        continue
                    first = {
                        "delay": "delay-1",
                        "throttle": "throttle-9",
                        "restart": "restart-1",
                    }
                    order = f"{first.get(name, head[0])}-{step} role={role}"
                    fault = read_order(order)
                    self.assertEqual((fault.kind, fault.step, fault.role), (name, step, role))
                    self.assertEqual(read_order(fault.line), fault)

    def test_options(self) -> None:
        """Options behind an order, in any order, are in the fault."""
        fault = read_order(
            "451-data text='try later' seed=7 probability=0.25 times=3 scope=next role=mailhost-smtp"
        )
        self.assertEqual(
            (
                fault.text,
                fault.seed,
                fault.probability,
                fault.times,
                fault.sessions,
                fault.role,
            ),
            ("try later", 7, 0.25, 3, 1, "mailhost-smtp"),
        )

    def test_scope(self) -> None:
        """A scope is a session, so many sessions, or all until the order is taken back."""
        for scope, sessions in (
            ("next", 1),
            ("next session", 1),
            ("3", 3),
            ("3 sessions", 3),
            (2, 2),
            ("always", None),
            ("until taken back", None),
        ):
            fault = read_order({"order": "451-data", "scope": scope})
            self.assertEqual(fault.sessions, sessions)

    def test_usual_step(self) -> None:
        """Where no step is written, the kind's usual one is meant."""
        for order, line in (
            ("451", "451-rcpt"),
            ("delay-30", "delay-30-rcpt"),
            ("throttle-100", "throttle-100-content"),
            ("err", "err-retr"),
            ("drop-after role=pop-receive", "drop-after-retr role=pop-receive"),
        ):
            self.assertEqual(read_order(order).line, line)

    def test_wrong(self) -> None:
        """A wrong order is refused with a sentence, which names the nearest right one."""
        for order, words in (
            ("", "it is empty"),
            ("451-dat", "did you mean 451-data?"),
            ("dely-30", "did you mean delay-30?"),
            ("delay", "a number from 0 to 3600"),
            ("delay-99999", "a number from 0 to 3600"),
            ("drop-aftr-rcpt", "did you mean after?"),
            ("99-data", "a code from 200 to 599"),
            ("451-data-data", "goes on behind 451-data"),
            ("451-data role=mailhost-pop3", "write err and a step"),
            ("451-data role=smtp-send", "possible: smtp-receive, mailhost-smtp"),
            ("err-data", "is no step of err"),
            ("451-data scope=never", "next, a number of sessions, always"),
            ("451-data probability=2", "0 to 1"),
            ("451-data times=0", "is not allowed as times"),
            ("451-data next", "is not an option"),
            ("drop-after-content", "drop-before-end"),
            ("drop-in-connect", "before only"),
            ("certificate-exprd", "did you mean expired?"),
            ("memory-full scope=next", "holds until it is taken back"),
            ("delay-1-mail text=x", "has no text"),
            ('451-data text="', "a quote is not closed"),
            ("451-data\n", "printable"),
            (3, "is not an order"),
            ({"order": "451-data", "times": True}, "is not allowed as times"),
        ):
            error = self.assertRaises(WrongOrder, read_order, order)
            self.assertIn(words, str(error), order)

    @given(st.text(max_size=60))
    def test_any_text(self, order: str) -> None:
        """Any text is an order, whose line is read as the same fault, or is refused as wrong."""
        try:
            fault = read_order(order)
        except WrongOrder:
            return
        self.assertEqual(read_order(fault.line), fault)


class MagicTests(unittest.SynchronousTestCase):
    """`read_magic`."""

    def test_faults(self) -> None:
        """A local part that is an order from RCPT on asks for that fault."""
        for local, line in (
            ("451-data", "451-data"),
            ("550-RCPT", "550-rcpt"),
            ("delay-30", "delay-30-rcpt"),
            ("drop-after-rcpt", "drop-after-rcpt"),
        ):
            fault = read_magic(local)
            assert fault is not None
            self.assertEqual(fault.line, line)

    def test_others(self) -> None:
        """What is no order, or one of a step before RCPT, is a recipient as any other."""
        for local in (
            "scanner",
            "451-mail",
            "ir-2270",
            "certificate-expired",
            "memory-full",
            "",
        ):
            self.assertIsNone(read_magic(local))
