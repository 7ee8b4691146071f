"""SASL mechanisms as a client uses them, held to the vectors of their RFCs."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, execute, maybeDeferred
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from irsend.device import load_model, model_names
from irsend.device.windows import MECHANISMS as NAMES
from irsend.mailhost.accounts import Accounts
from irsend.protocols.sasl import (
    MECHANISMS,
    ClockSkew,
    Credentials,
    IMechanism,
    MechanismFailed,
    make_mechanism,
    unusable,
)
from irsend.protocols.sasl.digest_md5 import (
    Digest,
    DigestMD5,
    parse_directives,
    quoted,
)
from irsend.protocols.sasl.exchange import SASLExchange
from irsend.protocols.sasl.negotiated import NTLM, library_failure
from irsend.protocols.sasl.scram import ScramSHA256, saslprep


def who(user: str = "tim", password: str = "tanstaaftanstaaf", **more: Any) -> Credentials:
    """Return credentials for a mechanism."""
    given: dict[str, Any] = {"service": "smtp", "host": "smtp.bench.test", **more}
    return Credentials(user=user.encode(), password=password.encode(), **given)


class Case(unittest.TestCase):
    """Hears what a mechanism says."""

    def said(self, answer: Any) -> Any:
        """Return an answer, also one that takes its time."""
        return self.successResultOf(maybeDeferred(lambda: answer))

    def failed(self, call: Any, *arguments: Any) -> str:
        """Return why a call failed with MechanismFailed."""
        return str(self.failureResultOf(maybeDeferred(call, *arguments), MechanismFailed).value)


class TableTests(Case):
    """The table of mechanisms."""

    def test_table(self) -> None:
        """Each mechanism stands under its registered name, and models may name these only."""
        self.assertEqual(set(MECHANISMS), set(NAMES))
        for name in MECHANISMS:
            mechanism = make_mechanism(name, who(token=b"t"))
            verifyObject(IMechanism, mechanism)
            self.assertEqual(mechanism.name, name)

    def test_models(self) -> None:
        """No shipped model names a mechanism that is not there."""
        for name in model_names():
            order = load_model(name).sasl
            self.assertLessEqual({*order.secured, *order.plain}, set(MECHANISMS))

    def test_usable(self) -> None:
        """All but GSSAPI need nothing else; GSSAPI says what it needs where it is missing."""
        for name in MECHANISMS:
            if name != "GSSAPI":
                self.assertEqual(unusable(name), "")
        self.assertRegex(
            unusable("GSSAPI"),
            r"\A(GSSAPI needs [a-z0-9, ]+: pip install 'irsend\[gssapi\]')?\Z",
        )

    def test_secrets_are_not_shown(self) -> None:
        """Neither password nor token stands in the representation of credentials."""
        shown = repr(who(password="marked-1", token=b"marked-2"))
        self.assertNotIn("marked", shown)


class SimpleTests(Case):
    """PLAIN, LOGIN, CRAM-MD5, XOAUTH2."""

    def test_cram_md5(self) -> None:
        """CRAM-MD5 responds as in RFC 2195 section 2, once, and has no initial response."""
        mechanism = make_mechanism("CRAM-MD5", who())
        self.assertIsNone(mechanism.initial())
        challenge = b"<1896.697170952@postoffice.reston.mci.net>"
        self.assertEqual(mechanism.respond(challenge), b"tim b913a602c7eda7a495b4e6e7334d3890")
        self.failed(mechanism.respond, challenge)

    def test_cram_md5_of_the_toshiba(self) -> None:
        """The Toshiba extract's challenge gets user and 32 hexadecimal digits."""
        answer = make_mechanism("CRAM-MD5", who("fred")).respond(
            b"<CByLtDJhSCgnhmMZ+N23F6w@elwood.innosoft.com>"
        )
        self.assertTrue(re.fullmatch(rb"fred [0-9a-f]{32}", self.said(answer)))

    def test_cram_md5_long_password(self) -> None:
        """A password that is longer than MD5's block is digested first (RFC 2104's sixth vector)."""
        credentials = Credentials(user=b"x", password=b"\xaa" * 80, service="smtp", host="h")
        challenge = b"Test Using Larger Than Block-Size Key - Hash Key First"
        self.assertEqual(
            make_mechanism("CRAM-MD5", credentials).respond(challenge),
            b"x 6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
        )

    def test_plain(self) -> None:
        """PLAIN sends what RFC 4616 section 4 has at once, again to a challenge, and no third time."""
        mechanism = make_mechanism("PLAIN", who())
        for said in (mechanism.initial(), mechanism.respond(b"")):
            self.assertEqual(said, b"\0tim\0tanstaaftanstaaf")
        self.failed(mechanism.respond, b"")

    def test_login(self) -> None:
        """LOGIN sends user name, then password, whatever the prompts are, and nothing more."""
        for prompts in (
            (b"Username:", b"Password:"),
            (b"User Name\0", b"Password\0"),
            (b"", b""),
        ):
            mechanism = make_mechanism("LOGIN", who())
            self.assertIsNone(mechanism.initial())
            said = [mechanism.respond(prompt) for prompt in prompts]
            self.assertEqual(said, [b"tim", b"tanstaaftanstaaf"])
            self.failed(mechanism.respond, b"Password:")

    def test_login_inline(self) -> None:
        """LOGIN with the user name in the command has the password left to say."""
        mechanism = make_mechanism("LOGIN", who(user_inline=True))
        self.assertEqual(mechanism.initial(), b"tim")
        self.assertEqual(mechanism.respond(b"Password:"), b"tanstaaftanstaaf")

    def test_login_strict(self) -> None:
        """A strict machine responds to Username: and Password: in any case, and to no other prompt."""
        for prompt in (b"Username:", b"USERNAME:"):
            mechanism = make_mechanism("LOGIN", who(strict_prompts=True))
            self.assertEqual(mechanism.respond(prompt), b"tim")
            self.assertEqual(mechanism.respond(b"Password:"), b"tanstaaftanstaaf")
        for prompt in (b"Login:", b"User Name\0", b"Username", b"Username: ", b""):
            mechanism = make_mechanism("LOGIN", who(strict_prompts=True))
            asked = repr(prompt.decode())
            self.assertIn(f"the prompt {asked}", self.failed(mechanism.respond, prompt))

    def test_no_initial_response(self) -> None:
        """A machine without initial responses waits for the server, then sends the same."""
        for name in ("PLAIN", "XOAUTH2"):
            at_once = make_mechanism(name, who(token=b"ya29.x"))
            waiting = make_mechanism(name, who(token=b"ya29.x", initial_response=False))
            self.assertIsNone(waiting.initial())
            self.assertEqual(waiting.respond(b""), at_once.initial())

    def test_xoauth2(self) -> None:
        """XOAUTH2 sends user and token at once, and nothing to the reason of a refusal."""
        mechanism = make_mechanism("XOAUTH2", who("a@b", token=b"ya29.x"))
        self.assertEqual(mechanism.initial(), b"user=a@b\1auth=Bearer ya29.x\1\1")
        self.assertEqual(mechanism.respond(b'{"status":"401"}'), b"")
        self.failed(mechanism.respond, b"{}")


