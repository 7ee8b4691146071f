"""Who may use the panel: everybody, by eye, by ear, by keyboard, on a phone, without JavaScript."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from tests.imaging.originals import PNG
from tests.live.browser import NARROW, WIDE, PanelTestCase
from tests.live.machine import ADDRESS
from tests.live.mails import make_mail
from tests.live.swaks import DELIVERED, MAIL_REFUSED, swaks

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

_FUNCTIONS = "/functions"
_NETWORK = f"{_FUNCTIONS}/system-settings/network-settings"
_EMAIL = f"{_NETWORK}/e-mail-i-fax"
_MENUS = (
    _FUNCTIONS,
    f"{_FUNCTIONS}/system-settings",
    _NETWORK,
    _EMAIL,
    f"{_EMAIL}/authent-encryption",
    f"{_EMAIL}/receiving-mac-address-settings",
    f"{_FUNCTIONS}/service-mode",
)

_RUN_AXE = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
  const found = await axe.run(document, {
    runOnly: { type: "tag", values: tags },
    rules: { "target-size": { enabled: true } },
    resultTypes: ["violations"],
  });
  return {
    rules: found.passes.length,
    violations: found.violations.flatMap((rule) => rule.nodes.map(
      (node) => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`)),
  };
}"""

# What has the focus: its place in the page, its name, whether one sees that it has it, and it.
_FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const shown = one.matches(".choice input") ? one.nextElementSibling : one;
  const style = getComputedStyle(shown);
  const box = shown.getBoundingClientRect();
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return {
    place: [...document.querySelectorAll("*")].indexOf(one),
    name: (one.labels?.[0] ?? one).textContent.trim() || one.name || one.tagName,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    uncovered: Boolean(at) && (shown.contains(at) || one.contains(at) || at.contains(shown)),
  };
}"""

# Every place where Tab has to come by: of a group of radio buttons, the chosen one.
_REACHABLE = """() => [...document.querySelectorAll("*")].flatMap((one, at) => {
  const key = one.matches("a[href], button, input, select, textarea, summary");
  const shown = one.checkVisibility({ visibilityProperty: true });
  const idle = one.disabled || one.type === "hidden" || (one.type === "radio" && !one.checked);
  return key && shown && !idle ? [at] : [];
})"""


class AccessTestCase(PanelTestCase):
    """A machine on which something has happened."""

    programs = (*PanelTestCase.programs, "swaks")

    async def start_used_machine(self) -> None:
        """Start a machine that has printed a mail, refused one, and sent one in vain."""
        await self.start_machine(
            printing={"loaded": True},
            email_ifax={"email_address": ADDRESS, "smtp_server": "127.0.0.1"},
            authent_encryption={"smtp_authentication": True, "display_auth_screen": True},
        )
        port = self.machine.smtp_port
        await self.machine.change({"service_mode.smtp_tx_port": port})
        told = await swaks(self, port, make_mail("printed", 1000))
        self.assertEqual(told.status, DELIVERED)
        await self.machine.printed_all(30)
        job = await self.machine.send(("p.png", PNG), to="nobody@elsewhere.test")
        self.assertEqual(job["result"], "NG")
        await self.machine.change({"authent_encryption.allow_ssl_smtp_receive": "ssl"})
        told = await swaks(self, port, make_mail("refused", 1000))
        self.assertEqual(told.status, MAIL_REFUSED)
        self.session = (await self.machine.last_session("smtp-receive"))["id"]

    @property
    def screens(self) -> tuple[str, ...]:
        """Every address of the panel's that shows a screen of its own."""
        return (
            *("/", "/mailbox", "/mailbox/5001", "/jobs", "/monitor", "/wire"),
            *("/wire?result=NG", "/wire?code=999", f"/sessions/{self.session}"),
            *_MENUS,
        )


