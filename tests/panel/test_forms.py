"""The forms of the page for people, without a browser: what they send, and what that changes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import fail

from irsend.device.status import StatusText
from irsend.errors import MemoryFull, ScanRefused
from irsend.panel.menus import menu_of_window, root_menu
from tests.panel.served import Answer, ServedPanel
from tests.panel.test_pages import Fields
from tests.panel.test_send import PAGE, TO, TYPE, form
from tests.panel.test_tray import ORDER

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class FormTests(ServedPanel):
    """The page's forms."""

    async def send(self, path: str, *fields: tuple[str, str]) -> Answer:
        """Send a form as a browser does, with the token that the page has."""
        token = ("token", self.site._access.token)
        return await self.ask("POST", path, urlencode([token, *fields]).encode(), FORM)

    async def untouched(self, window: str) -> dict[str, str]:
        """Return the fields of a window's form as its screen shows them."""
        menu = menu_of_window(root_menu(self.machine.device.model), window)
        assert menu is not None
        page = (await self.ask("GET", menu.address)).text
        fields = dict(Fields(page).forms[f"/settings/{window}"])
        self.assertEqual(fields.pop("token"), self.site._access.token)
        return fields

    async def screen(self, path: str) -> str:
        """Return the address that a form's address redirects to."""
        return (await self.ask("GET", path)).headers["location"]

    async def test_change(self) -> None:
        """OK changes the fields that were edited, and redirects to the parent menu."""
        told: list[Any] = []
        self.machine.device.observe(told.append)
        fields = await self.untouched("email_ifax")
        fields |= {"email_ifax.pop": "true", "email_ifax.pop_interval": "5"}
        answer = await self.send("/settings/email_ifax", *fields.items())
        self.assertEqual(
            (answer.status, answer.headers["location"]),
            (303, "/functions/system-settings/network-settings"),
        )
        self.assertEqual(
            told[0].changes, {"email_ifax.pop": True, "email_ifax.pop_interval": 5}
        )

    async def test_untouched(self) -> None:
        """A form without edits changes nothing, in any window."""
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
        """Each refusal is at its field, with the value that was typed; nothing is changed."""
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
        """GET of a form's address gives its screen, or redirects to it."""
        answer = await self.ask("GET", "/settings/service_mode")
        self.assertEqual(
            (answer.status, answer.headers["location"]), (303, "/functions/service-mode")
        )
        self.assertIn("/send", Fields((await self.ask("GET", "/send")).text).forms)
        await self.refused(404, "GET", "/settings/toner")

    async def test_secret(self) -> None:
        """An empty field keeps the secret, a typed one replaces it, `forget` clears it."""
        window, key = "/settings/email_ifax", "email_ifax.pop_password"
        held = lambda: self.machine.device.settings.email_ifax.pop_password  # noqa: E731
        await self.send(window, (key, "first"))
        self.assertEqual(held(), "first")
        await self.send(window, (key, ""))
        self.assertEqual(held(), "first")
        self.assertNotIn("first", (await self.ask("GET", await self.screen(window))).text)
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
        """A list is read from lines or commas; an empty field empties it."""
        window, key = "/settings/receiving_mac_address", "receiving_mac_address.addresses"
        held = lambda: self.machine.device.settings.receiving_mac_address.addresses  # noqa: E731
        await self.send(window, (key, "00-00-85-12-34-56\r\n00:00:85:12:34:57, \r\n"))
        self.assertEqual(held(), ("00:00:85:12:34:56", "00:00:85:12:34:57"))
        await self.send(window, (key, ""))
        self.assertEqual(held(), ())

    async def test_other_window(self) -> None:
        """A window's form changes that window only; an unknown window is a 404."""
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
        """The paper key takes paper out and puts it in; another value is refused and changes nothing."""
        for word, paper in (("out", False), ("in", True)):
            answer = await self.send("/paper", ("paper", word))
            self.assertEqual((answer.status, answer.headers["location"]), (303, "/"))
            self.assertIs(self.machine.device.paper, paper)
        answer = await self.send("/paper", ("paper", "out"), ("back", "/mailbox"))
        self.assertEqual(answer.headers["location"], "/mailbox")
        for elsewhere in ("//evil.test", "https://evil.test/", "/a?b", "\r\nX: y"):
            answer = await self.send("/paper", ("paper", "in"), ("back", elsewhere))
            self.assertEqual(answer.headers["location"], "/", elsewhere)
        for fields in ((), (("paper", "false"),)):
            self.assertEqual((await self.send("/paper", *fields)).status, 422)
        self.assertIs(self.machine.device.paper, True)

    async def test_clear_and_receive(self) -> None:
        """The page's keys clear the status line and fetch mail."""
        self.machine.device.show_status(StatusText.SSL_ERROR_POP, None)
        self.assertEqual((await self.send("/clear")).headers["location"], "/")
        self.assertEqual(self.machine.device.status.text, "")
        self.assertEqual((await self.send("/receive")).headers["location"], "/sessions/1")

    async def test_token(self) -> None:
        """Each form without the machine's token, or with another, is refused."""
        device = self.machine.device
        device.show_status(StatusText.SSL_ERROR_POP, None)
        self.machine.tray = [ORDER]
        job = device.job_accepted("rx", "a@bench.test")
        for path in (
            *("/clear", "/paper", "/receive", "/settings/email_ifax"),
            *(f"/mailbox/{ORDER.number}/delete", f"/jobs/{job.number}/cancel"),
        ):
            for body in (b"paper=out", b"paper=out&token=guessed", b"paper=out&token=%c3%a9"):
                problem = await self.refused(403, "POST", path, body, FORM)
                self.assertIn("load the page again", problem["detail"])
        await self.refused(403, "POST", "/send", form(PAGE, TO), {"Content-Type": TYPE})
        self.assertEqual(self.machine.orders, [])
        self.assertTrue(device.paper and device.status.text and self.machine.tray)

    async def test_delete_and_cancel(self) -> None:
        """Keys delete a document and cancel a job; an unknown number is a 404."""
        self.machine.tray = [ORDER]
        answer = await self.send(f"/mailbox/{ORDER.number}/delete")
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/mailbox"))
        self.assertEqual(self.machine.tray, [])
        job = self.machine.device.job_accepted("rx", "a@bench.test")
        answer = await self.send(f"/jobs/{job.number}/cancel")
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/jobs"))
        self.assertEqual(self.machine.kept_jobs[0].code, "#995")
        for path in (f"/mailbox/{ORDER.number}/delete", "/jobs/4999/cancel", "/jobs/x/cancel"):
            self.assertEqual((await self.send(path)).status, 404)
        self.assertEqual((await self.send(f"/jobs/{job.number}/cancel")).status, 409)


