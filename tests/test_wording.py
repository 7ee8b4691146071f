"""Parts of sentences that refuse something."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from irsend.wording import did_you_mean, joined_by_or, nearest, shown

COMMANDS = ("status", "settings", "set", "send", "job", "jobs", "tray", "factory-reset")


class NearestTests(SynchronousTestCase):
    """The nearest right name."""

    def test_slips(self) -> None:
        """A letter too many, one missing, two exchanged, another case or separator: the name is found."""
        for given, meant in (
            ("statuss", "status"),
            ("stats", "status"),
            ("stauts", "status"),
            ("STATUS", "status"),
            ("factory_reset", "factory-reset"),
            ("reset", "factory-reset"),
        ):
            self.assertEqual(nearest(given, COMMANDS), [meant], given)

    def test_far(self) -> None:
        """For what is like no name, or empty, or very long, none is suggested."""
        for given in ("print", "", ".", "x", "é" * 1_000_000, "a" * 1_000_000):
            self.assertEqual(did_you_mean(given, COMMANDS), "", given[:10])
        self.assertEqual(did_you_mean("status", ()), "")

    def test_several(self) -> None:
        """Up to three names that are equally near are suggested, and none of more."""
        names = ["a.smtp_server", "a.pop_server", "b.web_server", "b.dns_server"]
        self.assertEqual(
            did_you_mean("server", names[:3]),
            "; did you mean a.smtp_server, a.pop_server or b.web_server?",
        )
        self.assertEqual(did_you_mean("server", names), "")
        self.assertEqual(did_you_mean("TLS 1.4", [f"TLS 1.{at}" for at in range(4)]), "")

    def test_prefix(self) -> None:
        """A prefix that is right makes no name near; a wrong or missing one hides none."""
        names = ["email_ifax.pop", "email_ifax.pop_interval", "service_mode.pop3_port"]
        self.assertEqual(nearest("email_ifax.colour", names), [])
        for given in ("pop_interval", "service_mode.pop_interval", "email.pop_interval"):
            self.assertEqual(nearest(given, names), ["email_ifax.pop_interval"], given)


class SentenceTests(SynchronousTestCase):
    """Lists, and what was given."""

    def test_or(self) -> None:
        """The last two words of a list are joined by or."""
        lists = ([], ["a"], ["a", "b"], ["a", "b", "c"])
        self.assertEqual([joined_by_or(one) for one in lists], ["", "a", "a or b", "a, b or c"])

    def test_shown(self) -> None:
        """Text stands in quotes, a list with commas, and nothing is longer than the limit."""
        self.assertEqual(
            [shown(one) for one in ("x\n", True, 5, ["a", "b"])],
            ["'x\\n'", "true", "5", "'a, b'"],
        )
        self.assertEqual(shown("x" * 100, 10), "'xxxxxx...")
