"""The routes under /api, over real TCP."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from irsend.device import model_names
from irsend.device.status import StatusText
from irsend.errors import CannotDraw
from irsend.machine_interface import IMachine
from tests.panel.machine import NOW, MachineDouble, device_of, said
from tests.panel.served import ServedPanel

CONTRACT_OF_SESSION = (
    "id kind peer mac tls auth choice result code code_text status_line started ended "
    "bytes reason messages"
)
CONTRACT_OF_JOB = (
    "number direction kind party subject pages result code code_text reason size recipients "
    "sessions started ended"
)


class StatusTests(ServedPanel):
    """The status line."""

    def test_double(self) -> None:
        """The double has every method of IMachine with its signature."""
        verifyObject(IMachine, self.machine)

    async def test_empty_line(self) -> None:
        """A machine without errors has an empty status line and is ready."""
        answer = await self.ask("GET", "/api/status")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(
            answer.json(),
            {
                "model": "ir2270",
                "title": "Canon imageRUNNER 2270",
                "status_line": "",
                "state": "ready",
                "memory": {"used": 3_000_000, "capacity": 512_000_000},
                "paper": True,
                "disk_failure": "",
                "since": None,
                "cause": None,
                "next_login": None,
                "mac_filter": {"on": False, "way": "kernel", "dropped": 3},
            },
        )

    async def test_disk_fails(self) -> None:
        """While the disk fails /healthz is 503 with the reason, the status has it, and the panel shows it."""
        self.machine.device.disk_changed("/state/memory: Input/output error")
        health = await self.ask("GET", "/healthz")
        self.assertEqual(health.status, 503)
        self.assertEqual(
            health.json(),
            {
                "status": "failing",
                "reason": "The disk fails: /state/memory: Input/output error",
            },
        )
        status = (await self.ask("GET", "/api/status")).json()
        self.assertEqual(status["disk_failure"], "/state/memory: Input/output error")
        page = await self.ask("GET", "/monitor", headers={"Accept": "text/html"})
        self.assertIn(b"Fails</strong>: /state/memory: Input/output error", page.body)
        self.machine.device.disk_changed("")
        self.assertEqual((await self.ask("GET", "/healthz")).status, 200)
        page = await self.ask("GET", "/monitor", headers={"Accept": "text/html"})
        self.assertNotIn(b"Fails</strong>", page.body)

    async def test_shown_then_cleared(self) -> None:
        """DELETE clears the text from the line; the history keeps it."""
        session = self.machine.device.session_began("smtp-receive", "192.0.2.7")
        self.machine.device.show_status(StatusText.SMTP_RX_REJECT, session.id)
        shown = (await self.ask("GET", "/api/status")).json()
        self.assertEqual(shown["status_line"], "SSL Error (SMTP RX Reject)")
        cause = shown["cause"]
        self.assertEqual(cause["setting"], "authent_encryption.allow_ssl_smtp_receive")
        self.assertEqual(cause["label"], "Allow SSL (SMTP Receive)")
        self.assertIn("refused with a 530", cause["meaning"])
        self.assertIn("At the server that sends", cause["remedy"])
        self.assertEqual(shown["state"], "receiving")
        self.assertEqual(shown["since"], "2026-11-22T10:16:52.123+00:00")
        cleared = await self.ask("DELETE", "/api/status")
        self.assertEqual((cleared.status, cleared.body), (204, b""))
        self.assertEqual((await self.ask("GET", "/api/status")).json()["status_line"], "")
        history = (await self.ask("GET", "/api/status/history")).json()
        self.assertEqual(
            history,
            [
                {
                    "at": "2026-11-22T10:16:52.123+00:00",
                    "text": "SSL Error (SMTP RX Reject)",
                    "session": 1,
                }
            ],
        )

    async def test_health(self) -> None:
        """/healthz is a 503 while the machine is powered off."""
        self.assertEqual((await self.ask("GET", "/healthz")).json(), {"status": "ok"})
        self.machine.device.running = False
        await self.refused(503, "GET", "/healthz")


class SettingsTests(ServedPanel):
    """Settings windows."""

    async def test_windows(self) -> None:
        """Every item of the model is in its window with its whole key, in order."""
        windows = (await self.ask("GET", "/api/settings")).json()["windows"]
        self.assertEqual(
            [set(window) for window in windows], [{"key", "label", "path", "items"}] * 5
        )
        keys = [item["key"] for window in windows for item in window["items"]]
        self.assertEqual(keys, self.machine.device.model.items())
        self.assertEqual(
            windows[1]["path"],
            [
                "Additional Functions",
                "System Settings",
                "Network Settings",
                "E-mail/I-Fax",
                "Authent./Encryption",
            ],
        )

    async def test_near(self) -> None:
        """A wrong key, window, word or query parameter is answered with the nearest right one."""
        refused = await self.ask(
            "PATCH",
            "/api/settings",
            {"allow_ssl_pop": "on", "authent_encryption.allow_ssl_smtp_receive": "onn"},
        )
        self.assertEqual(
            [one["problem"] for one in refused.json()["errors"]],
            [
                "there is no such setting; did you mean authent_encryption.allow_ssl_pop?",
                "'onn' is not allowed; allowed: off, on or ssl; did you mean on?",
            ],
        )
        for path, meant in (
            ("/api/settings/authent_encription", "authent_encryption"),
            ("/api/settings/email_ifax.pop", "email_ifax"),
            ("/api/settings/allow_ssl_pop", "authent_encryption"),
            ("/api/jobs?limmit=5", "limit"),
            ("/api/sessions?kind=smtp-recieve", "smtp-receive"),
        ):
            detail = (await self.ask("GET", path)).json()["detail"]
            self.assertTrue(detail.endswith(f"; did you mean {meant}?"), detail)

    async def test_one_window(self) -> None:
        """One window has the form that it has among all."""
        windows = (await self.ask("GET", "/api/settings/authent_encryption")).json()["windows"]
        self.assertEqual([window["key"] for window in windows], ["authent_encryption"])
        items = {item["key"]: item for item in windows[0]["items"]}
        self.assertEqual(
            items["authent_encryption.allow_ssl_smtp_receive"],
            {
                "key": "authent_encryption.allow_ssl_smtp_receive",
                "label": "Allow SSL (SMTP Receive)",
                "type": "choice",
                "value": "off",
                "default": "off",
                "allowed": ["off", "on", "ssl"],
                "secret": False,
                "help": "Off hides STARTTLS; On offers it; SSL refuses mail in plain text.",
            },
        )
        on_off = items["authent_encryption.allow_ssl_pop"]
        self.assertEqual(
            (on_off["type"], on_off["value"], on_off["allowed"]),
            ("choice", False, [False, True]),
        )

    async def test_no_such_window(self) -> None:
        """An unknown window is a 404 that names the windows."""
        problem = await self.refused(404, "GET", "/api/settings/toner")
        self.assertIn("email_ifax", problem["detail"])

    async def test_absent_window(self) -> None:
        """A window of which the model has no item is absent."""
        self.machine.device = device_of("estudio190f")
        keys = [
            one["key"] for one in (await self.ask("GET", "/api/settings")).json()["windows"]
        ]
        self.assertNotIn("receiving_mac_address", keys)
        await self.refused(404, "GET", "/api/settings/receiving_mac_address")

    async def test_change(self) -> None:
        """PATCH changes the keys that it names, and returns those that have changed."""
        given = {
            "authent_encryption.allow_ssl_pop": True,
            "authent_encryption.allow_ssl_smtp_receive": "ssl",
            "email_ifax.pop_interval": 0,
            "receiving_mac_address.addresses": ["00-00-85-12-34-56"],
        }
        answer = await self.ask("PATCH", "/api/settings", given)
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.json(),
            {
                "changed": {
                    "authent_encryption.allow_ssl_pop": True,
                    "authent_encryption.allow_ssl_smtp_receive": "ssl",
                    "receiving_mac_address.addresses": ["00:00:85:12:34:56"],
                }
            },
        )
        self.assertIs(self.machine.device.settings.authent_encryption.allow_ssl_pop, True)

    async def test_all_or_nothing(self) -> None:
        """One wrong value prevents all changes; each wrong key is named."""
        given = {
            "email_ifax.pop": True,
            "email_ifax.pop_interval": 100,
            "email_ifax.colour": "red",
            "authent_encryption.verify_pop": True,
        }
        problem = await self.refused(422, "PATCH", "/api/settings", given)
        self.assertEqual(
            {error["key"] for error in problem["errors"]}, set(given) - {"email_ifax.pop"}
        )
        self.assertTrue(all(error["problem"] for error in problem["errors"]))
        self.assertIs(self.machine.device.settings.email_ifax.pop, False)

    async def test_secret(self) -> None:
        """A secret can be written and is in no response, refused or not."""
        secret = "correct horse"
        answer = await self.ask("PATCH", "/api/settings", {"email_ifax.pop_password": secret})
        self.assertEqual(answer.json(), {"changed": {"email_ifax.pop_password": None}})
        everything = await self.ask("GET", "/api/settings")
        self.assertNotIn(secret, everything.text)
        window = everything.json()["windows"][0]
        item = next(one for one in window["items"] if one["key"] == "email_ifax.pop_password")
        self.assertEqual((item["value"], item["default"], item["set"]), (None, None, True))
        too_long = {"email_ifax.pop_password": secret * 10}
        answer = await self.ask("PATCH", "/api/settings", too_long)
        self.assertEqual(answer.status, 422)
        self.assertNotIn(secret, answer.text)

    async def test_factory_reset(self) -> None:
        """POST /api/factory-reset restores the model's settings."""
        await self.ask("PATCH", "/api/settings", {"email_ifax.pop": True})
        answer = await self.ask("POST", "/api/factory-reset")
        self.assertEqual((answer.status, self.machine.resets), (204, 1))
        self.assertIs(self.machine.device.settings.email_ifax.pop, False)


