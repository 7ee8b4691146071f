"""Who may use the panel, over real TCP."""

from __future__ import annotations

import base64
import os
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from irsend.addresses import is_loopback
from irsend.panel import PanelOptions
from irsend.panel.site import PanelRequest
from tests.panel.served import Answer, ServedPanel


class FromElsewhere(PanelRequest):
    """A request from another computer."""

    def getClientAddress(self) -> IPv4Address:
        """Return an address of the documentation network (RFC 5737)."""
        return IPv4Address("TCP", "192.0.2.9", 40_000)


class ByUNIXSocket(PanelRequest):
    """A request that came by a UNIX socket."""

    def getClientAddress(self) -> UNIXAddress:
        """Return an address without a host."""
        return UNIXAddress(None)


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    """Return the header that carries a password."""
    octets = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {octets}"}


class LoopbackTests(SynchronousTestCase):
    """What is loopback."""

    def test_addresses(self) -> None:
        """127/8 and ::1 are loopback, also one within the other; nothing else is."""
        for peer in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "::1%lo"):
            self.assertTrue(is_loopback(peer), peer)
        for peer in (
            "192.0.2.9",
            "::ffff:192.0.2.9",
            "fe80::1%eth0",
            "0.0.0.0",
            "",
            "localhost",
        ):
            self.assertFalse(is_loopback(peer), peer)


class WithoutPasswordTests(ServedPanel):
    """No password is set."""

    async def test_other_machine(self) -> None:
        """Another computer is refused, for reading too; only /healthz is open."""
        self.site.requestFactory = FromElsewhere
        for path in ("/", "/api/status", "/api/openapi.json", "/static/panel.css", "/nothing"):
            problem = await self.refused(403, "GET", path)
            self.assertIn("loopback", problem["detail"])
        self.assertEqual((await self.ask("GET", "/healthz")).status, 200)
        await self.refused(403, "GET", "/healthz/")
        await self.refused(403, "GET", "/healthz?x=1/../api/status".replace("?x=1", "/x"))

    async def test_forwarded(self) -> None:
        """Headers such as X-Forwarded-For do not make a peer loopback."""
        self.site.requestFactory = FromElsewhere
        headers = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
        await self.refused(403, "GET", "/api/status", headers=headers)

    async def test_socket_file(self) -> None:
        """A peer on a UNIX socket is admitted: the file's mode decides."""
        self.site.requestFactory = ByUNIXSocket
        self.assertEqual((await self.ask("GET", "/api/status")).status, 200)

    async def test_names(self) -> None:
        """The panel is called by an address, localhost, or a name of the machine."""
        for host in (
            "127.0.0.1",
            "127.0.0.1:8631",
            "[::1]:8631",
            "192.0.2.9",
            "LOCALHOST:8631",
            "panel.bench.test",
            "Panel.Bench.Test:80",
        ):
            answer = await self.ask("GET", "/api/status", headers={"Host": host})
            self.assertEqual(answer.status, 200, host)

    async def test_rebinding(self) -> None:
        """Any other host name is refused, as it is what DNS rebinding brings."""
        for host in (
            "evil.test",
            "localhost.evil.test",
            "panel.bench.test.evil.test:8631",
            "127.1.evil",
        ):
            problem = await self.refused(403, "GET", "/api/status", headers={"Host": host})
            self.assertIn("no name of this machine", problem["detail"])
            await self.refused(403, "GET", "/", headers={"Host": host})

    async def test_malformed_host(self) -> None:
        """A Host header that is no host is a 400."""
        for host in (
            "a b",
            "user@localhost",
            "localhost/x",
            "a..b",
            "x" * 64,
            "[::1",
            "caf\u00e9",
        ):
            await self.refused(400, "GET", "/api/status", headers={"Host": host})
        await self.refused(400, "GET", "/api/status", headers={"Host": ""})
        await self.refused(400, "GET", "/", headers={"HOST": "localhost"})

    async def test_old_client(self) -> None:
        """An HTTP/1.0 program may leave the Host header out."""
        wire = await self.connect()
        wire.transport.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertIn(b" 200 OK\r\n", await wire.closed)


