"""The grammar of MAIL and RCPT (RFC 5321 4.1.2) and their parameters."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.interfaces import Mailbox
from irsend.protocols.smtp_grammar import XTEXT, GrammarError, parse_path
from irsend.protocols.smtp_parameters import (
    MAIL_PARAMETERS,
    RCPT_PARAMETERS,
    wrong_parameter,
)

LONGEST_LINE = 2048

# What follows RCPT, local part and domain.
RECIPIENTS: list[tuple[bytes, bytes, bytes]] = [
    # RFC 5321, appendix D and section 4.1.1.3.
    (b"TO:<Jones@foo.com>", b"Jones", b"foo.com"),
    (b"TO:<brown@foo.com>", b"brown", b"foo.com"),
    (b"TO:<Postmaster@foo.com>", b"Postmaster", b"foo.com"),
    (b"TO:<Postmaster>", b"Postmaster", b""),
    (b"TO:<postMASTER>", b"postMASTER", b""),
    (b"TO:<userc@d.bar.org>", b"userc", b"d.bar.org"),
    # Source routes are ignored (3.3, appendix C).
    (b"TO:<@hosta.int,@jkl.org:userc@d.bar.org>", b"userc", b"d.bar.org"),
    (b"TO:<@hosta.int:userc@d.bar.org>", b"userc", b"d.bar.org"),
    # Every sign of an atom.
    (b"TO:<!#$%&'*+-/=?^_`{|}~@x>", b"!#$%&'*+-/=?^_`{|}~", b"x"),
    (b"TO:<a.b.c@d.e.f>", b"a.b.c", b"d.e.f"),
    # Quoted strings: without their quotes and backslashes.
    (b'TO:<"a b"@x>', b"a b", b"x"),
    (b'TO:<"a@b"@x>', b"a@b", b"x"),
    (b'TO:<"a>b"@x>', b"a>b", b"x"),
    (b'TO:<"a\\"b\\\\"@x>', b'a"b\\', b"x"),
    (b'TO:<"a\\b"@x>', b"ab", b"x"),
    (b'TO:<""@x>', b"", b"x"),
    (b'TO:<"..a.."@x>', b"..a..", b"x"),
    # Address literals (4.1.3).
    (b"TO:<a@[192.0.2.1]>", b"a", b"[192.0.2.1]"),
    (b"TO:<a@[IPv6:2001:db8::1]>", b"a", b"[IPv6:2001:db8::1]"),
    (b"TO:<a@[ipv6:::1]>", b"a", b"[ipv6:::1]"),
    (b"TO:<a@[IPv6:::ffff:192.0.2.1]>", b"a", b"[IPv6:::ffff:192.0.2.1]"),
    # Domains.
    (b"TO:<a@localhost>", b"a", b"localhost"),
    (b"TO:<a@xn--drcker-3ya.test>", b"a", b"xn--drcker-3ya.test"),
    (b"TO:<a@host_name.test>", b"a", b"host_name.test"),
    (b"TO:<a@1.2.3.4>", b"a", b"1.2.3.4"),
    (b"TO:<a@B-C.d>", b"a", b"B-C.d"),
    # Lengths (4.5.3.1).
    (b"TO:<" + b"a" * 64 + b"@x>", b"a" * 64, b"x"),
    (b"TO:<a@" + b"d." * 127 + b"d>", b"a", b"d." * 127 + b"d"),
    # What is written by programs that take it easy: case, blanks, no brackets, no colon (the seed).
    (b"to:<a@x>", b"a", b"x"),
    (b"To: <a@x>", b"a", b"x"),
    (b"TO : <a@x>", b"a", b"x"),
    (b"TO:a@x", b"a", b"x"),
    (b"TO <a@x>", b"a", b"x"),
    (b" TO:<a@x> ", b"a", b"x"),
]
NO_RECIPIENTS: list[bytes] = [
    b"",
    b"TO",
    b"TO:",
    b"TO:<>",
    b"TO: <>",
    b"FROM:<a@x>",
    b"TOO:<a@x>",
    b"TO:<a@x",
    b"TO:a@x>",
    b"TO:<<a@x>>",
    b"TO:<a@x>b",
    b"TO:<a@x><b@x>",
    b"TO:<a@x>,<b@x>",
    b"TO:<a>",
    b"TO:<@x>",
    b"TO:<a@>",
    b"TO:<a@b@c>",
    b"TO:<a b@x>",
    b"TO:<a@x y>",
    b"TO:< a@x>",
    b"TO:<a@x >",
    b"TO:<.a@x>",
    b"TO:<a.@x>",
    b"TO:<a..b@x>",
    b"TO:<a@.x>",
    b"TO:<a@x.>",
    b"TO:<a@x..y>",
    b"TO:<a@-x>",
    b"TO:<a@x->",
    b"TO:<a,b@x>",
    b"TO:<a(b)@x>",
    b'TO:<"a@x>',
    b'TO:<a"b"@x>',
    b'TO:<"a"b@x>',
    b'TO:<"a"."b"@x>',
    b'TO:<"a\\"@x>',
    b'TO:<"a\tb"@x>',
    b'TO:<"a\0b"@x>',
    b"TO:<a\0@x>",
    b"TO:<a\n@x>",
    b"TO:<a@x>\nRCPT TO:<b@x>",
    b"TO:<a@x\r>",
    b"TO:<\xfc@x>",
    b"TO:<a@dr\xc3\xbccker.test>",
    b"TO:<a@[192.0.2]>",
    b"TO:<a@[192.0.2.256]>",
    b"TO:<a@[192.0.02.1]>",
    b"TO:<a@[2001:db8::1]>",
    b"TO:<a@[IPv6:192.0.2.1]>",
    b"TO:<a@[IPv6:xyz]>",
    b"TO:<a@[IPv6:fe80::1%eth0]>",
    b"TO:<a@[]>",
    b"TO:<a@[192.0.2.1>",
    b"TO:<a@[192.0.2.1]x>",
    b"TO:<@:a@x>",
    b"TO:<@a,b:c@x>",
    b"TO:<@a@b:c@x>",
    b"TO:<" + b"a" * 65 + b"@x>",
    b"TO:<a@" + b"d." * 128 + b"d>",
]


def lines_of(unit: bytes, *, head: bytes = b"TO:<", tail: bytes = b"") -> bytes:
    """A line of the greatest length, filled with repetitions."""
    room = LONGEST_LINE - len(head) - len(tail)
    return head + unit * (room // len(unit)) + tail


class PathTests(SynchronousTestCase):
    """Paths and mailboxes."""

    def test_taken(self) -> None:
        """What the grammar allows is taken, source routes dropped and quotes taken off."""
        for argument, local, domain in RECIPIENTS:
            self.assertEqual(
                parse_path(argument, b"TO"), (Mailbox(local, domain), {}), argument
            )

    def test_refused(self) -> None:
        """What it does not allow is refused in words that are ASCII and one line."""
        for argument in NO_RECIPIENTS:
            try:
                taken = parse_path(argument, b"TO")
            except GrammarError as error:
                sentence = str(error)
                self.assertTrue(sentence and sentence.isascii() and sentence.isprintable())
            else:
                self.fail(f"{argument!r} was taken as {taken}")

    def test_sender(self) -> None:
        """A sender may be the null path, and not the reserved postmaster."""
        self.assertEqual(parse_path(b"FROM:<>", b"FROM"), (None, {}))
        self.assertEqual(parse_path(b"FROM: <> SIZE=5", b"FROM"), (None, {b"SIZE": b"5"}))
        self.assertEqual(parse_path(b"FROM:<@a,@b:c@d>", b"FROM"), (Mailbox(b"c", b"d"), {}))
        self.assertRaises(GrammarError, parse_path, b"FROM:<postmaster>", b"FROM")
        self.assertRaises(GrammarError, parse_path, b"TO:<a@x>", b"FROM")

    def test_seed(self) -> None:
        """The manual's own line, without the colon, is taken (docs/fidelity)."""
        self.assertEqual(
            parse_path(b"FROM <user@example.com>", b"FROM"),
            (Mailbox(b"user", b"example.com"), {}),
        )

    def test_utf8(self) -> None:
        """An address outside ASCII is refused by the extension that it would need."""
        error = self.assertRaises(GrammarError, parse_path, "TO:<ü@x>".encode(), b"TO")
        self.assertIn("SMTPUTF8", str(error))

    @settings(deadline=None, max_examples=300)
    @given(
        st.binary(max_size=40)
        | st.lists(
            st.sampled_from(
                b'TO FROM : < > @ , . [ ] IPv6: 127.0.0.1 a " \\ = SIZE x.y postmaster'.split()
            )
            | st.sampled_from([b" ", b"\n", b"\xff"]),
            max_size=20,
        ).map(b"".join)
    )
    def test_anything(self, argument: bytes) -> None:
        """Any argument is taken or refused; what is taken holds no control character."""
        for word in (b"TO", b"FROM"):
            try:
                mailbox, parameters = parse_path(argument, word)
            except GrammarError:
                continue
            whole = bytes(mailbox) if mailbox else b""
            self.assertTrue(all(0x20 <= octet < 0x7F for octet in whole), whole)
            for key, value in parameters.items():
                self.assertRegex(key + b"=" + value, rb"^[A-Z0-9-]+=[\x21-\x7e]*$")

    def test_no_backtracking(self) -> None:
        """Hostile lines of the greatest length are parsed in linear time."""
        hostile = [
            lines_of(unit, head=head, tail=tail)
            for unit in (
                *(b"a", b"a.", b"a-", b"-", b"@", b"@a", b"@a,", b"@a:", b"@a-", b'"', b'""'),
                *(b'"a', b'\\"', b'"\\', b" ", b"a ", b"<", b">", b"[", b"a=", b"A=b ", b":"),
                *(b"a@", b"a@b,", b"_-", b".", b"+", b"\\", b'"" ', b"TO:", b"TO"),
            )
            for head in (b"TO", b"TO:", b"TO:<", b'TO:<"', b"TO:<@", b"TO:<a@", b"TO:<a@x> ")
            for tail in (b"", b"!", b">", b'"@x', b"@x>", b">!", b"=", b"\n")
        ]
        before = time.process_time()
        for argument in hostile:
            try:
                parse_path(argument, b"TO")
            except GrammarError:
                continue
        # 1,900 lines; quadratic work on any of them would show as minutes.
        self.assertLess((time.process_time() - before) / len(hostile), 0.01)