class BodyTests(ServedPanel):
    """Bodies that are refused."""

    async def test_not_json(self) -> None:
        """A body that is no JSON object is a 400."""
        for body in (
            b"{",
            b"[]",
            b'"on"',
            b"\xff\xfe",
            b"",
            b'{"a": NaN}',
            b"[" * 100_000,
            b'{"email_ifax.pop": true, "email_ifax.pop": false}',
            b'{"email_ifax.default_subject": "\\ud800"}',
            b'{"email_ifax.pop_interval": ' + b"9" * 5000 + b"}",
        ):
            await self.refused(400, "PATCH", "/api/settings", body)

    async def test_other_type(self) -> None:
        """A body of another Content-Type than JSON is a 415: a form of another origin cannot send one."""
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            problem = await self.refused(
                415, "PATCH", "/api/settings", {"email_ifax.pop": True}, {"Content-Type": kind}
            )
            self.assertIn("application/json", problem["detail"])
        self.assertIs(self.machine.device.settings.email_ifax.pop, False)

    async def test_json_with_charset(self) -> None:
        """A charset parameter of application/json is accepted."""
        kind = {"Content-Type": "Application/JSON; charset=utf-8"}
        answer = await self.ask("PATCH", "/api/settings", {"email_ifax.pop": True}, kind)
        self.assertEqual(answer.status, 200)

    async def test_too_large(self) -> None:
        """A body over 1 MB is a 413, with a length or in chunks, and is not kept."""
        large = b'{"email_ifax.default_subject": "' + b"x" * 1_000_000 + b'"}'
        await self.refused(413, "PATCH", "/api/settings", large)
        chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
        body = chunk * 40 + b"0\r\n\r\n"
        headers = {"Content-Length": "", "Transfer-Encoding": "chunked"}
        await self.refused(413, "PATCH", "/api/settings", body, headers)

    async def test_without_end(self) -> None:
        """A body without end has its connection aborted."""
        wire = await self.connect()
        wire.transport.write(
            f"POST /api/receive HTTP/1.1\r\nHost: {self.where}\r\n"
            "Content-Length: 1000000000\r\n\r\n".encode()
        )
        for _ in range(400):
            wire.transport.write(b"x" * 100_000)
        self.assertEqual(await wire.closed, b"")


