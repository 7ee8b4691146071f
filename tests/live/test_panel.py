"""The panel in a browser, before a machine that real clients talk to."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.imaging.originals import text_page
from tests.live.browser import PATIENCE, PanelTestCase
from tests.live.dialogues import submit
from tests.live.dovecot import PASSWORD, USER, start_dovecot
from tests.live.machine import ADDRESS
from tests.live.mails import make_mail
from tests.live.programs import run
from tests.live.swaks import MAIL_REFUSED, swaks

if TYPE_CHECKING:
    from playwright.sync_api import Page

_WITHIN = 1.0
"""Seconds within which an open panel shows a new text."""

# Notes when each text stands on the status line; a reload would lose the notes.
_NOTE_TEXTS = """() => {
  window.texts = {};
  const note = () => {
    const text = document.querySelector("#status .line").textContent;
    window.texts[text] ??= Date.now();
  };
  new MutationObserver(note).observe(document.getElementById("status"), {
    attributes: true, childList: true, characterData: true, subtree: true,
  });
}"""

_ADDITIONAL = "Additional Functions"
_EMAIL = (_ADDITIONAL, "System Settings", "Network Settings", "E-mail/I-Fax")
_WINDOWS: tuple[tuple[tuple[str, ...], str, str, str, object], ...] = (
    (_EMAIL, "Default Subject", "Scan", "email_ifax.default_subject", "Scan"),
    (
        (*_EMAIL, "Authent./Encryption"),
        "POP AUTH Method",
        "APOP",
        "authent_encryption.pop_auth_method",
        "apop",
    ),
    (
        (*_EMAIL, "Receiving MAC Address Settings"),
        "Addresses",
        "00:00:5e:00:53:01",
        "receiving_mac_address.addresses",
        ["00:00:5e:00:53:01"],
    ),
    ((_ADDITIONAL, "Service mode"), "POP3 port", "1110", "service_mode.pop3_port", 1110),
    ((_ADDITIONAL, "Bench", "Quirks"), "HELO only", "On", "quirks.helo_only", True),
)
"""Each window: the keys that lead there; label, entry, key and new value of one of its items."""


def png(page: Image.Image) -> bytes:
    """Return a page as a PNG file."""
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


def expect_text(page: Page, selector: str, text: str) -> None:
    """Wait until there is exactly this text."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(text, timeout=PATIENCE)


def press_keys(page: Page, keys: tuple[str, ...]) -> None:
    """Press a key of each of these names, one after the other."""
    for key in keys:
        named = page.get_by_role("link", name=key, exact=True)
        # The steps above a screen are links as well, and no keys.
        named.and_(page.locator(".key, .hard-key")).click()
    page.get_by_role("heading", name=keys[-1], exact=True).wait_for()


class StatusTestCase(PanelTestCase):
    """A panel that stands open, and what comes on its status line."""

    async def watched(self) -> Page:
        """Open the panel, and note what comes on its status line."""
        page = await self.open()
        await self.browse(page.evaluate, _NOTE_TEXTS)
        return page

    async def assert_shown_at_once(self, page: Page, text: str) -> None:
        """The text stands on the open page, within a second of the machine's own record."""
        await self.browse(expect_text, page, "#status .line", text)
        seen = await self.browse(page.evaluate, "text => window.texts[text]", text)
        (entry,) = await self.machine.get("/api/status/history")
        self.assertEqual(entry["text"], text)
        raised = datetime.fromisoformat(entry["at"]).timestamp()
        self.assertLess(seen / 1000 - raised, _WITHIN)
        await self.machine.clear_status()
        await self.browse(expect_text, page, "#status .line", "")
        self.assertIn(text, await self.browse(page.evaluate, "() => window.texts"))