class ParameterTests(SynchronousTestCase):
    """Parameters, as grammar."""

    def test_read(self) -> None:
        """Parameters are read by name in upper case, with or without a value."""
        for text, expected in (
            (b" SIZE=5", {b"SIZE": b"5"}),
            (b" size=5  body=8BITMIME", {b"SIZE": b"5", b"BODY": b"8BITMIME"}),
            (b" X-A X1=<>", {b"X-A": b"", b"X1": b"<>"}),
            (b" ENVID=a+3Db", {b"ENVID": b"a+3Db"}),
        ):
            for path in (b"<a@x>", b"a@x"):
                self.assertEqual(parse_path(b"FROM:" + path + text, b"FROM")[1], expected)

    def test_refused(self) -> None:
        """What is no KEY or KEY=VALUE is refused, and what is given twice."""
        for text in (
            b"=5",
            b"SIZE=",
            b"SI_ZE=5",
            b"-SIZE=5",
            b"SIZE=5=6",
            b"SIZE=\xff",
            b"<b@x>",
        ):
            self.assertRaises(GrammarError, parse_path, b"FROM:<a@x> " + text, b"FROM")
        self.assertRaises(GrammarError, parse_path, b"FROM:<a@x> SIZE=5 size=5", b"FROM")
        self.assertRaises(GrammarError, parse_path, b"FROM:<a@x>SIZE=5", b"FROM")

    def test_xtext(self) -> None:
        """Xtext is printable, with + before two hexadecimal digits (RFC 3461 4)."""
        for text in (b"", b"abc", b"a+2Bb", b"<a@x>", b"+3D+3D"):
            self.assertIsNotNone(XTEXT.fullmatch(text), text)
        for text in (b"a b", b"a=b", b"+", b"+2", b"+2g", b"+2b", b"a\xff", b"a\n"):
            self.assertIsNone(XTEXT.fullmatch(text), text)