class JobTests(ServedPanel):
    """Receiving, jobs, and the report."""

    async def test_receive(self) -> None:
        """POST /api/receive returns result, code, number of mails and session."""
        answer = await self.ask("POST", "/api/receive")
        self.assertEqual(
            answer.json(),
            {
                "result": "OK",
                "code": None,
                "code_text": "",
                "received": 2,
                "session": 1,
                "reason": "",
            },
        )

    async def test_receive_goes_on(self) -> None:
        """A reception goes on when the client that began it has disconnected."""
        cancelled: list[Any] = []
        self.machine.receiving = Deferred(cancelled.append)
        wire = await self.connect()
        wire.transport.write(
            f"POST /api/receive HTTP/1.1\r\nHost: {self.where}\r\n\r\n".encode()
        )
        await self.ask("GET", "/healthz")
        wire.transport.abortConnection()
        await wire.closed
        await self.ask("GET", "/healthz")
        self.assertEqual(cancelled, [])
        self.machine.receiving.callback(None)

    async def test_job(self) -> None:
        """A job has the documented members, in the list and alone."""
        self.machine.device.job_accepted("rx", "a@bench.test", subject="Scan", sessions=(7,))
        jobs = (await self.ask("GET", "/api/jobs")).json()
        self.assertEqual(" ".join(jobs[0]), CONTRACT_OF_JOB)
        self.assertEqual((jobs[0]["number"], jobs[0]["sessions"]), ("5001", [7]))
        self.assertEqual((await self.ask("GET", "/api/jobs/5001")).json(), jobs[0])

    async def test_no_such_job(self) -> None:
        """An unknown or malformed job number is a 404."""
        for number in ("4999", "1", "x", "%20", "..%2f"):
            await self.refused(404, "GET", f"/api/jobs/{number}")
            await self.refused(404, "DELETE", f"/api/jobs/{number}")

    async def test_cancel(self) -> None:
        """DELETE cancels a job that waits with #995; one that has ended is a 409."""
        self.machine.device.job_accepted("rx", "a@bench.test")
        answer = await self.ask("DELETE", "/api/jobs/5001")
        self.assertEqual((answer.json()["result"], answer.json()["code"]), ("NG", "#995"))
        await self.refused(409, "DELETE", "/api/jobs/5001")

    async def test_report(self) -> None:
        """The report is text by default and CSV on request; another format is a 400."""
        self.machine.device.job_accepted("rx", "=cmd@bench.test", result="OK")
        text = await self.ask("GET", "/api/report")
        self.assertEqual(text.headers["content-type"], "text/plain; charset=utf-8")
        self.assertIn("COMMUNICATION REPORT", text.text)
        self.assertEqual((await self.ask("GET", "/api/report?format=text")).body, text.body)
        table = await self.ask("GET", "/api/report?format=csv")
        self.assertEqual(table.headers["content-type"], "text/csv; charset=utf-8")
        self.assertIn("'=cmd@bench.test", table.text)
        problem = await self.refused(400, "GET", "/api/report?format=odt")
        self.assertIn("text, csv, pdf", problem["detail"])

    async def test_methods_of_a_file(self) -> None:
        """The methods of a document are not allowed for its PDF."""
        answer = await self.ask("DELETE", "/api/tray/5001.pdf")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"))
        answer = await self.ask("PUT", "/api/tray/5001")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "DELETE, GET, HEAD"))

    async def test_report_on_paper(self) -> None:
        """The report as PDF has the report's text; it is a 409 where it cannot be set."""
        self.machine.device.job_accepted("rx", "a@bench.test", result="OK")
        pdf = await self.ask("GET", "/api/report?format=pdf")
        self.assertEqual(pdf.headers["content-type"], "application/pdf")
        self.assertIn("report.pdf", pdf.headers["content-disposition"])
        text = (await self.ask("GET", "/api/report")).body
        self.assertEqual(pdf.body, b"%PDF-1.7 Communication report\n" + text)
        self.machine.drawing_error = CannotDraw("no worker can be started")
        problem = await self.refused(409, "GET", "/api/report?format=pdf")
        self.assertEqual(problem["detail"], "no worker can be started")


