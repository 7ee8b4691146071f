"""The panel's first screen in a browser, the page of a mail, the clock, and the API's documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.live.browser import NARROW, PATIENCE, WIDE, PanelTestCase
from tests.live.dialogues import RefusalError, submit
from tests.live.machine import ADDRESS
from tests.live.mails import Mail
from tests.time_zones import CENTRAL_EUROPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

_SUBJECT = "四半期の売上報告書を添付しますのでご確認のうえ来週の会議までにご返信ください"
_SENDER = "the.office.of.the.architect@the-third-floor.of-the-office.test"
_SCRIPT = "<script>alert('mail')</script><img src=http://elsewhere.test/x.png>"
_MAIL = Mail(
    "first",
    (
        f"From: {_SENDER}\r\nTo: <{ADDRESS}>\r\nSubject: {_SUBJECT}\r\n"
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <first@client.test>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        f"<p>The <b>toner</b> is out.</p>{_SCRIPT}\r\n"
        "--b\r\nContent-Type: text/html\r\n"
        f'Content-Disposition: attachment; filename="page.html"\r\n\r\n{_SCRIPT}\r\n'
        "--b--\r\n"
    ).encode(),
)
# How much of a picture is darker than paper, from 0 to 1.
_INK = """async (image) => {
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const drawing = canvas.getContext("2d");
  drawing.drawImage(image, 0, 0);
  const { data } = drawing.getImageData(0, 0, canvas.width, canvas.height);
  let dark = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] < 160) dark += 1;
  return dark / (data.length / 4);
}"""


class ReceivedCase(PanelTestCase):
    """A machine in Central Europe that prints."""

    async def start_printing(self, **details: Any) -> None:
        """Start the machine with paper in it."""
        await self.start_machine(
            printing={"loaded": True},
            email_ifax={"email_address": ADDRESS},
            environment={"TZ": CENTRAL_EUROPE},
            **details,
        )

    async def deliver(self, mail: Mail = _MAIL) -> None:
        """Deliver a mail, and wait until it is printed."""
        await submit(self.reactor, self.machine.smtp_port, mail, ADDRESS)
        await self.machine.printed_all(30)

    def requests(self, page: Page) -> list[str]:
        """Note the addresses outside the machine that a page asks for; those in a page's own do not count."""
        outside: list[str] = []
        own = (f"http://127.0.0.1:{self.machine.panel_port}/", "data:", "blob:")
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(own) else outside.append(asked.url),
        )
        return outside