class StatusTests(StatusTestCase):
    """The texts that clients draw."""

    programs = (*PanelTestCase.programs, "swaks", "openssl")

    async def test_plain_text(self) -> None:
        """A client that sends in plain text under SSL is seen within a second, without a reload."""
        await self.start_machine(authent_encryption={"allow_ssl_smtp_receive": "ssl"})
        page = await self.watched()
        told = await swaks(self, self.machine.smtp_port, make_mail("plain", 1000))
        self.assertEqual(told.status, MAIL_REFUSED)
        await self.assert_shown_at_once(page, "SSL Error (SMTP RX Reject)")

    async def test_no_handshake(self) -> None:
        """A client that has no TLS in common is seen within a second, without a reload."""
        await self.start_machine(authent_encryption={"allow_ssl_smtp_receive": "on"})
        page = await self.watched()
        where = f"127.0.0.1:{self.machine.smtp_port}"
        client = await run(
            self.reactor,
            ["openssl", "s_client", "-connect", where, "-starttls", "smtp", "-tls1_2"],
        )
        self.assertNotEqual(client.status, 0)
        await self.assert_shown_at_once(page, "SSL Error (SMTP Receive)")


class POPStatusTests(StatusTestCase):
    """The text that a POP server draws."""

    programs = (*PanelTestCase.programs, "dovecot")
    as_root = True

    async def test_no_stls(self) -> None:
        """A POP server without STLS is seen within a second, without a reload."""
        dovecot = await start_dovecot(self, ssl=False)
        await self.start_machine(
            email_ifax={
                "pop": True,
                "pop_server": "127.0.0.1",
                "pop_address": USER,
                "pop_password": PASSWORD,
            },
            authent_encryption={"allow_ssl_pop": True},
            service_mode={"pop3_port": dovecot.port},
        )
        page = await self.watched()
        self.assertEqual((await self.machine.receive())["result"], "NG")
        await self.assert_shown_at_once(page, "SSL Error (POP)")


class SettingsTests(PanelTestCase):
    """The settings windows, reached and changed as a person does."""

    async def settings(self) -> dict[str, Any]:
        """Return every item's value, by whole key."""
        told = await self.machine.get("/api/settings")
        return {
            item["key"]: item["value"]
            for window in told["windows"]
            for item in window["items"]
            if "value" in item
        }

    async def test_windows(self) -> None:
        """Each window is reached by the keys of its path, and an item changed there is changed."""
        await self.start_machine()
        before = await self.settings()
        windows = {key.partition(".")[0] for key in before}
        self.assertEqual(windows, {key.partition(".")[0] for *_, key, _ in _WINDOWS})
        page = await self.open("/")
        for keys, label, entry, key, value in _WINDOWS:
            self.assertNotEqual(before[key], value)
            await self.browse(self._change, page, keys, label, entry)
            before[key] = value
            self.assertEqual(await self.settings(), before)

    def _change(self, page: Page, keys: tuple[str, ...], label: str, entry: str) -> None:
        press_keys(page, keys)
        choice = page.get_by_role("radiogroup", name=label, exact=True)
        if choice.count():
            choice.get_by_label(entry, exact=True).check()
        else:
            page.get_by_label(label, exact=True).fill(entry)
        page.get_by_role("button", name="OK", exact=True).click()
        page.get_by_role("heading", name=keys[-2], exact=True).wait_for()

    async def test_wrong_value(self) -> None:
        """A value that is not allowed is told at its place, with what is allowed; nothing is changed."""
        await self.start_machine()
        before = await self.settings()
        page = await self.open("/")
        told, entries, at = await self.browse(self._refused, page)
        self.assertEqual(await self.settings(), before)
        self.assertIn("an e-mail address, up to 120 characters", told)
        # What was entered rightly need not be entered again.
        self.assertEqual(entries, ["no address", "Scan"])
        self.assertLess(abs(at), 120, "the reason stands at its field")

    def _refused(self, page: Page) -> tuple[str, list[str], float]:
        press_keys(page, _EMAIL)
        address = page.get_by_label("E-mail Address", exact=True)
        subject = page.get_by_label("Default Subject", exact=True)
        address.fill("no address")
        subject.fill("Scan")
        page.get_by_role("button", name="OK", exact=True).click()
        page.get_by_role("alert").get_by_text("Nothing was changed").wait_for()
        problem = page.locator("#email_ifax-email_address-problem")
        page.get_by_role("alert").get_by_role("link", name="E-mail Address").click()
        field, reason = address.bounding_box(), problem.bounding_box()
        assert field is not None
        assert reason is not None
        told = problem.inner_text()
        return told, [address.input_value(), subject.input_value()], reason["y"] - field["y"]


