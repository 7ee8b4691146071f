"""The panel as axe-core and a narrow window judge it: for who sees it otherwise, or hears it."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Factory, Protocol

from tests.imaging.originals import PNG
from tests.live.browser import EMAIL, NARROW, WIDE, UsedPanelTestCase
from tests.live.machine import ADDRESS
from tests.probe.servers import PASSWORD, USER, Script, SMTPSession, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

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


class AxeTests(UsedPanelTestCase):
    """What axe-core finds against WCAG 2.0, 2.1 and 2.2, levels A and AA."""

    timeout = 600

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

    async def test_probe(self) -> None:
        """The table of a probe breaks no rule, nor does its form that comes back with what is wrong."""
        await self.start_machine()
        script = Script(replies={"RCPT": "550 No"}, plain=("STARTTLS",))
        state = await self.machine.probe(
            url=f"smtp://127.0.0.1:{serve(self, SMTPSession, script)}",
            to=[ADDRESS],
            user=USER,
            password=PASSWORD,
            models=["ir2270", "estudio190f"],
            pause=0,
        )
        self.assertEqual(state["problem"], "")
        await self.assert_nothing_found(self._probe)

    def _probe(self, page: Page) -> list[str]:
        found = self._judge(page, "/probe")
        page.get_by_text("does not pass").first.wait_for()
        page.get_by_label("Server", exact=True).fill("relay")
        page.get_by_role("button", name="Begin", exact=True).click()
        page.get_by_role("alert").wait_for()
        return found + self._found(page, "a refused probe")

    async def test_moments(self) -> None:
        """No screen breaks a rule while a job runs, paper is out, originals lie there, or all is gone."""
        silent = self.reactor.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
        self.addCleanup(silent.stopListening)
        await self.start_machine(
            email_ifax={"email_address": ADDRESS, "smtp_server": "127.0.0.1"},
            service_mode={"smtp_tx_port": silent.getHost().port},
        )
        job = await self.machine.send(("p.png", PNG), to=ADDRESS, wait=False)
        await self.machine.until_job(job["number"], ("running",), 10)
        await self.machine.put_paper(False)
        await self.assert_nothing_found(self._moments)

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

    async def test_docs(self) -> None:
        """The documentation of the API breaks no rule, closed and with a request open and carried out."""
        await self.start_machine()
        await self.assert_nothing_found(self._docs)

    def _docs(self, page: Page) -> list[str]:
        page.goto("/api/docs")
        status = page.locator("#operations-Status_line-status")
        status.wait_for()
        found = self._found(page, "docs")
        status.get_by_role("button").first.click()
        page.locator("#operations-Receiving_and_sending-send").get_by_role(
            "button"
        ).first.click()
        status.get_by_role("button", name="Try it out").click()
        status.get_by_role("button", name="Execute").click()
        status.locator(".live-responses-table").wait_for()
        return found + self._found(page, "docs, opened")

    def _walk_untouched(self, page: Page) -> list[str]:
        screens = ("/", "/send", "/mailbox", "/jobs", "/monitor", "/wire", "/probe")
        return [one for path in screens for one in self._judge(page, path)]

    def _refusals(self, page: Page) -> list[str]:
        page.goto(EMAIL)
        page.get_by_label("E-mail Address", exact=True).fill("no address")
        page.get_by_role("button", name="OK", exact=True).click()
        page.get_by_role("alert").wait_for()
        found = self._found(page, "a window")
        page.goto("/send")
        page.locator("input[name=page]").set_input_files(
            {"name": "p.png", "mimeType": "image/png", "buffer": b"no picture"}
        )
        page.get_by_label("Address", exact=True).fill("no address")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_role("alert").wait_for()
        return found + self._found(page, "Send")

    def _moments(self, page: Page) -> list[str]:
        found = self._judge(page, "/mailbox")
        page.get_by_text("There is no paper").wait_for()
        found += self._judge(page, "/jobs")
        page.get_by_role("button", name="Cancel job 0001").wait_for()
        page.goto("/send")
        page.locator("input[name=page]").set_input_files(
            [
                {"name": "p.png", "mimeType": "image/png", "buffer": PNG},
                {"name": "p.pdf", "mimeType": "application/pdf", "buffer": b""},
            ]
        )
        page.get_by_role("listitem").filter(has_text="p.pdf").wait_for()
        found += self._found(page, "the glass")
        # As the page does it when the machine does not answer.
        page.evaluate("() => { document.getElementById('gone').hidden = false; }")
        return found + self._found(page, "gone")

    def _judge(self, page: Page, path: str) -> list[str]:
        answer = page.goto(path)
        assert answer is not None
        self.assertEqual(answer.status, 200, path)
        return self._found(page, path)

    def _found(self, page: Page, where: str) -> list[str]:
        # What lies under the keys of a narrow page can be scrolled; at its end nothing does.
        page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
        page.evaluate(self.axe)
        told: dict[str, Any] = page.evaluate(_RUN_AXE)
        # Where it had looked at nothing it would have found nothing.
        self.assertGreater(told["rules"], 10)
        return [f"{where} {one}" for one in told["violations"]]


class NarrowTests(UsedPanelTestCase):
    """The panel at 320 px, which is also 1280 px magnified four times (WCAG 1.4.10)."""

    async def test_reflow(self) -> None:
        """No screen, and no part of one, has to be moved sideways to be read; at other widths neither."""
        await self.start_used_machine()
        for size in ((320, 844), NARROW, (1040, 800), WIDE):
            page = await self.open("/", size=size)
            for path in self.screens:
                self.assertEqual(
                    await self.browse(self._too_wide, page, path), [], (size, path)
                )

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
