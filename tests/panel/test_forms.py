"""The forms of the page for people, without a browser: what they send, and what becomes of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from irsend.device.status import StatusText
from tests.panel.served import Answer, ServedPanel
from tests.panel.test_pages import Fields

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class FormTests(ServedPanel):
    """The page's forms."""

    async def send(self, path: str, *fields: tuple[str, str]) -> Answer:
        """Send a form as a browser does."""
        return await self.ask("POST", path, urlencode(fields).encode(), FORM)

    async def untouched(self, window: str) -> dict[str, str]:
        """Give a window's form as it stands on the page."""
        page = (await self.ask("GET", "/")).text
        return dict(Fields(page).forms[f"/settings/{window}"])

    async def test_change(self) -> None:
        """A form changes what was touched in it, and goes back to its window."""
        told: list[Any] = []
        self.machine.device.observe(told.append)
        fields = await self.untouched("email_ifax")
        fields |= {"email_ifax.pop": "true", "email_ifax.pop_interval": "5"}
        answer = await self.send("/settings/email_ifax", *fields.items())
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/#email_ifax"))
        self.assertEqual(
            told[0].changes, {"email_ifax.pop": True, "email_ifax.pop_interval": 5}
        )

    async def test_untouched(self) -> None:
        """A form in which nothing was touched changes nothing, in any window."""
        self.machine.change_settings(
            {
                "email_ifax.pop_password": "kept",
                "receiving_mac_address.addresses": ["00:00:85:12:34:56"],
            }
        )
        before = self.machine.device.settings
        for window in (
            "email_ifax",
            "authent_encryption",
            "receiving_mac_address",
            "service_mode",
        ):
            fields = await self.untouched(window)
            self.assertEqual(
                (await self.send(f"/settings/{window}", *fields.items())).status, 303
            )
        self.assertEqual(self.machine.device.settings, before)

    async def test_refused(self) -> None:
        """Refusals stand at their fields, with what was typed; nothing is changed."""
        fields = await self.untouched("email_ifax")
        fields |= {"email_ifax.pop": "true", "email_ifax.email_address": "no address"}
        answer = await self.send("/settings/email_ifax", *fields.items())
        self.assertEqual(answer.status, 422)
        self.assertIn('id="email_ifax-email_address-problem"', answer.text)
        self.assertIn('value="no address"', answer.text)
        self.assertIn(
            '<a href="#email_ifax-email_address-problem">E-mail Address</a>', answer.text
        )
        self.assertEqual(
            dict(Fields(answer.text).forms["/settings/email_ifax"])["email_ifax.pop"], "true"
        )
        self.assertIs(self.machine.device.settings.email_ifax.pop, False)

    async def test_asked_for_again(self) -> None:
        """The address of a form leads to its window."""
        answer = await self.ask("GET", "/settings/service_mode")
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/#service_mode"))
        await self.refused(404, "GET", "/settings/toner")

    async def test_secret(self) -> None:
        """An empty secret is kept, a typed one taken, one to be forgotten forgotten."""
        window, key = "/settings/email_ifax", "email_ifax.pop_password"
        held = lambda: self.machine.device.settings.email_ifax.pop_password  # noqa: E731
        await self.send(window, (key, "first"))
        self.assertEqual(held(), "first")
        await self.send(window, (key, ""))
        self.assertEqual(held(), "first")
        self.assertNotIn("first", (await self.ask("GET", "/")).text)
        await self.send(window, (key, ""), (f"forget:{key}", "1"))
        self.assertEqual(held(), "")

    async def test_refused_secret(self) -> None:
        """A secret that was refused is not sent back."""
        answer = await self.send(
            "/settings/email_ifax", ("email_ifax.pop_password", "too long " * 9)
        )
        self.assertEqual(answer.status, 422)
        self.assertNotIn("too long ", answer.text)

    async def test_list(self) -> None:
        """A list is written one a line, or with commas; an empty field empties it."""
        window, key = "/settings/receiving_mac_address", "receiving_mac_address.addresses"
        held = lambda: self.machine.device.settings.receiving_mac_address.addresses  # noqa: E731
        await self.send(window, (key, "00-00-85-12-34-56\r\n00:00:85:12:34:57, \r\n"))
        self.assertEqual(held(), ("00:00:85:12:34:56", "00:00:85:12:34:57"))
        await self.send(window, (key, ""))
        self.assertEqual(held(), ())

    async def test_other_window(self) -> None:
        """A window's form changes that window only; a window that is none has no form."""
        await self.send(
            "/settings/email_ifax", ("authent_encryption.user", "x"), ("nonsense", "y")
        )
        self.assertEqual(self.machine.device.settings.authent_encryption.user, "")
        answer = await self.send("/settings/toner", ("a", "b"))
        self.assertEqual(answer.status, 404)

    async def test_other_body(self) -> None:
        """A body that is no form is a 415, one that cannot be read a 400."""
        await self.refused(415, "POST", "/settings/email_ifax", {"email_ifax.pop": True})
        await self.refused(400, "POST", "/settings/email_ifax", b"a=%ff", FORM)
        self.assertIs(self.machine.device.settings.email_ifax.pop, False)

    async def test_paper(self) -> None:
        """Its key takes the paper out and puts it in; another word changes nothing."""
        for word, paper in (("out", False), ("in", True)):
            answer = await self.send("/paper", ("paper", word))
            self.assertEqual((answer.status, answer.headers["location"]), (303, "/"))
            self.assertIs(self.machine.device.paper, paper)
        for fields in ((), (("paper", "false"),)):
            self.assertEqual((await self.send("/paper", *fields)).status, 422)
        self.assertIs(self.machine.device.paper, True)

    async def test_clear_and_receive(self) -> None:
        """The page's keys clear the status line and fetch mail."""
        self.machine.device.show_status(StatusText.SSL_ERROR_POP, None)
        self.assertEqual((await self.send("/clear")).headers["location"], "/")
        self.assertEqual(self.machine.device.status.text, "")
        self.assertEqual((await self.send("/receive")).headers["location"], "/sessions/1")