# RFC 2831 section 4: nonce, cnonce, digest-uri, realm, response, rspauth.
_IMAP = (
    b"OA6MG9tEQGm2hh",
    b"OA6MHXh6VqTrRk",
    b"imap/elwood.innosoft.com",
    b"elwood.innosoft.com",
    b"d388dad90d4bbd760a152321f2143af7",
    b"ea40f60335c427b5527b84dbabcdfffd",
)
_ACAP = (
    b"OA9BSXrbuRhWay",
    b"OA9BSuZWMSpW8m",
    b"acap/elwood.innosoft.com",
    b"elwood.innosoft.com",
    b"6084c6db3fede7352c551284490fd0fc",
    b"2f0b3d7c3c2e486600ef710726aa2eae",
)


class DigestMD5Tests(Case):
    """RFC 2831."""

    CHALLENGE = (
        b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",'
        b"algorithm=md5-sess,charset=utf-8"
    )

    def begin(self, **more: Any) -> DigestMD5:
        """Return the client of section 4's first example."""
        credentials = who("chris", "secret", service="imap", host="elwood.innosoft.com", **more)
        return DigestMD5(credentials, cnonce=b"OA6MHXh6VqTrRk")

    def test_digests(self) -> None:
        """Response and rspauth of both examples come out."""
        for nonce, cnonce, uri, realm, response, proof in (_IMAP, _ACAP):
            digest = Digest(
                user=b"chris",
                realm=realm,
                password=b"secret",
                nonce=nonce,
                cnonce=cnonce,
                uri=uri,
            )
            self.assertEqual((digest.response(), digest.proof()), (response, proof))

    def test_exchange(self) -> None:
        """The first example, as the client says it, to the server's proof."""
        mechanism = self.begin()
        said = parse_directives(mechanism.respond(self.CHALLENGE))
        self.assertEqual(said[b"response"], [_IMAP[4]])
        self.assertEqual(said[b"digest-uri"], [_IMAP[2]])
        self.assertEqual(said[b"username"], [b"chris"])
        self.assertEqual(said[b"charset"], [b"utf-8"])
        self.assertEqual(mechanism.respond(b"rspauth=" + _IMAP[5]), b"")
        mechanism.confirmed()

    def test_no_proof(self) -> None:
        """A 235 without rspauth, or with another, is MechanismFailed."""
        mechanism = self.begin()
        mechanism.respond(self.CHALLENGE)
        self.failed(mechanism.confirmed)
        self.failed(mechanism.respond, b"rspauth=" + _IMAP[4])

    def test_refused_challenges(self) -> None:
        """A challenge that breaks the grammar is refused, each with its own reason."""
        for challenge, why in (
            (b"", "no nonce"),
            (b'nonce="",algorithm=md5-sess', "no nonce"),
            (b'nonce="x"', "md5-sess"),
            (b'nonce="x",algorithm=md5', "md5-sess"),
            (b'nonce="x",nonce="y",algorithm=md5-sess', "nonce stands twice"),
            (b'nonce="x",algorithm=md5-sess,qop="auth-conf"', "security layer"),
            (b'nonce="x', "not well formed"),
            (b'nonce="x" algorithm=md5-sess', "not well formed"),
            (b'nonce="' + b"x" * 2048 + b'"', "too long"),
        ):
            with self.subTest(challenge=challenge):
                self.assertIn(why, self.failed(self.begin().respond, challenge))

    def test_taken_challenges(self) -> None:
        """Words in any case and directives of other makers, however often, are no reason to refuse."""
        for challenge in (
            b'nonce="x",algorithm=MD5-Sess,qop="AUTH"',
            b'nonce="x",algorithm=md5-sess,x-tra=1,x-tra=2',
        ):
            self.assertIn(b"response=", self.begin().respond(challenge))

    def test_neither_latin_nor_utf8(self) -> None:
        """A name outside ISO-8859-1 is not sent to a server that takes no UTF-8."""
        mechanism = DigestMD5(who("検査"))
        self.assertIn(
            "not in ISO-8859-1",
            self.failed(mechanism.respond, b'nonce="x",algorithm=md5-sess'),
        )

    def test_realms(self) -> None:
        """Of several realms the server's own name is taken, else the first; without one there is none."""
        for realms, taken in (
            (b'realm="a",realm="elwood.innosoft.com",', [b"elwood.innosoft.com"]),
            (b'realm="a",realm="b",', [b"a"]),
            (b"", None),
        ):
            said = parse_directives(
                self.begin().respond(realms + b'nonce="x",algorithm=md5-sess')
            )
            self.assertEqual(said.get(b"realm"), taken)

    def test_quoted_strings(self) -> None:
        """Escapes, commas and blanks inside quotes are content; empty elements are skipped."""
        self.assertEqual(
            parse_directives(rb' , realm = "a\"b\\c, d" ,, nonce=x '),
            {b"realm": [rb'a"b\c, d'], b"nonce": [b"x"]},
        )

    @given(st.binary(max_size=60))
    def test_quoting_round_trip(self, value: bytes) -> None:
        """What is quoted is read back, whatever it holds."""
        self.assertEqual(parse_directives(b"x=" + quoted(value)), {b"x": [value]})

    def test_latin(self) -> None:
        """Where all of a name can be written in ISO-8859-1 it goes into the digest so (2.1.2.1)."""
        made = [
            Digest(
                user=user, realm=b"r", password=b"p", nonce=b"n", cnonce=b"c", uri=b"u"
            ).response()
            for user in ("é".encode(), b"\xe9", "Ж".encode())
        ]
        self.assertEqual(made[0], made[1])
        self.assertNotEqual(made[1], made[2])