class SendingTests(PanelTestCase):
    """A page goes out at the panel and comes back into the tray."""

    async def bench(self) -> None:
        """Have the machine send to itself: its SMTP server is its own door."""
        await self.start_machine(
            email_ifax={"smtp_server": "127.0.0.1", "email_address": ADDRESS},
            printing={"loaded": True},
        )
        await self.machine.change({"service_mode.smtp_tx_port": self.machine.smtp_port})

    async def test_chosen(self) -> None:
        """A page that is chosen and sent with Start comes into the tray, and is seen there live."""
        await self.assert_comes_back(self._choose)

    async def test_dropped(self) -> None:
        """A page that is dropped on the glass and sent with Start comes into the tray as well."""
        await self.assert_comes_back(self._drop)

    async def assert_comes_back(self, put: Any) -> None:
        """A page put on the glass in this way is printed, and its thumbnail shows."""
        await self.bench()
        mailbox = await self.open("/mailbox")
        await self.browse(mailbox.get_by_text("Nothing is printed yet.").wait_for)
        page = await self.open("/")
        await self.browse(self._send, page, put)
        width = await self.browse(self._thumbnail, mailbox)
        self.assertGreater(width, 0)
        (document,) = await self.machine.get("/api/tray")
        self.assertEqual(document["subject"], "round trip")
        (job,) = [
            one for one in await self.machine.get("/api/jobs") if one["direction"] == "tx"
        ]
        self.assertEqual(job["result"], "--")

    def _send(self, page: Page, put: Any) -> None:
        put(page, png(text_page()))
        # The glass shows what lies on it.
        page.get_by_role("listitem").filter(has_text="scan.png").wait_for()
        page.get_by_label("Address", exact=True).fill(ADDRESS)
        page.get_by_label("Subject", exact=True).fill("round trip")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_role("heading", name="Print Job").wait_for()

    def _choose(self, page: Page, content: bytes) -> None:
        page.locator("input[name=page]").set_input_files(
            {"name": "scan.png", "mimeType": "image/png", "buffer": content}
        )

    def _drop(self, page: Page, content: bytes) -> None:
        carried = page.evaluate_handle(
            """octets => {
              const carried = new DataTransfer();
              carried.items.add(new File([new Uint8Array(octets)], "scan.png", { type: "image/png" }));
              return carried;
            }""",
            list(content),
        )
        for event in ("dragover", "drop"):
            page.locator(".glass").dispatch_event(event, {"dataTransfer": carried})

    def _thumbnail(self, mailbox: Page) -> int:
        shown = mailbox.locator("#tray .sheet img")
        shown.wait_for()
        mailbox.locator("#tray .subject", has_text="round trip").wait_for()
        width: int = shown.evaluate("image => image.decode().then(() => image.naturalWidth)")
        return width


class PowerTests(PanelTestCase):
    """The machine goes away under a page that stands open."""

    async def test_gone_and_back(self) -> None:
        """The page says that the machine is gone, comes back by itself, and keeps a form half filled in."""
        await self.start_machine()
        page = await self.open("/")
        gone = page.get_by_role("alert").filter(has_text="The machine does not answer")
        await self.browse(page.get_by_label("Subject", exact=True).fill, "half filled in")
        self.assertFalse(await self.browse(gone.is_visible))
        await self.machine.kill()
        await self.browse(gone.wait_for)
        await self.machine.start()
        await self.browse(lambda: page.locator("#gone").wait_for(state="hidden"))
        await submit(self.reactor, self.machine.smtp_port, make_mail("after", 1000), ADDRESS)
        await self.browse(page.locator("#report tbody", has_text="5001").wait_for)
        entry = await self.browse(page.get_by_label("Subject", exact=True).input_value)
        self.assertEqual(entry, "half filled in")
