"""The panel without a mouse, and without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.imaging.originals import PNG
from tests.live.browser import UsedPanelTestCase
from tests.live.machine import ADDRESS

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What can have the focus. Others, such as the text of a page, come later than the keys are counted.
_KEYS = "a[href], button, input, select, textarea, summary, [tabindex]"
# What has the focus: its place among them, its name, whether one sees that it has it, and it.
_FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const shown = one.matches(".choice input") ? one.nextElementSibling : one;
  const style = getComputedStyle(shown);
  const box = shown.getBoundingClientRect();
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return {
    place: [...document.querySelectorAll(KEYS)].indexOf(one),
    name: (one.labels?.[0] ?? one).textContent.trim() || one.name || one.tagName,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    uncovered: Boolean(at) && (shown.contains(at) || one.contains(at) || at.contains(shown)),
  };
}""".replace("KEYS", repr(_KEYS))

# Every place where Tab has to come by: of a group of radio buttons, the chosen one.
_REACHABLE = """() => [...document.querySelectorAll(KEYS)].flatMap((one, at) => {
  const key = !one.matches("[tabindex]:not(a, button, input, select, textarea, summary)");
  const shown = one.checkVisibility({ visibilityProperty: true });
  const idle = one.disabled || one.type === "hidden" || (one.type === "radio" && !one.checked);
  return key && shown && !idle ? [at] : [];
})""".replace("KEYS", repr(_KEYS))


class KeyboardTests(UsedPanelTestCase):
    """The panel without a mouse."""

    async def test_tab(self) -> None:
        """Tab comes by every key and field in the order of the page, and one sees where it is."""
        await self.start_used_machine()
        page = await self.open("/")
        for path in self.screens:
            await self.browse(self._assert_reached, page, path)

    def _assert_reached(self, page: Page, path: str) -> None:
        page.goto(path)
        wanted = page.evaluate(_REACHABLE)
        stops = []
        for _ in range(3 * len(wanted)):
            page.keyboard.press("Tab")
            stop = page.evaluate(_FOCUSED)
            if stop is None or (stops and stop["place"] == stops[0]["place"]):
                break
            stops.append(stop)
            self.assertTrue(stop["outlined"], f"{path}: {stop['name']} shows no focus")
            self.assertTrue(stop["uncovered"], f"{path}: {stop['name']} is covered")
        places = [stop["place"] for stop in stops]
        self.assertEqual(places, sorted(places), path)
        self.assertEqual(set(wanted) - set(places), set(), path)

    async def test_skip(self) -> None:
        """The first key leads past all others to the screen."""
        await self.start_machine()
        page = await self.open("/")
        await self.browse(self._skip, page)

    def _skip(self, page: Page) -> None:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        inside = page.evaluate(
            "() => document.getElementById('screen').contains(document.activeElement)"
        )
        self.assertTrue(inside)

    async def test_scrolling(self) -> None:
        """A screen that is longer than the display, and has no key of its own, moves by the keyboard."""
        await self.start_machine(printing={"loaded": True})
        page = await self.open("/monitor")
        await self.browse(self._scroll, page)

    def _scroll(self, page: Page) -> None:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("End")
        screen = page.get_by_role("region", name="Screen")
        end = "one => one.scrollHeight > one.clientHeight && one.scrollTop > 0"
        page.wait_for_function(end, arg=screen.element_handle())

    async def test_settings(self) -> None:
        """A setting is found and changed with Tab, Enter, Space and the arrows alone."""
        await self.start_machine()
        page = await self.open("/")
        await self.browse(self._change, page)
        (window,) = (await self.machine.get("/api/settings/authent_encryption"))["windows"]
        values = {item["key"]: item.get("value") for item in window["items"]}
        self.assertEqual(values["authent_encryption.pop_auth_method"], "apop")
        self.assertEqual(values["authent_encryption.allow_ssl_pop"], True)

    def _change(self, page: Page) -> None:
        for key in (
            *("Additional Functions", "System Settings", "Network Settings"),
            *("E-mail/I-Fax", "Authent./Encryption"),
        ):
            self._tab_to(page, key)
            page.keyboard.press("Enter")
            page.get_by_role("heading", name=key, exact=True).wait_for()
        self._tab_to(page, "Standard")
        page.keyboard.press("ArrowRight")
        self._tab_to(page, "Off", "authent_encryption.allow_ssl_pop")
        page.keyboard.press("ArrowLeft")
        self._tab_to(page, "OK")
        page.keyboard.press("Space")
        page.get_by_role("heading", name="E-mail/I-Fax", exact=True).wait_for()

    async def test_document(self) -> None:
        """A document is opened with Enter, and thrown away with Space on both of its keys."""
        await self.start_used_machine()
        page = await self.open("/mailbox")
        await self.browse(self._throw_away, page)
        self.assertEqual(await self.machine.get("/api/tray"), [])

    def _throw_away(self, page: Page) -> None:
        self._tab_to(page, "5001")
        page.keyboard.press("Enter")
        page.wait_for_url("**/mailbox/5001")
        self._tab_to(page, "Delete")
        page.keyboard.press("Space")
        self._tab_to(page, "Delete for good")
        page.keyboard.press("Space")
        page.wait_for_url("**/mailbox")
        page.get_by_text("Nothing is printed yet.").wait_for()

    async def test_glass(self) -> None:
        """The glass is opened for a file with Space, and Start pressed with Enter sends."""
        await self.start_used_machine()
        await self.machine.change({"authent_encryption.allow_ssl_smtp_receive": "off"})
        page = await self.open("/")
        await self.browse(self._send, page)
        jobs = await self.machine.get("/api/jobs")
        self.assertIn("by hand", [one["subject"] for one in jobs])

    def _send(self, page: Page) -> None:
        self._tab_to(page, "Originals", "page")
        with page.expect_file_chooser() as chosen:
            page.keyboard.press("Space")
        chosen.value.set_files({"name": "p.png", "mimeType": "image/png", "buffer": PNG})
        self._tab_to(page, "Address", "to")
        page.keyboard.type(ADDRESS)
        self._tab_to(page, "Subject", "subject")
        page.keyboard.type("by hand")
        self._tab_to(page, "Start")
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs")

    def _tab_to(self, page: Page, name: str, field: str = "") -> None:
        """Press Tab until the key or field of this name has the focus."""
        for _ in range(100):
            page.keyboard.press("Tab")
            at = page.evaluate(
                """() => {
                  const one = document.activeElement;
                  return [(one.labels?.[0] ?? one).textContent.trim(), one.name ?? ""];
                }"""
            )
            if (at[0].startswith(name) and at[1] == field) if field else at[0] == name:
                return
        self.fail(f"Tab does not come by {name} {field}")


