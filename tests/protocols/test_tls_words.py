"""Alerts and verification codes of TLS have words, all of them."""

from __future__ import annotations

from OpenSSL._util import ffi, lib
from twisted.trial.unittest import SynchronousTestCase

from irsend.protocols.certificate_verdicts import DISTRUST, distrust
from irsend.protocols.tls_alerts import ALERTS, alert_name


class WordsTests(SynchronousTestCase):
    """The tables."""

    def test_each_verification_code(self) -> None:
        """Every verification code for which this OpenSSL has a text has a sentence of ours."""
        unknown = ffi.string(lib.X509_verify_cert_error_string(9999))
        for number in range(1, 500):
            if ffi.string(lib.X509_verify_cert_error_string(number)) != unknown:
                self.assertIn(number, DISTRUST)
        self.assertNotIn("OpenSSL's error", distrust(66))

    def test_sentences(self) -> None:
        """Each sentence is one, without a number; one that comes later has its number."""
        for sentence in DISTRUST.values():
            self.assertRegex(sentence, "^[a-zO][^.]*[^. ]$")
        self.assertEqual(distrust(9999), "OpenSSL's error 9999")

    def test_alerts(self) -> None:
        """Alerts have the names of the RFCs; one without has its number."""
        self.assertEqual((alert_name(70), alert_name(48)), ("protocol_version", "unknown_ca"))
        self.assertEqual(alert_name(250), "number 250")
        self.assertEqual(len(set(ALERTS.values())), len(ALERTS))
