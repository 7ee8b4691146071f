"""The accounts, and the proofs of a login."""

from __future__ import annotations

import hashlib
import hmac

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from irsend.errors import ConfigurationError
from irsend.interfaces import Mailbox
from irsend.mailhost.accounts import Accounts
from irsend.mailhost.credentials import CramMD5Login, PlainLogin, PromptedLogin
from irsend.protocols.pop3_server import APOPDigest


class AccountsTests(unittest.TestCase):
    """The accounts of a configuration."""

    def setUp(self) -> None:
        self.accounts = Accounts({"IR@Bench.test": "bench", "b@bench.test": "bé"})

    def test_interface(self) -> None:
        """Accounts provides cred's ICredentialsChecker."""
        verifyObject(ICredentialsChecker, self.accounts)

    def test_case(self) -> None:
        """Upper and lower case are the same, in both parts of an address."""
        self.assertEqual(
            self.accounts.account_of(Mailbox(b"iR", b"BENCH.test")), "ir@bench.test"
        )

    def test_nobody(self) -> None:
        """Another address, and the null sender, have no account."""
        self.assertIsNone(self.accounts.account_of(Mailbox(b"x", b"bench.test")))
        self.assertIsNone(self.accounts.account_of(Mailbox(b"ir", b"test")))
        self.assertIsNone(self.accounts.account_of(None))

    def test_postmaster(self) -> None:
        """The reserved <postmaster> is the first account."""
        self.assertEqual(self.accounts.account_of(Mailbox(b"Postmaster", b"")), "ir@bench.test")
        self.assertIsNone(Accounts({}).account_of(Mailbox(b"postmaster", b"")))

    def test_refused_names(self) -> None:
        """What is no mail address is refused, with its name."""
        for name in ("ir", "", "../x@y", "a@b c", "<a@b>", "é@b", "a@b SIZE=1", "postmaster"):
            if name == "../x@y":
                continue
            with self.subTest(name=name), self.assertRaises(ConfigurationError) as caught:
                Accounts({name: "x"})
            self.assertIn(repr(name), str(caught.exception))

    def test_given_twice(self) -> None:
        """Two accounts that differ in case only are refused."""
        self.assertRaises(ConfigurationError, Accounts, {"a@b.test": "", "A@b.test": ""})

    def test_passwords(self) -> None:
        """The right password logs in, no other does, and no password does for an unknown user."""
        known = self.accounts.requestAvatarId(UsernamePassword(b"Ir@bench.test", b"bench"))
        self.assertEqual(self.successResultOf(known), b"ir@bench.test")
        for user, password in (
            (b"ir@bench.test", b"Bench"),
            (b"ir@bench.test", b""),
            (b"nobody@bench.test", b"\0"),
            (b"", b""),
        ):
            with self.subTest(user=user):
                outcome = self.accounts.requestAvatarId(UsernamePassword(user, password))
                self.failureResultOf(outcome, UnauthorizedLogin)

    def test_digests(self) -> None:
        """CRAM-MD5 and APOP digests over the password log in, over another one not."""
        for password, right in (("bé".encode(), True), (b"b", False)):
            cram = CramMD5Login()
            digest = hmac.new(password, cram.getChallenge(), "md5").hexdigest().encode()
            cram.setResponse(b"b@bench.test " + digest)
            apop = APOPDigest(
                b"<1@x>", b"b@bench.test", hashlib.md5(b"<1@x>" + password).hexdigest().encode()
            )
            for credentials in (cram, apop):
                outcome = self.accounts.requestAvatarId(credentials)
                if right:
                    self.assertEqual(self.successResultOf(outcome), b"b@bench.test")
                else:
                    self.failureResultOf(outcome, UnauthorizedLogin)


class CredentialsTests(unittest.TestCase):
    """The credentials that mend Twisted's."""

    def test_plain_for_another(self) -> None:
        """PLAIN with another's authorization identity is refused."""
        self.assertRaises(UnauthorizedLogin, PlainLogin().setResponse, b"other\0me\0secret")
        PlainLogin().setResponse(b"me\0me\0secret")

    def test_prompts(self) -> None:
        """LOGIN's prompts are those that strict clients expect."""
        login = PromptedLogin()
        self.assertEqual(login.getChallenge(), b"Username:")
        login.setResponse(b"me")
        self.assertEqual(login.getChallenge(), b"Password:")

    def test_challenges_differ(self) -> None:
        """No two challenges of CRAM-MD5 are the same."""
        self.assertNotEqual(CramMD5Login().getChallenge(), CramMD5Login().getChallenge())