class NoScriptTests(UsedPanelTestCase):
    """The panel without JavaScript."""

    async def test_settings(self) -> None:
        """A setting is changed, and a wrong value refused with its reason, without JavaScript."""
        await self.start_machine()
        page = await self.open("/", java_script_enabled=False)
        told = await self.browse(self._change, page)
        self.assertIn("an e-mail address", told)
        (window,) = (await self.machine.get("/api/settings/email_ifax"))["windows"]
        values = {item["key"]: item.get("value") for item in window["items"]}
        self.assertEqual(values["email_ifax.email_address"], ADDRESS)

    def _change(self, page: Page) -> str:
        for key in ("Additional Functions", "System Settings", "Network Settings"):
            page.locator(".key, .hard-key").filter(has_text=key).click()
        page.locator(".key").filter(has_text="E-mail/I-Fax").click()
        page.get_by_label("E-mail Address", exact=True).fill("no address")
        page.get_by_role("button", name="OK", exact=True).click()
        told = page.locator("#email_ifax-email_address-problem").inner_text()
        page.get_by_label("E-mail Address", exact=True).fill(ADDRESS)
        page.get_by_role("button", name="OK", exact=True).click()
        page.get_by_role("heading", name="Network Settings", exact=True).wait_for()
        return told

    async def test_journal(self) -> None:
        """Sessions are filtered, and what was said is read, without JavaScript."""
        await self.start_used_machine()
        page = await self.open("/wire", java_script_enabled=False)
        rows, said = await self.browse(self._read, page)
        self.assertEqual(rows, 1)
        self.assertIn("530", said)
        self.assertIn("Must issue a STARTTLS command first", said)

    def _read(self, page: Page) -> tuple[int, str]:
        wire = page.locator("#sessions")
        wire.get_by_label("Kind").select_option("SMTP receive")
        wire.get_by_label("Result").select_option("NG")
        wire.get_by_role("button", name="Filter").click()
        page.wait_for_url("**/wire?*result=NG*")
        refused = wire.locator("tbody tr", has_text="SSL Error (SMTP RX Reject)")
        rows = refused.count()
        refused.first.get_by_role("link", name="SMTP receive").click()
        return rows, page.locator(".transcript").inner_text()

    async def test_cause(self) -> None:
        """The status line leads by one click to the setting that drew it, without JavaScript."""
        await self.start_used_machine()
        page = await self.open("/", java_script_enabled=False)
        explained = await self.browse(self._explain, page)
        self.assertIn("refused with a 530", explained)
        self.assertIn("turn STARTTLS on", explained)

    def _explain(self, page: Page) -> str:
        page.get_by_role("link", name="SSL Error (SMTP RX Reject)").first.click()
        page.get_by_role("heading", name="Authent./Encryption", exact=True).wait_for()
        return page.locator("#authent_encryption-allow_ssl_smtp_receive-cause").inner_text()