class ScramTests(Case):
    """RFC 7677 section 3."""

    FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    LAST = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

    def begin(self) -> ScramSHA256:
        """Return the client of the example."""
        return ScramSHA256(who("user", "pencil"), nonce=b"rOprNGfwEbeRWgbNEkqO")

    def test_exchange(self) -> None:
        """The example, to the server's proof."""
        mechanism = self.begin()
        self.assertEqual(mechanism.initial(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
        self.assertEqual(
            self.said(mechanism.respond(self.FIRST)),
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        )
        self.failed(mechanism.confirmed)
        self.assertEqual(mechanism.respond(self.LAST), b"")
        mechanism.confirmed()
        self.failed(mechanism.respond, b"")

    def test_refused_challenges(self) -> None:
        """A nonce that is not ours and more, a malformed salt, and too many iterations are refused."""
        for challenge, why in (
            (b"", "not well formed"),
            (b"r=other,s=W22Z,i=4096", "nonce"),
            (b"r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096", "nonce"),
            (b"r=rOprNGfwEbeRWgbNEkqOx,s=W2,i=4096", "base64"),
            (b"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=0", "not well formed"),
            (b"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1000001", "1000000 are done"),
            (b"m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1", "not well formed"),
        ):
            with self.subTest(challenge=challenge):
                mechanism = self.begin()
                mechanism.initial()
                self.assertIn(why, self.failed(mechanism.respond, challenge))

    def test_server_without_the_password(self) -> None:
        """A wrong proof is refused, and an error of the server's is the reason of the failure."""
        for last, why in ((b"v=AAAA", "did not prove"), (b"e=other-error", "other-error")):
            mechanism = self.begin()
            mechanism.initial()
            self.said(mechanism.respond(self.FIRST))
            self.assertIn(why, self.failed(mechanism.respond, last))

    def test_names_are_escaped(self) -> None:
        """Comma and equals sign in a name are escaped (RFC 5802 5.1)."""
        mechanism = ScramSHA256(who("a=b,c"), nonce=b"x")
        self.assertEqual(mechanism.initial(), b"n,,n=a=3Db=2Cc,r=x")

    def test_in_a_thread(self) -> None:
        """The work of the iterations is done where the credentials say."""
        ran: list[str] = []

        def in_thread(work: Any) -> Deferred[Any]:
            ran.append("here")
            return execute(work)

        mechanism = ScramSHA256(
            who("user", "pencil", in_thread=in_thread), nonce=b"rOprNGfwEbeRWgbNEkqO"
        )
        mechanism.initial()
        self.said(mechanism.respond(self.FIRST))
        self.assertEqual(ran, ["here"])

    def test_saslprep(self) -> None:
        """The examples of RFC 4013 section 3."""
        self.assertEqual(saslprep("I\xadX".encode()), b"IX")
        self.assertEqual(saslprep("ª".encode()), b"a")
        self.assertEqual(saslprep("Ⅸ".encode()), b"IX")
        self.assertRaises(ValueError, saslprep, b"\x07")
        self.assertRaises(ValueError, saslprep, "\u06271".encode())


class NTLMTests(Case):
    """NTLM, against the library's own server."""

    def exchange(self, password: str, user: str = "bench\\tim") -> tuple[Any, Any]:
        """Let client and server speak; return both."""
        import os

        import spnego

        path = self.mktemp()
        with open(path, "w") as credentials:
            credentials.write("bench:tim:tanstaaftanstaaf\n")
        self.addCleanup(os.environ.pop, "NTLM_USER_FILE", None)
        os.environ["NTLM_USER_FILE"] = path
        server = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
        client = make_mechanism("NTLM", who(user, password))
        assert isinstance(client, NTLM)
        token = server.step(self.said(client.initial()))
        server.step(self.said(client.respond(token)))
        return client, server

    def test_right(self) -> None:
        """The server takes a login with the right password, and the client's part is complete."""
        client, server = self.exchange("tanstaaftanstaaf")
        self.assertTrue(server.complete)
        client.confirmed()

    def test_wrong(self) -> None:
        """The server refuses another one."""
        from spnego.exceptions import BadMICError, InvalidCredentialError, SpnegoError

        self.assertRaises(
            (SpnegoError, BadMICError, InvalidCredentialError), self.exchange, "wrong"
        )

    def test_nobody(self) -> None:
        """A machine without a user does not log in as one of those that its computer knows."""
        from spnego.exceptions import SpnegoError

        self.assertRaises(SpnegoError, self.exchange, "", user="")

    def test_not_a_token(self) -> None:
        """A malformed challenge is MechanismFailed, and so is a 235 before the end."""
        mechanism = make_mechanism("NTLM", who())
        self.said(mechanism.initial())
        self.failed(mechanism.respond, b"nonsense")
        self.failed(mechanism.confirmed)


class _OfKerberos(Exception):
    """What krb5 raises: the number stands behind the words, too."""

    def __init__(self, words: str, number: int) -> None:
        super().__init__(f"{words} {number}")
        self.err_code = number


class _OfGSSAPI(Exception):
    """What gssapi raises: two numbers without a sign, and the words of each."""

    maj_code = 851968

    def __init__(self, words: str, number: int) -> None:
        super().__init__(f"Major (851968): Unspecified, Minor ({number}): {words}")
        self.min_code = number % 2**32
        self._words = words

    def get_all_statuses(self, code: int, is_major: bool) -> list[str]:
        """Return the words of one of them."""
        return ["No credentials\nwere supplied"] if is_major else [self._words]


class _OfPyspnego(Exception):
    """What pyspnego raises around another error."""

    def __init__(self, beneath: Exception) -> None:
        super().__init__(f"SpnegoError (1): {beneath}, Context: Processing security token")
        self.base_error = beneath


class KerberosTests(Case):
    """GSSAPI as far as it goes without a KDC; with one: tests.live.test_sending_kerberos."""

    def reason(self, error: Exception) -> tuple[type[Exception], str]:
        """Return what an error of a library becomes, and its words."""
        failed = library_failure(error)
        return type(failed), str(failed)

    def test_needed(self) -> None:
        """Without user or password no KDC is asked, and no ticket of the user who runs irsend is used."""
        for user, password in (("", ""), ("", "x"), ("ir", "")):
            self.assertIn(
                "user name and password are needed",
                self.failed(make_mechanism("GSSAPI", who(user, password)).initial),
            )

    def test_clock_skew(self) -> None:
        """Clocks that differ are known by the error's number, of KDC and library alike (#843)."""
        for number in (-1765328351, -1765328347, -1765328236):
            for error in (
                _OfKerberos("Clock skew", number),
                _OfPyspnego(_OfGSSAPI("Clock skew", number)),
            ):
                self.assertEqual(self.reason(error), (ClockSkew, "Kerberos: Clock skew"))

    def test_reasons(self) -> None:
        """All other errors become words without numbers, and without the error around them."""
        for error, told in (
            (
                _OfKerberos("Preauthentication failed", -1765328360),
                "Kerberos: user name or password is wrong (Preauthentication failed)",
            ),
            (
                _OfKerberos("Decrypt integrity check failed", -1765328353),
                "Kerberos: user name or password is wrong (Decrypt integrity check failed)",
            ),
            (
                _OfPyspnego(_OfGSSAPI("Server smtp/x@X not found", -1765328377)),
                "Kerberos: Server smtp/x@X not found",
            ),
            (_OfPyspnego(_OfGSSAPI("", 0)), "Kerberos: No credentials were supplied"),
            (ImportError("no such library"), "the security library says: no such library"),
            (ValueError(), "the security library says: ValueError"),
        ):
            self.assertEqual(self.reason(error), (MechanismFailed, told))


class BothSidesTests(Case):
    """Each mechanism against the mail host's own side of it."""

    def log_in(self, name: str, client: Credentials, accounts: Accounts) -> bool:
        """Run the exchange to its end; return whether the server accepts, and the client confirms."""
        mechanism = make_mechanism(name, client)
        exchange = SASLExchange(
            name.encode("ascii"), accounts.challengers(True)[name.encode("ascii")]()
        )
        import base64

        first = self.said(mechanism.initial())
        challenge = exchange.begin(b"" if first is None else base64.b64encode(first) or b"=")
        while challenge is not None:
            answer = self.said(mechanism.respond(base64.b64decode(challenge)))
            challenge = exchange.respond(base64.b64encode(answer))
        outcome: list[Any] = []
        accounts.requestAvatarId(exchange.credentials).addBoth(outcome.append)
        if not isinstance(outcome[0], bytes):
            return False
        mechanism.confirmed()
        return True

    def test_right_and_wrong(self) -> None:
        """The right password is taken and another one refused, by each mechanism that the mail host has."""
        accounts = Accounts({"ir@bench.test": 'bénch, "x" \\'})
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256"):
            with self.subTest(name=name):
                right = who("IR@bench.test", 'bénch, "x" \\')
                self.assertTrue(self.log_in(name, right, accounts))
                self.assertFalse(self.log_in(name, who("ir@bench.test", "bench"), accounts))
                self.assertFalse(self.log_in(name, who("nobody@bench.test", ""), accounts))

    def test_for_another(self) -> None:
        """An authorization identity that is not the user is refused, by SCRAM as by PLAIN."""
        challenge = Accounts({"ir@bench.test": "x"}).challengers(True)[b"SCRAM-SHA-256"]()
        challenge.getChallenge()
        self.assertRaises(ValueError, challenge.setResponse, b"n,a=boss,n=ir@bench.test,r=abc")

    @given(
        st.text(
            st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=1, max_size=20
        )
    )
    @settings(max_examples=25, deadline=None)
    def test_any_password(self, password: str) -> None:
        """Any password logs in by DIGEST-MD5, and by SCRAM-SHA-256 where SASLprep allows it."""
        accounts = Accounts({"ir@bench.test": password})
        credentials = who("ir@bench.test", password)
        self.assertTrue(self.log_in("DIGEST-MD5", credentials, accounts))
        try:
            saslprep(password.encode())
        except ValueError:
            return
        self.assertTrue(self.log_in("SCRAM-SHA-256", credentials, accounts))