class SessionTests(ServedPanel):
    """Sessions and transcripts."""

    def setUp(self) -> None:
        """Record three sessions: successful, refused, under way."""
        super().setUp()
        device = self.machine.device
        taken = device.session_began("smtp-receive", "192.0.2.7")
        device.session_ended(taken, "OK", succeeded=True)
        self.machine.transcripts[taken.id] = said(
            "S: 220 ready", "C: QUIT", "-- TLS 1.2 X", "-- a\r\nb"
        )
        refused = device.session_began("pop-receive", "pop.bench.test:110")
        device.session_ended(refused, "NG", succeeded=False, code="#810")
        device.session_began("smtp-receive", "192.0.2.9")

    async def ids(self, query: str) -> list[int]:
        """Return the numbers of the sessions that match a query."""
        answer = await self.ask("GET", f"/api/sessions?{query}")
        self.assertEqual(answer.status, 200, answer.body)
        return [session["id"] for session in answer.json()]

    async def test_list(self) -> None:
        """Sessions come newest first with the documented members, those under way too."""
        sessions = (await self.ask("GET", "/api/sessions")).json()
        self.assertEqual([one["id"] for one in sessions], [3, 2, 1])
        self.assertEqual(" ".join(sessions[0]), CONTRACT_OF_SESSION)
        self.assertEqual((sessions[0]["result"], sessions[0]["ended"]), (None, None))

    async def test_query(self) -> None:
        """Each parameter of the query filters the list."""
        self.assertEqual(await self.ids("limit=1"), [3])
        self.assertEqual(await self.ids("before=3"), [2, 1])
        self.assertEqual(await self.ids("kind=pop-receive"), [2])
        self.assertEqual(await self.ids("peer=192.0.2.7"), [1])
        self.assertEqual(await self.ids("result=NG"), [2])
        self.assertEqual(await self.ids("code=%23810"), [2])
        self.assertEqual(await self.ids("code=810"), [2])
        self.assertEqual(await self.ids("code="), [3, 2, 1])

    async def test_wrong_query(self) -> None:
        """A wrong value of a parameter is a 400 that says what is allowed."""
        for query in (
            "limit=0",
            "limit=x",
            "limit=-1",
            "limit=99999",
            "limit=%D9%A1",
            "before=0",
            "before=99999999999999999999",
            "kind=fax",
            "result=ok",
            "peer=%00",
            "code=%238100",
            "code=x",
            "limit=1&limit=2",
            "peer=%ff",
        ):
            problem = await self.refused(400, "GET", f"/api/sessions?{query}")
            self.assertNotIn("Errno", problem["detail"])

    async def test_transcript(self) -> None:
        """One session has its transcript, line by line with times."""
        session = (await self.ask("GET", "/api/sessions/1")).json()
        self.assertEqual(" ".join(session), f"{CONTRACT_OF_SESSION} transcript")
        self.assertEqual(
            session["transcript"][1],
            {"at": "2026-11-22T10:16:53.123+00:00", "speaker": "C", "text": "QUIT"},
        )

    async def test_transcript_as_text(self) -> None:
        """Accept: text/plain gives one line for each line of the transcript, whatever it holds."""
        answer = await self.ask("GET", "/api/sessions/1", headers={"Accept": "text/plain"})
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.text, "S: 220 ready\nC: QUIT\n-- TLS 1.2 X\n-- a\\r\\nb\n")

    async def test_accept(self) -> None:
        """The response is JSON unless Accept prefers text."""
        for accept, kind in (
            ("*/*", "application/json"),
            ("text/html, */*;q=0.1", "application/json"),
            ("application/json, text/plain", "application/json"),
            ("text/plain;q=0.2, application/json;q=0.9", "application/json"),
            ("application/json;q=0.2, text/plain", "text/plain; charset=utf-8"),
            ("text/plain;q=much", "application/json"),
        ):
            answer = await self.ask("GET", "/api/sessions/1", headers={"Accept": accept})
            self.assertEqual(answer.headers["content-type"], kind, accept)

    async def test_no_such_session(self) -> None:
        """An unknown or malformed session number is a 404."""
        for number in ("4", "x", "-1", "9" * 30, "1%0a"):
            await self.refused(404, "GET", f"/api/sessions/{number}")


