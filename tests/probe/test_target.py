"""The URL of a mail server."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from irsend.probe.target import Target, WrongTarget, read_target


class TargetTests(SynchronousTestCase):
    """Reading it."""

    def test_read(self) -> None:
        """Scheme, host and port are read; without a port it is the scheme's."""
        for url, expected in (
            ("smtp://relay.example.com:587", Target("smtp", "relay.example.com", 587)),
            ("smtp://relay.example.com", Target("smtp", "relay.example.com", 25)),
            ("smtps://relay.example.com/", Target("smtps", "relay.example.com", 465)),
            ("pop3://192.0.2.1", Target("pop3", "192.0.2.1", 110)),
            ("POP3S://Mail.Example.com", Target("pop3s", "mail.example.com", 995)),
            ("smtp://[2001:db8::1]:2525", Target("smtp", "2001:db8::1", 2525)),
        ):
            self.assertEqual(read_target(url), expected)
        self.assertEqual(str(read_target("smtp://[2001:db8::1]")), "smtp://[2001:db8::1]:25")

    def test_wrong(self) -> None:
        """What is no such URL is refused with what is allowed."""
        for url in (
            "relay.example.com",
            "relay.example.com:25",
            "imap://mail.example.com",
            "smtp://",
            "smtp://relay:99999",
            "smtp://relay:0",
            "smtp://relay:x",
            "smtp://relay/path",
            "smtp://relay?x=1",
            "smtp://[2001:db8::1",
            "",
        ):
            error = self.assertRaises(WrongTarget, read_target, url)
            self.assertIn(repr(url), str(error))
            self.assertIn("allowed: smtp://", str(error))

    def test_password(self) -> None:
        """A URL with user and password is refused without repeating it."""
        error = self.assertRaises(
            WrongTarget, read_target, "smtp://me:marked@relay.example.com"
        )
        self.assertNotIn("marked", str(error))
        self.assertIn("--password-file", str(error))
