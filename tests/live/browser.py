"""A Chromium that looks at a machine's panel: it works in one thread of its own, and tells what it minds.

Playwright's pages may be touched in the thread that made them only: what a test does with
a page is a function that `browse` runs there, while the reactor goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from tests.imaging.originals import PNG
from tests.live.case import LiveTestCase
from tests.live.machine import ADDRESS, Machine, start_machine
from tests.live.mails import make_mail
from tests.live.programs import free_port, path_of
from tests.live.swaks import DELIVERED, MAIL_REFUSED, swaks

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

T = TypeVar("T")

WIDE, NARROW = (1280, 800), (390, 844)
PATIENCE = 15_000
"""Milliseconds that a page has for whatever is waited for."""

_FUNCTIONS = "/functions"
_NETWORK = f"{_FUNCTIONS}/system-settings/network-settings"
EMAIL = f"{_NETWORK}/e-mail-i-fax"
_MENUS = (
    _FUNCTIONS,
    f"{_FUNCTIONS}/system-settings",
    _NETWORK,
    EMAIL,
    f"{EMAIL}/authent-encryption",
    f"{EMAIL}/receiving-mac-address-settings",
    f"{_FUNCTIONS}/service-mode",
)

_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class PanelTestCase(LiveTestCase):
    """A machine, and a browser before its panel."""

    programs: tuple[str, ...] = ("chromium",)
    modules = ("playwright", "axe_playwright_python")
    machine: Machine

    def setUp(self) -> None:
        """Give the browser its thread."""
        super().setUp()
        self.dialogs: list[str] = []
        """What a page has asked in a window of the browser's own."""
        self.complaints: list[str] = []
        """What the browser's console has of errors and refusals."""
        self._threads = ThreadPool(1, 1, "browser")
        self._threads.start()
        self.addCleanup(self._threads.stop)
        self._browser: Any = None
        self.keep_evidence("console", lambda: "\n".join(self.complaints))

    async def browse(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do this in the browser's thread, and return what it gives."""
        done: T = await deferToThreadPool(self.reactor, self._threads, work, *arguments)
        return done

    async def start_machine(self, **details: Any) -> None:
        """Start the machine, at ports that it keeps when it is started again."""
        self.machine = await start_machine(
            self,
            smtp=f"tcp:{free_port()}:interface=127.0.0.1",
            panel=f"tcp:{free_port()}:interface=127.0.0.1",
            **details,
        )

    async def open(self, path: str = "/", **details: Any) -> Page:
        """Open a page of the panel in a window of its own; `details` are a context's."""
        return await self.browse(self._open, path, details)

    def _open(self, path: str, details: dict[str, Any]) -> Page:
        page = self.context(**details).new_page()
        page.goto(path)
        return page

    def context(self, size: tuple[int, int] = WIDE, **details: Any) -> BrowserContext:
        """Return a new window of the browser, with nothing of the others'; for its own thread."""
        if self._browser is None:
            self._launch()
        context: BrowserContext = self._browser.new_context(
            base_url=f"http://127.0.0.1:{self.machine.panel_port}",
            viewport={"width": size[0], "height": size[1]},
            **details,
        )
        context.set_default_timeout(PATIENCE)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.complaints.append(f"error: {error.error}"))
        context.on("dialog", self._asked)
        return context

    def _launch(self) -> None:
        from playwright.sync_api import sync_playwright

        playwright = sync_playwright().start()
        self.addCleanup(self.browse, playwright.stop)
        # Its profile is a new and empty directory of Playwright's.
        self._browser = playwright.chromium.launch(
            executable_path=path_of("chromium"), args=_ARGUMENTS
        )
        self.addCleanup(self.browse, self._browser.close)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


class UsedPanelTestCase(PanelTestCase):
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
            *("/", "/?q=printed", "/?q=nothing", "/send", "/mailbox", "/mailbox/5001"),
            *("/mails/1", "/jobs", "/monitor", "/wire", "/faults"),
            *("/wire?result=NG", "/wire?code=999", f"/sessions/{self.session}"),
            *_MENUS,
        )