class OriginTests(ServedPanel):
    """Pages of other origins."""

    async def change(self, headers: dict[str, str]) -> Answer:
        """Ask for a change."""
        return await self.ask("PATCH", "/api/settings", {"email_ifax.pop": True}, headers)

    async def test_own_page(self) -> None:
        """The panel's own page changes settings, and so does a program that is no browser."""
        own = f"http://{self.where}"
        for headers in (
            {},
            {"Origin": own},
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
            {"Sec-Fetch-Site": "same-origin", "Origin": own.upper().replace("HTTP", "http")},
        ):
            self.assertEqual((await self.change(headers)).status, 200, headers)

    async def test_other_page(self) -> None:
        """A page of any other origin changes nothing, by whatever method."""
        own = f"http://{self.where}"
        for headers in (
            {"Origin": "http://evil.test"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Origin": own + ".evil.test"},
            {"Origin": own.replace("http", "ftp")},
            {"Origin": "http://["},
            {"Origin": "caf\u00e9"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site", "Origin": own},
            {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.test"},
        ):
            self.assertEqual((await self.change(headers)).status, 403, headers)
            for method, path in (
                ("DELETE", "/api/status"),
                ("POST", "/api/receive"),
                ("POST", "/api/factory-reset"),
                ("POST", "/settings/email_ifax"),
                ("POST", "/clear"),
                # A method is routed in any case, so it is guarded in any case.
                ("delete", "/api/status"),
                ("post", "/api/factory-reset"),
                ("pOST", "/settings/email_ifax"),
            ):
                await self.refused(403, method, path, headers=headers)
        self.assertIs(self.machine.device.settings.email_ifax.pop, False)
        self.assertEqual(self.machine.resets, 0)

    async def test_nothing_shared(self) -> None:
        """No response allows another origin's script to read it."""
        headers = (
            await self.ask("GET", "/api/status", headers={"Origin": "http://evil.test"})
        ).headers
        self.assertFalse([name for name in headers if name.startswith("access-control")])
        self.assertEqual(headers["cross-origin-resource-policy"], "same-origin")


class WithPasswordTests(ServedPanel):
    """A password is set."""

    password = "sesame \u2013 open"

    async def test_asked_for(self) -> None:
        """Without the password only /healthz is open, also from loopback."""
        for path in ("/", "/api/status", "/api/events", "/static/panel.js", "/nothing"):
            answer = await self.ask("GET", path)
            self.assertEqual(answer.status, 401)
            self.assertEqual(answer.headers["content-type"], "application/problem+json")
            self.assertIn('Basic realm="irsend"', answer.headers["www-authenticate"])
        self.assertEqual((await self.ask("GET", "/healthz")).status, 200)

    async def test_right(self) -> None:
        """The right password is accepted with any user name, peer and host name."""
        self.site.requestFactory = FromElsewhere
        for user in ("", "anybody", "7654321"):
            headers = {**basic(self.password, user), "Host": "printer.office.test"}
            self.assertEqual(
                (await self.ask("GET", "/api/status", headers=headers)).status, 200
            )

    async def test_wrong(self) -> None:
        """A wrong or unreadable credential is a 401."""
        for headers in (
            basic("sesame"),
            {"Authorization": "Basic !!!"},
            {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
            {"Authorization": "Bearer sesame"},
            {"Authorization": "Basic"},
        ):
            await self.refused(401, "GET", "/api/status", headers=headers)

    async def test_guessing(self) -> None:
        """After five wrong passwords a peer gets 429; the right password that was used before goes on."""
        self.assertEqual(
            (await self.ask("GET", "/api/status", headers=basic(self.password))).status, 200
        )
        for _ in range(5):
            await self.refused(401, "GET", "/api/status", headers=basic(os.urandom(4).hex()))
        await self.refused(429, "GET", "/api/status", headers=basic("sixth"))
        answer = await self.ask("GET", "/api/status", headers=basic(self.password))
        self.assertEqual(answer.status, 200)
        self.clock.advance(11)
        await self.refused(401, "GET", "/api/status", headers=basic("seventh"))

    async def test_origin_still_counts(self) -> None:
        """A page of another origin is refused though the browser sends the password."""
        headers = {**basic(self.password), "Origin": "http://evil.test"}
        await self.refused(403, "DELETE", "/api/status", headers=headers)

    async def test_changed(self) -> None:
        """After a change of the password the old one is refused, and event streams end."""
        self.assertEqual(
            (await self.ask("GET", "/api/status", headers=basic(self.password))).status, 200
        )
        wire = await self.connect()
        credential = basic(self.password)["Authorization"]
        wire.transport.write(
            f"GET /api/events HTTP/1.1\r\nHost: {self.where}\r\nConnection: close\r\n"
            f"Authorization: {credential}\r\n\r\n".encode()
        )
        await wire.until(b"retry")
        self.site.change_options(PanelOptions(password="another"))
        await wire.closed
        await self.refused(401, "GET", "/api/status", headers=basic(self.password))
        answer = await self.ask("GET", "/api/status", headers=basic("another"))
        self.assertEqual(answer.status, 200)

    async def test_not_in_repr(self) -> None:
        """The password is in no repr."""
        await self.ask("GET", "/", headers=basic(self.password))
        told: list[Any] = [self.site, self.site.resource, self.site._access]
        for one in told:
            self.assertNotIn("sesame", repr(one))
