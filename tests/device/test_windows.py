"""The settings windows: every item of docs/fidelity, and what its values may be."""

from __future__ import annotations

import re
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from irsend.device.items import items_of, read_value
from irsend.device.windows import (
    DEFAULTS,
    ITEMS,
    MECHANISMS,
    AuthentEncryption,
    EmailIFax,
    MacPolicy,
    PopAuthMethod,
    Settings,
    SSLPolicy,
    windows,
)
from irsend.errors import ValueRefused

SWITCH = "on or off (true or false)"


def number(first: int, last: int, unit: str = "") -> str:
    """The constraint of a number."""
    return f"a whole number from {first} to {last}" + (f" ({unit})" if unit else "")


# Key, label, what is allowed, default: from the sources of docs/fidelity, not from the code.
TABLE: list[tuple[str, str, str, Any]] = [
    ("email_ifax.smtp_receive", "SMTP Receive", SWITCH, False),
    ("email_ifax.pop", "POP", SWITCH, False),
    ("email_ifax.pop_interval", "POP Interval", number(0, 99, "minutes"), 0),
    (
        "email_ifax.email_address",
        "E-mail Address",
        "an e-mail address, up to 120 characters",
        "",
    ),
    (
        "email_ifax.smtp_server",
        "SMTP Server",
        "a name or address, up to 48 characters",
        "",
    ),
    ("email_ifax.pop_server", "POP Server", "a name or address, up to 48 characters", ""),
    ("email_ifax.pop_address", "POP Address", "text of up to 64 characters", ""),
    ("email_ifax.pop_password", "POP Password", "text of up to 32 characters", ""),
    ("email_ifax.maximum_data_size", "Maximum Data Size for Sending", number(0, 99, "MB"), 3),
    ("email_ifax.divided_send", "Divided TX over Max. Data Size", SWITCH, False),
    (
        "email_ifax.default_subject",
        "Default Subject",
        "text of up to 40 characters",
        "Attached Image",
    ),
    ("email_ifax.full_mode_timeout", "Full Mode TX Timeout", number(1, 99, "hours"), 24),
    ("email_ifax.print_mdn_dsn", "Print MDN/DSN upon Receipt", SWITCH, False),
    ("email_ifax.via_server", "Use Route via Server", SWITCH, True),
    (
        "authent_encryption.pop_auth_method",
        "POP AUTH Method",
        "standard, apop or pop_auth",
        PopAuthMethod.STANDARD,
    ),
    ("authent_encryption.pop_auth_before_sending", "POP AUTH before Sending", SWITCH, False),
    (
        "authent_encryption.smtp_authentication",
        "SMTP Authentication (SMTP AUTH)",
        SWITCH,
        False,
    ),
    ("authent_encryption.user", "User", "text of up to 64 characters", ""),
    ("authent_encryption.password", "Password", "text of up to 32 characters", ""),
    ("authent_encryption.allow_ssl_pop", "Allow SSL (POP)", SWITCH, False),
    ("authent_encryption.allow_ssl_smtp_send", "Allow SSL (SMTP Send)", SWITCH, False),
    (
        "authent_encryption.allow_ssl_smtp_receive",
        "Allow SSL (SMTP Receive)",
        "off, on or ssl",
        SSLPolicy.OFF,
    ),
    (
        "authent_encryption.display_auth_screen",
        "Display Auth. Screen When Sending",
        SWITCH,
        False,
    ),
    ("authent_encryption.verify_pop", "Confirm Certificate (POP)", SWITCH, False),
    ("authent_encryption.verify_smtp_send", "Confirm Certificate (SMTP Send)", SWITCH, False),
    ("authent_encryption.verify_cn", "Add CN to Verification Items", SWITCH, False),
    ("receiving_mac_address.enabled", "Receiving MAC Address", SWITCH, False),
    ("receiving_mac_address.policy", "Policy", "permit or reject", MacPolicy.PERMIT),
    (
        "receiving_mac_address.addresses",
        "Addresses",
        "up to 100 MAC addresses such as 00:00:85:12:34:56",
        (),
    ),
    ("service_mode.smtp_tx_port", "SMTP TX port", number(1, 65535), 25),
    ("service_mode.smtp_rx_port", "SMTP RX port", number(1, 65535), 25),
    ("service_mode.pop3_port", "POP3 port", number(1, 65535), 110),
    (
        "service_mode.disabled_mechanisms",
        "Mechanisms switched off",
        "up to 8 of CRAM-MD5, DIGEST-MD5, NTLM, GSSAPI, PLAIN, LOGIN, SCRAM-SHA-256, XOAUTH2",
        (),
    ),
    ("quirks.helo_only", "HELO only", SWITCH, False),
    ("quirks.helo_name", "Name in EHLO", "name, bare, literal, ip, empty", "name"),
    ("quirks.no_ehlo_after_starttls", "No EHLO after STARTTLS", SWITCH, False),
    ("quirks.login_prompts", "LOGIN prompts", "loose, strict", "loose"),
    ("quirks.inline_login_name", "Inline LOGIN name", SWITCH, False),
    ("quirks.lower_case_commands", "Lower-case commands", SWITCH, False),
    ("quirks.space_after_colon", "Space after MAIL FROM: and RCPT TO:", SWITCH, False),
    ("quirks.bare_lf_commands", "Bare LF in commands", SWITCH, False),
    ("quirks.first_digit_only", "First digit of replies only", SWITCH, False),
    ("quirks.no_quit", "No QUIT", SWITCH, False),
    ("quirks.one_connection_per_recipient", "One connection per recipient", SWITCH, False),
    ("quirks.rset_before_mail", "RSET before MAIL", SWITCH, False),
    ("quirks.sender_not_login", "Sender not equal to login", SWITCH, False),
    ("quirks.bare_lf_content", "Bare LF in the message", SWITCH, False),
    ("quirks.final_dot", "Final dot", "standard, late, missing, bare_lf", "standard"),
    ("quirks.final_dot_delay", "Delay of the final dot", number(1, 3600, "seconds"), 30),
    ("quirks.date", "Date", "standard, none, asctime, iso, short_year", "standard"),
    ("quirks.message_id_trailing_dot", "Trailing dot in Message-ID", SWITCH, False),
    ("quirks.multipart_quoted_printable", "Quoted-printable multipart", SWITCH, False),
]
SECRET = {"email_ifax.pop_password", "authent_encryption.password"}
LATER = {
    "authent_encryption.verify_pop",
    "authent_encryption.verify_smtp_send",
    "authent_encryption.verify_cn",
}
EMAIL_IFAX = (
    "Additional Functions",
    "System Settings",
    "Network Settings",
    "E-mail/I-Fax",
)