class SendFormTests(ServedPanel):
    """The form of the Send screen."""

    async def start(self, *parts: Any) -> Answer:
        """Press Start."""
        token = ("token", None, self.site._access.token.encode())
        return await self.ask("POST", "/send", form(token, *parts), {"Content-Type": TYPE})

    async def test_sent(self) -> None:
        """Start orders the originals with the fields of the form, and shows the jobs."""
        empty = [("subject", None, b""), ("text", None, b""), ("user", None, b"")]
        answer = await self.start(
            PAGE, TO, *empty, ("kind", None, b"ifax"), ("full", None, b"on")
        )
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/jobs"))
        (order,) = self.machine.orders
        self.assertEqual((order.to, order.kind, order.full), (("b@bench.test",), "ifax", True))
        self.assertEqual(self.machine.contents, [[PAGE[2]]])

    async def test_refused(self) -> None:
        """Each refusal is at its field, with the value that was typed; nothing is sent."""
        for parts, status, shown in (
            (
                (PAGE, ("to", None, b"<nobody>")),
                422,
                "&#39;&lt;nobody&gt;&#39; is no e-mail address",
            ),
            ((PAGE, ("to", None, b"")), 422, "no destination is given"),
            ((("page", "", b""), TO), 422, "nothing is on the glass"),
            ((PAGE, TO, ("kind", None, b"telex")), 422, "kind: "),
        ):
            answer = await self.start(*parts)
            self.assertEqual(answer.status, status, answer.text[:400])
            self.assertEqual(answer.headers["content-type"], "text/html; charset=utf-8")
            self.assertIn("Nothing is sent.", answer.text)
            self.assertIn(shown, answer.text)
        self.assertEqual(self.machine.orders, [])

    async def test_cannot_be_scanned(self) -> None:
        """The screen shows that an original cannot be read, or that the memory is full."""
        for error, status in (
            (ScanRefused("a.pdf is encrypted"), 422),
            (MemoryFull("The memory is full."), 507),
        ):
            self.machine.sending = fail(error)
            answer = await self.start(PAGE, TO)
            self.assertEqual(answer.status, status)
            self.assertIn(str(error), answer.text)
            self.assertIn('value="b@bench.test"', answer.text)

    async def test_other_body(self) -> None:
        """Another Content-Type is a 415."""
        await self.refused(415, "POST", "/send", b"a=b", FORM)