class MeaningTests(SynchronousTestCase):
    """Parameters, as what was announced."""

    announced = (b"SIZE", b"8BITMIME", b"DSN", b"AUTH")

    def verdict(self, given: bytes, known: dict[bytes, tuple[bytes, str]]) -> int:
        """The reply code for one parameter; 250 where it can be taken."""
        key, _, value = given.partition(b"=")
        wrong = wrong_parameter({key: value}, known, self.announced)
        if wrong is None:
            return 250
        self.assertTrue(wrong[1].startswith(key.decode()))
        return wrong[0]

    def test_mail(self) -> None:
        """Parameters of MAIL are taken with a value that their RFC allows, and refused with 501."""
        for parameter, code in (
            (b"SIZE=0", 250),
            (b"SIZE=99999999999999999999", 250),
            (b"SIZE=999999999999999999999", 501),
            (b"SIZE=-1", 501),
            (b"SIZE", 501),
            (b"SIZE=1k", 501),
            (b"BODY=7BIT", 250),
            (b"BODY=8bitmime", 250),
            (b"BODY=BINARYMIME", 501),
            (b"RET=FULL", 250),
            (b"RET=hdrs", 250),
            (b"RET=BODY", 501),
            (b"ENVID=QQ314159", 250),
            (b"ENVID=" + b"x" * 100, 250),
            (b"ENVID=" + b"x" * 101, 501),
            (b"ENVID", 501),
            (b"AUTH=<>", 250),
            (b"AUTH=e+3Dmc2@example.com", 250),
            (b"AUTH", 501),
            (b"NOTIFY=NEVER", 555),
            (b"SMTPUTF8", 555),
        ):
            self.assertEqual(self.verdict(parameter, MAIL_PARAMETERS), code, parameter)

    def test_rcpt(self) -> None:
        """Parameters of RCPT are taken with a value that their RFC allows, and refused with 501."""
        for parameter, code in (
            (b"NOTIFY=NEVER", 250),
            (b"NOTIFY=SUCCESS", 250),
            (b"NOTIFY=success,FAILURE,delay", 250),
            (b"NOTIFY=NEVER,SUCCESS", 501),
            (b"NOTIFY=", 501),
            (b"NOTIFY=SUCCESS,", 501),
            (b"ORCPT=rfc822;a@x", 250),
            (b"ORCPT=rfc822;a+2Bb@x", 250),
            (b"ORCPT=a@x", 501),
            (b"ORCPT=rfc822;" + b"x" * 493, 250),
            (b"ORCPT=rfc822;" + b"x" * 494, 501),
            (b"SIZE=5", 555),
        ):
            self.assertEqual(self.verdict(parameter, RCPT_PARAMETERS), code, parameter)

    def test_not_announced(self) -> None:
        """A parameter whose word was not announced is not recognized."""
        self.announced = ()
        for key in MAIL_PARAMETERS:
            self.assertEqual(self.verdict(key + b"=1", MAIL_PARAMETERS), 555)

    def test_first(self) -> None:
        """The first that cannot be taken is answered."""
        given = {b"SIZE": b"5", b"BODY": b"x", b"Y": b""}
        self.assertEqual(
            wrong_parameter(given, MAIL_PARAMETERS, self.announced),
            (501, "BODY parameter has a value that is not allowed"),
        )