# Values that are taken, as they are meant.
TAKEN: dict[str, list[tuple[object, Any]]] = {
    SWITCH: [(True, True), (False, False), ("on", True), ("Off", False), ("TRUE", True)],
    "a name or address, up to 48 characters": [
        ("", ""),
        ("mail.bench.test", "mail.bench.test"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("x" * 48, "x" * 48),
    ],
    "an e-mail address, up to 120 characters": [
        ("", ""),
        ("ir@bench.test", "ir@bench.test"),
        ("ir@[192.0.2.1]", "ir@[192.0.2.1]"),
        ("x" * 60 + "@" + "y" * 47 + ".bench.test", "x" * 60 + "@" + "y" * 47 + ".bench.test"),
    ],
    "standard, apop or pop_auth": [
        ("standard", PopAuthMethod.STANDARD),
        ("APOP", PopAuthMethod.APOP),
        ("pop_auth", PopAuthMethod.POP_AUTH),
    ],
    "off, on or ssl": [
        ("off", SSLPolicy.OFF),
        ("On", SSLPolicy.ON),
        ("SSL", SSLPolicy.SSL),
        (True, SSLPolicy.ON),
        (False, SSLPolicy.OFF),
    ],
    "permit or reject": [("permit", MacPolicy.PERMIT), ("Reject", MacPolicy.REJECT)],
    "up to 100 MAC addresses such as 00:00:85:12:34:56": [
        ([], ()),
        ("", ()),
        (["00-00-85-AA-BB-CC"], ("00:00:85:aa:bb:cc",)),
        ("00:00:85:12:34:56, 0000.8512.3457", ("00:00:85:12:34:56", "00:00:85:12:34:57")),
        (["00:00:85:12:34:56", "00-00-85-12-34-56"], ("00:00:85:12:34:56",)),
    ],
    "up to 8 of " + ", ".join(MECHANISMS): [
        ([], ()),
        ("plain", ("PLAIN",)),
        (["cram-md5", "LOGIN", "CRAM-MD5"], ("CRAM-MD5", "LOGIN")),
        (list(MECHANISMS), MECHANISMS),
    ],
}
# Values that are not.
REFUSED: dict[str, list[object]] = {
    SWITCH: [1, 0, "", "ja", "o n", None, [], 1.0, "on\n"],
    "a name or address, up to 48 characters": [
        "a b",
        "a/b",
        "x" * 49,
        "a\nb",
        "a@b",
        1,
        None,
        ["a"],
        "dr\xfccker",
    ],
    "an e-mail address, up to 120 characters": [
        "ir",
        "@",
        "ir@",
        "@bench.test",
        "a b@c",
        "a@b@c",
        "<a@b>",
        "a@b, c@d",
        "a@b\n",
        "x" * 110 + "@bench.test",
        1,
    ],
    "standard, apop or pop_auth": ["", "pop auth", True, 0, None, ["apop"]],
    "off, on or ssl": ["", "tls", 1, None, "on "],
    "permit or reject": ["", "deny", True, None],
    "up to 100 MAC addresses such as 00:00:85:12:34:56": [
        "00:00:85",
        ["00:00:85:12:34:5g"],
        [1],
        None,
        5,
        {"a": "b"},
        [f"00:00:85:00:00:{n:02x}" for n in range(101)],
    ],
    "up to 8 of " + ", ".join(MECHANISMS): ["SCRAM", ["PLAIN", "NONE"], [1], True],
}


def about(key: str, given: object) -> Any:
    """Read a value for the item at a key."""
    return read_value(key, ITEMS[key], given)


class TableTests(SynchronousTestCase):
    """The table of settings (docs/fidelity)."""

    def test_items(self) -> None:
        """There are these items, in the panel's order, and no others."""
        self.assertEqual(list(ITEMS), [row[0] for row in TABLE])

    def test_labels(self) -> None:
        """Each item has the label of its line on the panel."""
        self.assertEqual(
            {key: item.label for key, item in ITEMS.items()},
            {key: label for key, label, _, _ in TABLE},
        )

    def test_allowed(self) -> None:
        """Each item says what is allowed."""
        self.assertEqual(
            {key: item.kind.allowed for key, item in ITEMS.items()},
            {key: allowed for key, _, allowed, _ in TABLE},
        )

    def test_defaults(self) -> None:
        """Each item has its default, and a printer fresh from its box holds it."""
        expected = {key: default for key, _, _, default in TABLE}
        self.assertEqual(DEFAULTS, expected)
        self.assertEqual({key: Settings().value(key) for key in ITEMS}, expected)

    def test_defaults_are_allowed(self) -> None:
        """Each default is read back as itself from its plain form."""
        for key, item in ITEMS.items():
            self.assertEqual(about(key, item.kind.plain(DEFAULTS[key])), DEFAULTS[key], key)

    def test_secret(self) -> None:
        """The passwords are secret, and nothing else is."""
        self.assertEqual({key for key, item in ITEMS.items() if item.secret}, SECRET)

    def test_later(self) -> None:
        """The items on certificates are those of later models, and no others."""
        self.assertEqual({key for key, item in ITEMS.items() if item.later}, LATER)

    def test_meanings(self) -> None:
        """Each item has a meaning, in sentences."""
        for key, item in ITEMS.items():
            self.assertRegex(item.meaning, r"^[A-Z].*\.$", key)

    def test_windows(self) -> None:
        """The windows stand where the panel has them."""
        self.assertEqual(
            [(key, window.title, window.path) for key, window, _ in windows()],
            [
                ("email_ifax", "E-mail/I-Fax", EMAIL_IFAX),
                (
                    "authent_encryption",
                    "Authent./Encryption",
                    (*EMAIL_IFAX, "Authent./Encryption"),
                ),
                (
                    "receiving_mac_address",
                    "Receiving MAC Address Settings",
                    (*EMAIL_IFAX, "Receiving MAC Address Settings"),
                ),
                ("service_mode", "Service mode", ("Service mode",)),
                ("quirks", "Quirks", ("Bench", "Quirks")),
            ],
        )

    def test_mechanisms(self) -> None:
        """The mechanisms that can be switched off are those of section 4."""
        self.assertLessEqual(
            {"CRAM-MD5", "NTLM", "GSSAPI", "PLAIN", "LOGIN", "DIGEST-MD5"}, set(MECHANISMS)
        )


class ValueTests(SynchronousTestCase):
    """What each item takes and refuses."""

    def test_taken(self) -> None:
        """Each value that is allowed is read as what it means, in every form it may have."""
        for key, _, allowed, _ in TABLE:
            for given_value, meant in TAKEN.get(allowed, ()):
                self.assertEqual(about(key, given_value), meant, (key, given_value))

    def test_refused(self) -> None:
        """Each other value is refused with a sentence that names key, value and what is allowed."""
        for key, _, allowed, _ in TABLE:
            for given_value in REFUSED.get(allowed, ()):
                error = self.assertRaises(ValueRefused, about, key, given_value)
                self.assertEqual(error.key, key)
                sentence = str(error)
                self.assertTrue(sentence.startswith(f"{key}: "), sentence)
                self.assertIn(" is not allowed", sentence)
                self.assertIn(f"; allowed: {allowed}", sentence)
                self.assertNotIn("\n", sentence)

    def test_numbers(self) -> None:
        """A number is taken at both ends of its range and refused beyond them, as digits too."""
        for key, _, allowed, _ in TABLE:
            ends = re.match(r"a whole number from (\d+) to (\d+)", allowed)
            if ends is None:
                continue
            first, last = int(ends[1]), int(ends[2])
            for value in (first, last):
                self.assertEqual(about(key, value), value)
                self.assertEqual(about(key, str(value)), value)
            for wrong in (first - 1, last + 1, str(last + 1), True, float(last), "", "x", None):
                error = self.assertRaises(ValueRefused, about, key, wrong)
                self.assertIn(f"allowed: {allowed}", str(error))

    def test_texts(self) -> None:
        """A text is taken at its greatest length and refused one longer."""
        for key, _, allowed, _ in TABLE:
            longest = re.match(r"text of up to (\d+) characters", allowed)
            if longest is None:
                continue
            text = "ü" * int(longest[1])
            self.assertEqual(about(key, text), text)
            self.assertRaises(ValueRefused, about, key, text + "x")

    def test_one_line(self) -> None:
        """No text holds a control character, an end of line, or half a surrogate pair."""
        for sign in "\0\t\r\n\x1b\x7f\x85\x9f\u2028\u2029\ud800\udfff":
            for key in ("email_ifax.default_subject", "email_ifax.pop_password"):
                self.assertRaises(ValueRefused, about, key, f"a{sign}b")

    def test_value_is_shown_short(self) -> None:
        """A value of any length is shown in 80 characters."""
        error = self.assertRaises(ValueRefused, about, "email_ifax.default_subject", "x" * 9999)
        self.assertLess(len(str(error)), 200)

    def test_switch_as_in_toml(self) -> None:
        """A wrong true is shown as the file has it."""
        error = self.assertRaises(ValueRefused, about, "email_ifax.pop_interval", True)
        self.assertIn(": true is not allowed", str(error))

    def test_secret_is_not_shown(self) -> None:
        """A secret that is refused is never shown."""
        for key in SECRET:
            for wrong in ("hunter2" * 5, "hunter2\n", ["hunter2"]):
                error = self.assertRaises(ValueRefused, about, key, wrong)
                self.assertNotIn("hunter2", str(error))
                self.assertIn(f"{key}: this value is not allowed", str(error))

    def test_constraints(self) -> None:
        """Programs too can read what is allowed."""
        told = {key: item.kind.constraint() for key, item in ITEMS.items()}
        self.assertEqual(told["email_ifax.pop"], [False, True])
        self.assertEqual(
            told["email_ifax.pop_interval"], {"minimum": 0, "maximum": 99, "unit": "minutes"}
        )
        self.assertEqual(told["email_ifax.smtp_server"], {"max_length": 48})
        self.assertEqual(
            told["authent_encryption.allow_ssl_smtp_receive"], ["off", "on", "ssl"]
        )
        self.assertEqual(told["receiving_mac_address.addresses"], {"max_items": 100})

    @settings(deadline=None)
    @given(
        st.sampled_from(list(ITEMS)),
        st.one_of(
            st.text(),
            st.integers(),
            st.booleans(),
            st.none(),
            st.floats(),
            st.lists(st.text() | st.integers()),
            st.dictionaries(st.text(), st.text()),
        ),
    )
    def test_anything(self, key: str, anything: object) -> None:
        """Whatever is given is read or refused in one line; what is read comes back from its plain form."""
        try:
            value = about(key, anything)
        except ValueRefused as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            self.assertEqual(about(key, ITEMS[key].kind.plain(value)), value)

    def test_reason(self) -> None:
        """The sentence names the one of several that is wrong, and why."""
        error = self.assertRaises(
            ValueRefused,
            about,
            "receiving_mac_address.addresses",
            ["00:00:85:12:34:56", "ff:ff:ff:ff:ff:ff"],
        )
        self.assertIn("('ff:ff:ff:ff:ff:ff' is a group address)", str(error))


class SettingsTests(SynchronousTestCase):
    """All windows together."""

    def test_replace(self) -> None:
        """Values are replaced by whole key in a copy; the original keeps its own."""
        before = Settings()
        after = before.replace(
            {
                "email_ifax.pop": True,
                "authent_encryption.user": "ir",
                "email_ifax.pop_interval": 5,
            }
        )
        self.assertEqual(before, Settings())
        self.assertEqual(after.email_ifax, EmailIFax(pop=True, pop_interval=5))
        self.assertEqual(after.authent_encryption, AuthentEncryption(user="ir"))
        self.assertIs(after.service_mode, before.service_mode)

    def test_frozen(self) -> None:
        """A value cannot be changed in place."""
        with self.assertRaises(attrs.exceptions.FrozenInstanceError):
            Settings().email_ifax.pop = True  # type: ignore[misc]

    def test_repr(self) -> None:
        """The repr of the settings holds no password."""
        settings = Settings().replace(dict.fromkeys(SECRET, "hunter2"))
        self.assertNotIn("hunter2", repr(settings))

    def test_every_window_is_made_of_items(self) -> None:
        """No field of a window goes without its item."""
        for name, _, made_of in windows():
            self.assertEqual(
                [key for key, _, _ in items_of(made_of)],
                [one.name for one in attrs.fields(made_of)],
                name,
            )