class KeyTests(ServedPanel):
    """The machine's key; models."""

    async def test_none(self) -> None:
        """Without a certificate the key is a 404."""
        await self.refused(404, "GET", "/api/key")

    async def test_generated(self) -> None:
        """A generated key is described at once and later."""
        made = (await self.ask("POST", "/api/key/generate")).json()
        self.assertEqual(made["bits"], 1024)
        self.assertEqual((await self.ask("GET", "/api/key")).json(), made)

    async def test_imported(self) -> None:
        """A certificate with its key is imported."""
        pair = {"certificate": "a certificate", "key": "its key"}
        answer = await self.ask("POST", "/api/key/import", pair)
        self.assertEqual((answer.status, answer.json()["bits"]), (200, 2048))

    async def test_not_imported(self) -> None:
        """A pair that does not match is a 422 with the reason, and wrong fields are named."""
        pair = {"certificate": "a certificate", "key": "another"}
        problem = await self.refused(422, "POST", "/api/key/import", pair)
        self.assertEqual(problem["detail"], "The key does not fit the certificate")
        problem = await self.refused(422, "POST", "/api/key/import", {"key": 5, "pin": "1"})
        self.assertEqual(
            [error["key"] for error in problem["errors"]], ["certificate", "key", "pin"]
        )

    async def test_models(self) -> None:
        """The models are listed with name and title."""
        models = {
            one["name"]: one["title"] for one in (await self.ask("GET", "/api/models")).json()
        }
        self.assertEqual(models["ir2270"], "Canon imageRUNNER 2270")
        self.assertEqual(list(models), model_names())


