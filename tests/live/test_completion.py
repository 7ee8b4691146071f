"""The completion of irsendctl in zsh and fish; bash has its own in `tests.ctl.test_completion`."""

from __future__ import annotations

from tests.ctl.completing import completions
from tests.live.case import LiveTestCase


class CompletionTests(LiveTestCase):
    """The scripts of `irsendctl completion` in the shells themselves."""

    programs = ("zsh", "fish")

    def test_offers(self) -> None:
        """Both shells offer commands, models, keys of settings and their values."""
        for shell in self.programs:
            for words, expected in (
                (("fac",), ["factory-reset"]),
                (("models", "ir2"), ["ir2200", "ir2270"]),
                (("report", "--format", ""), ["text", "csv", "pdf"]),
                (
                    ("set", "authent_encryption.allow_ssl_p"),
                    ["authent_encryption.allow_ssl_pop="],
                ),
                (
                    ("set", "authent_encryption.allow_ssl_pop=o"),
                    [
                        "authent_encryption.allow_ssl_pop=on",
                        "authent_encryption.allow_ssl_pop=off",
                    ],
                ),
            ):
                offered = completions(self.directory, shell, *words)
                self.assertEqual(sorted(offered), sorted(expected), f"{shell}: {words}")
