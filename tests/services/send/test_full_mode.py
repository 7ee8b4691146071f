"""Full mode: what comes back is matched to its job, and changes its result (RFC 2532)."""

from __future__ import annotations

from irsend.device.jobs import Job
from tests.services.relay import SendingCase, results
from tests.store.threads import HeldThread

DSN = """\
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.bench.test
Original-Envelope-Id: {envelope}

Final-Recipient: rfc822; {address}
Action: {action}
Status: 5.1.1

--B--
"""
MDN = """\
Content-Type: multipart/report; report-type=disposition-notification; boundary=B

--B
Content-Type: message/disposition-notification

Final-Recipient: rfc822; {address}
Original-Message-ID: <{envelope}>
Disposition: automatic-action/MDN-sent-automatically; {disposition}
Media-Accept-Features: (& (color=Binary) (image-coding=[MH,MMR]))

--B--
"""


class FullModeTests(SendingCase):
    """An I-Fax in full mode, handed to the server."""

    def sent(self, *to: str) -> str:
        """Send one; return its envelope id."""
        job = self.send(*to, kind="ifax", full="on")
        self.settle()
        self.assertEqual(self.job(job.number).result, "--")
        (mail,) = self.relay.mails[-1:]
        (line,) = [one for one in mail.split(b"\r\n") if one.startswith(b"Message-ID")]
        return line.partition(b"<")[2].rstrip(b">").decode()

    def receive(
        self, form: str, envelope: str, address: str = "b@bench.test", **words: str
    ) -> Job:
        """Let a notification arrive; return the job that it came as."""
        text = form.format(envelope=envelope, address=address, **words).replace("\n", "\r\n")
        kept: list[Job] = []
        message = self.parts.memory.open_message(
            b"",
            on_stored=lambda one: kept.append(
                self.parts.dispatch.mail_stored(one.name, one.head_octets, "relay", None)
            ),
        )
        message.write(text.encode())
        message.commit()
        self.settle()
        return self.job(kept[0].number)

    def test_asked_for(self) -> None:
        """MDN and DSN are asked for: the header, and NOTIFY, RET, ENVID and ORCPT."""
        envelope = self.sent()
        self.assertIn(
            b"\r\nDisposition-Notification-To: ir@bench.test\r\n", self.relay.mails[0]
        )
        mail, rcpt = self.relay.commands[1:3]
        self.assertTrue(mail.endswith(f" RET=HDRS ENVID={envelope}"), mail)
        self.assertTrue(
            rcpt.endswith(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b@bench.test"), rcpt
        )

    def test_no_dsn_at_the_server(self) -> None:
        """A server without DSN is asked for none."""
        self.relay.answers["EHLO"] = "250 relay.bench.test"
        self.sent()
        self.assertIn("MAIL FROM:<ir@bench.test>", self.relay.commands)

    def test_delivered(self) -> None:
        """A DSN that says delivered makes it OK; the notification itself is kept, and not printed."""
        notification = self.receive(DSN, self.sent(), action="delivered")
        self.assertEqual(results(self.job()), ["OK", "OK"])
        self.assertEqual(notification.result, "OK")
        kept = self.directory / "mails" / "cur" / f"{notification.mail_file}:2,S"
        self.assertIn(b"delivery-status", kept.read_bytes())
        self.assertEqual(self.parts.memory.names(), [])

    def test_failed(self) -> None:
        """A DSN that says failed is #830."""
        self.receive(DSN, self.sent(), action="failed")
        self.assertEqual(results(self.job()), ["NG #830", "NG #830"])

    def check_printed(self, form: str, envelope: str, **words: str) -> None:
        """A notification leaves the job as it is, and waits for printing as any mail does."""
        before = self.job()
        notification = self.receive(form, envelope, **words)
        self.assertEqual(self.job(), before)
        self.assertEqual(
            (notification.result, self.print_queue.jobs[-1]), ("waiting", notification)
        )

    def test_not_final(self) -> None:
        """A DSN that says delayed, relayed or expanded changes nothing, and is printed."""
        envelope = self.sent()
        for action in ("delayed", "relayed", "expanded"):
            self.check_printed(DSN, envelope, action=action)

    def test_error_without_processed(self) -> None:
        """An MDN whose disposition is `;error`, as some gateways write it, is #834."""
        form = MDN.replace("; {disposition}", ";error")
        notification = self.receive(form, self.sent())
        self.assertEqual(results(self.job()), ["NG #834", "NG #834"])
        self.assertIn(";error", self.job().reason)
        self.assertEqual((notification.result, self.print_queue.jobs), ("OK", []))

    def test_unknown_words(self) -> None:
        """An MDN or DSN without a word that is known changes nothing, and is printed."""
        envelope = self.sent()
        for disposition in ("pondered", "", "(processed)"):
            self.check_printed(MDN, envelope, disposition=disposition)
        self.check_printed(
            MDN.replace("Disposition:", "X-Disposition:"), envelope, disposition=""
        )
        self.check_printed(DSN.replace("5.1.1", "4.0.0"), envelope, action="pondered")

    def test_said_twice(self) -> None:
        """A second notification that says the same is printed: it changes nothing."""
        envelope = self.sent("b@bench.test", "c@bench.test")
        self.receive(DSN, envelope, action="delivered")
        self.receive(MDN, envelope, disposition="displayed")
        self.check_printed(DSN, envelope, action="delivered")
        self.check_printed(MDN, envelope, disposition="displayed")
        self.check_printed(DSN, envelope, action="delayed")

    def test_warning(self) -> None:
        """An MDN with a warning makes the job OK, with its words as the reason."""
        form = MDN.replace("Media-", "Warning: the paper was short\nMedia-")
        self.receive(form, self.sent(), disposition="processed/warning")
        self.assertEqual(results(self.job()), ["OK", "OK"])
        self.assertIn("the paper was short", self.job().reason)

    def test_without_recipient(self) -> None:
        """An MDN that names no recipient is about the only one; of several, about none."""
        form = MDN.replace("Final-Recipient:", "X-Recipient:")
        self.receive(form, self.sent(), disposition="processed")
        self.assertEqual(self.job().result, "OK")
        envelope = self.sent("b@bench.test", "c@bench.test")
        self.check_printed(form, envelope, disposition="processed")

    def test_read(self) -> None:
        """An MDN that says processed makes it OK, and nothing more is awaited."""
        self.receive(MDN, self.sent(), disposition="processed")
        self.assertEqual(results(self.job()), ["OK", "OK"])
        self.assertEqual(list(self.directory.glob("outbox/[0-9]*")), [])

    def test_not_printed_there(self) -> None:
        """An MDN of an error is #834, also behind a DSN that said delivered."""
        envelope = self.sent()
        self.receive(DSN, envelope, action="delivered")
        self.receive(MDN, envelope, disposition="processed/error")
        self.assertEqual(results(self.job()), ["NG #834", "NG #834"])

    def test_each_recipient(self) -> None:
        """Each notification is about its own recipient; the job is OK when all are."""
        envelope = self.sent("b@bench.test", "C@bench.test")
        self.receive(MDN, envelope, "c@bench.test", disposition="displayed")
        self.assertEqual(results(self.job()), ["--", "--", "OK"])
        self.receive(MDN, envelope, disposition="displayed")
        self.assertEqual(results(self.job()), ["OK", "OK", "OK"])

    def test_of_another_mail(self) -> None:
        """A notification of another mail changes nothing, and waits for printing."""
        self.sent()
        other = self.receive(MDN, "other@bench.test", disposition="displayed")
        self.assertEqual(results(self.job()), ["--", "--"])
        self.assertEqual((other.result, self.print_queue.jobs), ("waiting", [other]))

    def test_before_the_end(self) -> None:
        """A notification that comes while the job is being sent still is its own all the same."""
        self.relay.answers["QUIT"] = ""
        self.send(kind="ifax", full="on")
        self.settle()
        (line,) = [
            one for one in self.relay.mails[0].split(b"\r\n") if one.startswith(b"Message-ID")
        ]
        envelope = line.partition(b"<")[2].rstrip(b">").decode()
        self.assertEqual(self.job().result, "running")
        notification = self.receive(DSN, envelope, action="failed")
        self.parts.clock.advance(10)
        self.settle()
        self.assertEqual((self.job().result, self.job().code), ("NG", "#830"))
        self.assertEqual(self.job(notification.number).result, "OK")

    def test_of_a_part(self) -> None:
        """A notification of one part of a divided mail is one of the mail."""
        envelope = self.sent()
        local, _, domain = envelope.partition("@")
        self.receive(MDN, f"{local}.part2@{domain}", disposition="processed")
        self.assertEqual(self.job().result, "OK")

    def test_of_another_address(self) -> None:
        """A notification about an address that the job has not changes nothing, and waits for printing."""
        envelope = self.sent("b@bench.test", "c@bench.test")
        notification = self.receive(
            MDN, envelope, address="x@bench.test", disposition="displayed"
        )
        self.assertEqual(self.job().result, "--")
        self.assertEqual(
            (notification.result, self.print_queue.jobs), ("waiting", [notification])
        )

    def test_while_it_is_written_down(self) -> None:
        """A notification that comes while the end of the job is written down is its own."""
        thread = HeldThread()
        self.send(kind="ifax", full="on")
        self.outbox._in_thread = thread
        self.settle()
        (line,) = [
            one for one in self.relay.mails[0].split(b"\r\n") if one.startswith(b"Message-ID")
        ]
        envelope = line.partition(b"<")[2].rstrip(b">").decode()
        self.receive(DSN, envelope, action="failed")
        for _ in range(4):
            thread.run_all()
            self.settle()
        self.assertEqual((self.job().result, self.job().code), ("NG", "#830"))

    def test_full_disk(self) -> None:
        """A notification that the disk does not take waits in memory, and counts when it does."""
        envelope = self.sent()
        (place,) = self.directory.glob("outbox/[0-9]*")
        away = place.rename(self.directory / "away")
        notification = self.receive(DSN, envelope, action="delivered")
        self.assertEqual((notification.result, notification.ended), ("waiting", None))
        away.rename(place)
        self.parts.clock.advance(60)
        self.settle()
        self.assertEqual(self.job(notification.number).result, "OK")
        self.assertEqual(self.parts.memory.names(), [])

    def test_cancelled_meanwhile(self) -> None:
        """A notification that was cancelled before its job was over stays cancelled, and counts."""
        self.relay.answers["QUIT"] = ""
        self.send(kind="ifax", full="on")
        self.settle()
        (line,) = [
            one for one in self.relay.mails[0].split(b"\r\n") if one.startswith(b"Message-ID")
        ]
        envelope = line.partition(b"<")[2].rstrip(b">").decode()
        notification = self.receive(DSN, envelope, action="delivered")
        self.assertTrue(self.parts.dispatch.release(notification))
        self.parts.memory.delete(notification.mail_file or "")
        self.parts.device.job_changed(
            notification,
            result="NG",
            code="#995",
            mail_file=None,
            ended=self.parts.device.now(),
        )
        self.parts.clock.advance(10)
        self.settle()
        self.assertEqual(self.job().result, "OK")
        self.assertEqual(self.job(notification.number).code, "#995")

    def test_while_switched_off(self) -> None:
        """A notification that lies in memory when the machine is switched on is its job's."""
        envelope = self.sent()
        self.switch_off()
        self.receive(DSN, envelope, action="delivered")
        self.assertEqual(self.job().result, "--")
        self.switch_on()
        self.settle()
        self.assertEqual(self.job().result, "OK")

    def test_case_of_local_parts(self) -> None:
        """Recipients that differ in case only each have their own notification."""
        envelope = self.sent("b@bench.test", "B@bench.test")
        self.receive(DSN, envelope, address="b@bench.test", action="delivered")
        self.receive(DSN, envelope, address="B@bench.test", action="failed")
        self.assertEqual([one.result for one in self.job().recipients], ["OK", "NG"])

    def test_printed_where_wanted(self) -> None:
        """With Print MDN/DSN upon Receipt the notification waits for printing too."""
        self.parts.device.change_settings({"email_ifax.print_mdn_dsn": True})
        notification = self.receive(MDN, self.sent(), disposition="displayed")
        self.assertEqual(results(self.job()), ["OK", "OK"])
        self.assertEqual(
            (notification.result, self.print_queue.jobs), ("waiting", [notification])
        )

    def test_timeout(self) -> None:
        """Behind Full Mode TX Timeout nothing is awaited any more; the result stays "--"."""
        self.parts.device.change_settings({"email_ifax.full_mode_timeout": 2})
        envelope = self.sent()
        self.parts.clock.advance(2 * 3600 - 1)
        self.assertEqual(len(list(self.directory.glob("outbox/[0-9]*"))), 1)
        self.parts.clock.advance(1)
        self.assertEqual(list(self.directory.glob("outbox/[0-9]*")), [])
        self.receive(MDN, envelope, disposition="displayed")
        self.assertEqual(results(self.job()), ["--", "--"])

    def test_over_a_restart(self) -> None:
        """What is awaited is awaited after the next start too."""
        envelope = self.sent()
        self.switch_off()
        self.switch_on()
        self.receive(MDN, envelope, disposition="displayed")
        self.assertEqual(results(self.job()), ["OK", "OK"])

    def test_learnt(self) -> None:
        """What a receiver says it takes is sent to it from then on, and only to it; a restart keeps it."""
        orders: list[str] = []
        scanner = self.send_queue._submission._scanner
        scan = scanner.scan

        def noted(order, progress):  # type: ignore[no-untyped-def]
            orders.append(order.profile)
            return scan(order, progress)

        scanner.scan = noted  # type: ignore[method-assign]
        self.receive(MDN, self.sent(), disposition="displayed")
        self.sent()
        self.sent("b@bench.test", "c@bench.test")
        self.send(kind="ifax")
        self.assertEqual(orders, ["S", "F", "S", "S"])
        self.settle()
        self.switch_off()
        self.switch_on()
        self.assertTrue(self.receiver_features.accept("B@bench.test", "F"))