class ProblemTests(ServedPanel):
    """Unknown addresses, wrong methods, failures."""

    async def test_nothing_there(self) -> None:
        """Any other address is a problem document, under /api and elsewhere."""
        for path in (
            "/api/",
            "/api/nothing",
            "/nothing",
            "//api//status",
            "/api/status/",
            "/static/x",
        ):
            await self.refused(404, "GET", path)

    async def test_not_utf8(self) -> None:
        """An address that is not UTF-8 is a 400."""
        await self.refused(400, "GET", "/api/%ff")

    async def test_method(self) -> None:
        """A method that a route does not have is a 405 that names those it has."""
        answer = await self.ask("POST", "/api/status")
        self.assertEqual(answer.status, 405)
        self.assertEqual(answer.headers["allow"], "DELETE, GET, HEAD")
        await self.refused(405, "PUT", "/api/settings")
        await self.refused(405, "OPTIONS", "/healthz")

    async def test_ends_with_a_newline(self) -> None:
        """JSON ends with a line feed, problem documents too."""
        for path in ("/api/status", "/api/jobs", "/api/nothing"):
            answer = await self.ask("GET", path)
            self.assertTrue(answer.body.endswith(b"}\n") or answer.body == b"[]\n", path)
            self.assertEqual(answer.headers["content-length"], str(len(answer.body)))

    async def test_many_errors(self) -> None:
        """A response with many errors names ten keys in its sentence and a hundred in all."""
        given = {f"email_ifax.{'x' * 200}{number}": 1 for number in range(2000)}
        problem = await self.refused(422, "PATCH", "/api/settings", given)
        self.assertEqual(len(problem["errors"]), 100)
        self.assertIn(" and 1990 more", problem["detail"])
        self.assertLess(len(problem["detail"]), 2000)
        self.assertLessEqual(len(problem["errors"][0]["key"]), 100)

    async def test_head(self) -> None:
        """HEAD has the headers of GET and no body, errors too."""
        asked = await self.ask("GET", "/api/status")
        answer = await self.ask("HEAD", "/api/status")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["content-length"], asked.headers["content-length"])
        answer = await self.ask("HEAD", "/nothing")
        self.assertEqual((answer.status, answer.body), (404, b""))

    async def test_failure(self) -> None:
        """An unexpected error is a 500 without a traceback; the log has the traceback."""

        class Broken(MachineDouble):
            def memory(self) -> tuple[int, int]:
                raise RuntimeError("a secret path")

        self.machine = Broken()
        self.serve()
        problem = await self.refused(500, "GET", "/api/status")
        self.assertNotIn("secret", json.dumps(problem))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    async def test_headers(self) -> None:
        """Every response has the strict headers, errors too."""
        for method, path in (
            ("GET", "/"),
            ("GET", "/api/status"),
            ("GET", "/x"),
            ("DELETE", "/"),
        ):
            headers = (await self.ask(method, path)).headers
            self.assertEqual(
                headers["content-security-policy"],
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
                "img-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            )
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["referrer-policy"], "no-referrer")
            self.assertEqual(headers["cache-control"], "no-store")

    def test_now(self) -> None:
        """The double's clock stands at NOW."""
        self.assertEqual(self.machine.device.now(), NOW)