class FirstScreenTests(ReceivedCase):
    """What arrived."""

    async def test_live(self) -> None:
        """A mail comes onto the open page by itself, with a picture that shows its ink; a search finds it."""
        await self.start_printing()
        page = await self.open("/")
        await self.deliver()
        ink = await self.browse(self._ink, page)
        self.assertGreater(ink, 0.01)
        for java_script in (True, False):
            other = await self.open("/", java_script_enabled=java_script)
            found = await self.browse(self._search, other)
            self.assertEqual(found, [1, 0])

    def _ink(self, page: Page) -> float:
        picture = page.locator("#received .picture img").first
        picture.wait_for()
        ink: float = picture.evaluate(_INK)
        return ink

    def _search(self, page: Page) -> list[int]:
        counts = []
        for sought in ("TONER is", "nothing of it"):
            page.get_by_role("searchbox").fill(sought)
            page.get_by_role("button", name="Search").click()
            page.wait_for_url("**/?q=*")
            page.get_by_text(f"with “{sought}”").wait_for()
            counts.append(page.locator("#received li").count())
        return counts

    async def test_mail(self) -> None:
        """A mail of markup is shown as text beside its document; nothing of it runs or is asked for."""
        await self.start_printing()
        await self.deliver()
        page = await self.open("/")
        outside = self.requests(page)
        shown = await self.browse(self._read, page)
        self.assertIn("The toner is out.", shown["text"])
        self.assertIn(_SCRIPT, shown["source"])
        self.assertIn("first@client.test", shown["headers"])
        self.assertEqual(shown["download"], "page.html")
        self.assertEqual((outside, self.dialogs, self.complaints), ([], [], []))

    def _read(self, page: Page) -> dict[str, str]:
        page.get_by_role("link", name="Mail 5001").click()
        page.get_by_role("heading", name=_SUBJECT).wait_for()
        page.locator(".pages img").wait_for()
        page.get_by_text("Headers", exact=True).click()
        page.get_by_text("Source", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("link", name="page.html").click()
        return {
            "text": page.get_by_role("region", name="Text").inner_text(),
            "source": page.get_by_role("region", name="Source").inner_text(),
            "headers": page.locator(".headers").inner_text(),
            "download": download.value.suggested_filename,
        }

    async def test_clock(self) -> None:
        """Times are the machine's; one click shows UTC, here and on each later page of this browser."""
        await self.start_printing()
        await self.deliver()
        page = await self.open("/wire")
        local, utc, later, again = await self.browse(self._clocks, page)
        hours = [int(one[1][:2]) for one in (local, utc, later, again)]
        self.assertIn((hours[0] - hours[1]) % 24, (1, 2))
        self.assertEqual([hours[1], hours[0]], hours[2:])
        self.assertIn(local[0], ("CET", "CEST"))
        self.assertEqual([one[0] for one in (utc, later, again)], ["UTC", "UTC", local[0]])

    def _clocks(self, page: Page) -> list[list[str]]:
        shown = """() => [".zone", "#sessions tbody time"].map(
          (one) => document.querySelector(one).textContent)"""
        seen = [page.evaluate(shown)]
        page.get_by_role("link", name="UTC").click()
        seen.append(page.evaluate(shown))
        page.goto("/")
        seen.append(page.evaluate(shown))
        page.locator("[data-chooses=local]").click()
        return [*seen, page.evaluate(shown)]


class NarrowTests(ReceivedCase):
    """The panel on a phone, of 390 dots."""

    async def test_within_reach(self) -> None:
        """On each screen the status text has two lines at most, and the keys are on the display."""
        await self.start_printing(authent_encryption={"allow_ssl_smtp_receive": "ssl"})
        with self.assertRaises(RefusalError):
            await submit(self.reactor, self.machine.smtp_port, _MAIL, ADDRESS)
        page = await self.open("/", size=NARROW)
        session = (await self.machine.last_session("smtp-receive"))["id"]
        for path in ("/", "/send", "/mailbox", "/jobs", "/wire", f"/sessions/{session}"):
            lines, text, keys = await self.browse(self._measure, page, path)
            self.assertEqual(text, "SSL Error (SMTP RX Reject)")
            self.assertIn(lines, (1, 2), path)
            self.assertEqual(len(keys), 6, path)
            for top, bottom in keys:
                self.assertTrue(0 <= top < bottom <= NARROW[1], f"{path} {top} {bottom}")

    def _measure(self, page: Page, path: str) -> tuple[int, str, list[list[float]]]:
        page.goto(path)
        line = page.locator("#status .line")
        told: list[Any] = line.evaluate(
            """line => {
              const range = document.createRange();
              range.selectNodeContents(line);
              const tops = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
              const keys = [...document.querySelectorAll(".hard-key")].filter((key) => key.checkVisibility());
              return [tops.size, line.textContent, keys.map((key) => {
                const { top, bottom } = key.getBoundingClientRect();
                return [top, bottom];
              })];
            }"""
        )
        return told[0], told[1], told[2]

    async def test_addresses(self) -> None:
        """A long address ends its lines before a mark, and never within a word; nothing moves sideways."""
        await self.start_printing()
        await self.deliver()
        page = await self.open("/", size=NARROW)
        for path, place in (
            ("/", ".arrivals .from"),
            ("/mailbox", ".sheets .from"),
            ("/mailbox/5001", ".facts dd"),
            ("/mails/1", ".mail-facts dd"),
        ):
            lines, width = await self.browse(self._lines, page, path, place)
            self.assertGreater(len(lines), 1, path)
            for line in lines[1:]:
                self.assertIn(line[0], "@.-", (path, lines))
            self.assertLessEqual(width, NARROW[0], path)

    def _lines(self, page: Page, path: str, place: str) -> tuple[list[str], int]:
        page.goto(path)
        told: list[Any] = (
            page.locator(place)
            .filter(has_text=_SENDER)
            .first.evaluate(
                """one => {
                  const lines = [];
                  let last = null;
                  for (const node of one.childNodes) {
                    for (let at = 0; at < (node.length ?? 0); at += 1) {
                      const range = document.createRange();
                      range.setStart(node, at);
                      range.setEnd(node, at + 1);
                      const top = Math.round(range.getBoundingClientRect().top);
                      // A hyphen ends a line itself.
                      if (top !== last) lines.push(lines.at(-1)?.endsWith("-") ? "-" : "");
                      last = top;
                      lines[lines.length - 1] += node.data[at];
                    }
                  }
                  return [lines, document.documentElement.scrollWidth];
                }"""
            )
        )
        return told[0], told[1]


class DocsTests(ReceivedCase):
    """The documentation of the API."""

    async def test_swagger_ui(self) -> None:
        """The page lists the requests and carries one out; nothing outside is asked, no policy is broken."""
        await self.start_machine()
        page = await self.open("/monitor")
        outside = self.requests(page)
        shown = await self.browse(self._try, page)
        self.assertIn('"model": "ir2270"', shown)
        self.assertEqual((outside, self.complaints), ([], []))

    def _try(self, page: Page) -> str:
        page.goto("/api")
        page.wait_for_url("**/api/docs")
        status = page.locator("#operations-Status_line-status")
        status.get_by_role("button").first.click()
        status.get_by_role("button", name="Try it out").click()
        status.get_by_role("button", name="Execute").click()
        answer = status.locator(".live-responses-table pre", has_text="ir2270")
        answer.first.wait_for(timeout=PATIENCE)
        return answer.first.inner_text()

    async def test_without_script(self) -> None:
        """Without JavaScript the page is a table of all requests."""
        await self.start_machine()
        page = await self.open("/api/docs", java_script_enabled=False, size=WIDE)
        rows: Callable[[], int] = page.locator("tbody tr").count
        described = (await self.machine.get("/api/openapi.json"))["paths"]
        self.assertEqual(await self.browse(rows), sum(map(len, described.values())))