class AxeTests(AccessTestCase):
    """What axe-core finds against WCAG 2.0, 2.1 and 2.2, levels A and AA."""

    timeout = 300

    async def test_screens(self) -> None:
        """No screen breaks a rule, in light and dark, wide and narrow."""
        await self.start_used_machine()
        await self.assert_nothing_found(self._walk)

    async def test_untouched(self) -> None:
        """No screen of a machine on which nothing has happened yet breaks a rule."""
        await self.start_machine(email_ifax={"smtp_receive": False})
        await self.assert_nothing_found(self._walk_untouched)

    async def test_refused(self) -> None:
        """No form that comes back with what is wrong breaks a rule."""
        await self.start_machine()
        await self.assert_nothing_found(self._refusals)

    async def assert_nothing_found(self, walk: Callable[[Page], list[str]]) -> None:
        """Walk through the panel in both schemes and sizes; axe finds nothing."""
        axe = resources.files("axe_playwright_python").joinpath("axe.min.js")
        self.axe = axe.read_text("utf-8")
        found: list[str] = []
        for scheme in ("light", "dark"):
            for size in (WIDE, NARROW):
                page = await self.open("/", size=size, color_scheme=scheme)
                # A text that is still arriving would be measured half transparent.
                await self.browse(lambda page=page: page.emulate_media(reduced_motion="reduce"))
                found += [f"{scheme} {size[0]} {one}" for one in await self.browse(walk, page)]
                await self.browse(page.context.close)
        self.assertEqual(found, [], "\n".join(found))

    def _walk(self, page: Page) -> list[str]:
        return [one for path in self.screens for one in self._judge(page, path)]

    def _walk_untouched(self, page: Page) -> list[str]:
        screens = ("/", "/mailbox", "/jobs", "/monitor", "/wire")
        return [one for path in screens for one in self._judge(page, path)]

    def _refusals(self, page: Page) -> list[str]:
        page.goto(_EMAIL)
        page.get_by_label("E-mail Address", exact=True).fill("no address")
        page.get_by_role("button", name="OK", exact=True).click()
        page.get_by_role("alert").wait_for()
        found = self._found(page, "a window")
        page.goto("/")
        page.get_by_label("Originals").set_input_files(
            {"name": "p.png", "mimeType": "image/png", "buffer": b"no picture"}
        )
        page.get_by_label("Address", exact=True).fill("no address")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_role("alert").wait_for()
        return found + self._found(page, "Send")

    def _judge(self, page: Page, path: str) -> list[str]:
        answer = page.goto(path)
        assert answer is not None
        self.assertEqual(answer.status, 200, path)
        return self._found(page, path)

    def _found(self, page: Page, where: str) -> list[str]:
        page.evaluate(self.axe)
        told: dict[str, Any] = page.evaluate(_RUN_AXE)
        # Where it had looked at nothing it would have found nothing.
        self.assertGreater(told["rules"], 10)
        return [f"{where} {one}" for one in told["violations"]]


class NarrowTests(AccessTestCase):
    """The panel at 320 px, which is also 1280 px magnified four times (WCAG 1.4.10)."""

    async def test_reflow(self) -> None:
        """No screen, and no part of one, has to be moved sideways to be read."""
        await self.start_used_machine()
        page = await self.open("/", size=(320, 844))
        for path in self.screens:
            self.assertEqual(await self.browse(self._too_wide, page, path), [], path)

    def _too_wide(self, page: Page, path: str) -> list[str]:
        page.goto(path)
        too_wide: list[str] = page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll("body *")]
              .filter((one) => one === document.documentElement
                || /auto|scroll/.test(getComputedStyle(one).overflowX))
              .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth)
              .map((one) => `${one.tagName} ${one.id} ${one.className}`)"""
        )
        return too_wide


class KeyboardTests(AccessTestCase):
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


class NoScriptTests(AccessTestCase):
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
        refused.first.get_by_role("link").click()
        return rows, page.locator(".transcript").inner_text()
