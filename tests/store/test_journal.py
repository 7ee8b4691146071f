"""The journal: sessions, jobs, status history, fetched mails (issue 2 section 2)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from irsend.device import Device, Job, Session, StatusText, TLSUse, load_model
from irsend.device.jobs import JobQuery, Recipient
from irsend.errors import NoSuchRecord, StateError
from irsend.interfaces import TranscriptLine
from irsend.store.database import open_database, prune
from irsend.store.journal import Journal
from irsend.store.transcripts import Transcripts
from tests.parts import at_once
from tests.store.threads import HeldThread


class Case(SynchronousTestCase):
    """A journal that observes a device, and writes at once."""

    sessions_kept = 1000

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        (self.directory / "sessions").mkdir(parents=True)
        self.path = self.directory / "journal.sqlite"
        self.clock = Clock()
        self.clock.advance(1000)
        self.thread: Any = at_once
        self.disk_errors: list[OSError] = []
        self.switch_on()

    def switch_on(self) -> None:
        """Open the journal for a new device."""
        model = load_model("ir2270")
        self.device = Device(
            model=model, settings=model.initial_settings(), now=self.clock.seconds
        )
        self.journal = Journal(
            self.path,
            Transcripts(self.directory / "sessions"),
            self.thread,
            self.clock,
            sessions_kept=lambda: self.sessions_kept,
            on_disk_error=lambda error, _: self.disk_errors.append(error),
        )
        self.journal.open(self.device)
        self.device.observe(self.journal.observe)

    def switch_off_and_on(self) -> None:
        """Restart."""
        self.successResultOf(self.journal.close())
        self.switch_on()

    def session(
        self, kind: Any = "smtp-receive", peer: str = "192.0.2.7", **end: Any
    ) -> Session:
        """Have a session, from its beginning to its end."""
        session = self.device.session_began(kind, peer)
        end.setdefault("result", "OK")
        return self.device.session_ended(session, succeeded=False, **end)


class SessionTests(Case):
    """Sessions that have ended."""

    def ids(self, *args: Any, **filters: Any) -> list[int]:
        """The ids of the sessions found."""
        return [one.id for one in self.successResultOf(self.journal.sessions(*args, **filters))]

    def test_whole(self) -> None:
        """A session comes back with all its fields, now and after a restart."""
        self.clock.advance(0.25)
        whole = self.session(
            tls=TLSUse(version="TLS 1.0", cipher="AES128-SHA"),
            auth="CRAM-MD5",
            result="NG",
            code="#810",
            reason="connection lost",
            status_line="SSL Error (POP)",
            bytes=100_000_000_000,
            messages=3,
            mac="00:00:85:12:34:56",
        )
        plain = self.session()
        for _ in range(2):
            self.assertEqual(self.successResultOf(self.journal.session(whole.id)), whole)
            self.assertEqual(self.successResultOf(self.journal.session(plain.id)), plain)
            self.switch_off_and_on()

    def test_every_field(self) -> None:
        """There is no field of a session that the journal does not know."""
        columns = sqlite3.connect(self.path).execute("PRAGMA table_info(session)").fetchall()
        names = {row[1] for row in columns} - {"tls_version", "tls_cipher"} | {"tls"}
        self.assertEqual(names, {one.name for one in attrs.fields(Session)})

    def test_under_way(self) -> None:
        """A session that is under way is not in the journal."""
        session = self.device.session_began("smtp-receive", "x")
        self.device.session_changed(session, bytes=5)
        self.assertEqual(self.ids(10), [])
        self.failureResultOf(self.journal.session(session.id), NoSuchRecord)

    def test_newest_first(self) -> None:
        """Sessions come newest first, as many as are asked for."""
        for _ in range(5):
            self.session()
        self.assertEqual(self.ids(3), [5, 4, 3])
        self.assertEqual(self.ids(100), [5, 4, 3, 2, 1])

    def test_before(self) -> None:
        """Those before a session go on where a page ended."""
        for _ in range(5):
            self.session()
        self.assertEqual(self.ids(2, 4), [3, 2])
        self.assertEqual(self.ids(2, 1), [])

    def test_filters(self) -> None:
        """Each filter, and several together, let through what has these values."""
        self.session("smtp-receive", "a")
        self.session("pop-receive", "b", result="NG", code="#810")
        self.session("pop-receive", "a", result="NG", code="#813")
        self.session("pop-receive", "a")
        self.assertEqual(self.ids(10, kind="pop-receive"), [4, 3, 2])
        self.assertEqual(self.ids(10, peer="a"), [4, 3, 1])
        self.assertEqual(self.ids(10, result="NG"), [3, 2])
        self.assertEqual(self.ids(10, code="#813"), [3])
        self.assertEqual(self.ids(10, kind="pop-receive", peer="a", result="OK"), [4])
        self.assertEqual(self.ids(10, 4, peer="a", kind=None), [3, 1])
        self.assertEqual(self.ids(1, peer="a"), [4])
        self.assertEqual(self.ids(10, peer="' OR 1=1 --"), [])

    def test_no_such(self) -> None:
        """One that does not exist is NoSuchRecord."""
        failure = self.failureResultOf(self.journal.session(17), NoSuchRecord)
        self.assertEqual(str(failure.value), "There is no session 17.")

    def test_ids_go_on(self) -> None:
        """After a restart the ids go on."""
        self.session()
        self.session()
        self.switch_off_and_on()
        self.assertEqual(self.session().id, 3)


class JobTests(Case):
    """Jobs."""

    def test_whole(self) -> None:
        """A job comes back with all its fields, now and after a restart."""
        whole = self.device.job_accepted(
            "rx",
            "a@bench.test",
            kind="ifax",
            subject="Grüße",
            pages=3,
            result="NG",
            code="#819",
            recipients=(
                Recipient(address="b@bench.test", result="OK"),
                Recipient(address="c@bench.test", result="NG", code="#806"),
            ),
            sessions=(1, 2),
            ended=1001.5,
            mail_file="1.x",
        )
        plain = self.device.job_accepted("tx", "")
        for _ in range(2):
            self.assertEqual(self.successResultOf(self.journal.job(whole.number)), whole)
            self.assertEqual(self.successResultOf(self.journal.job(plain.number)), plain)
            self.switch_off_and_on()

    def test_every_field(self) -> None:
        """There is no field of a job that the journal does not know."""
        columns = sqlite3.connect(self.path).execute("PRAGMA table_info(job)").fetchall()
        # Two columns have the names of earlier releases.
        earlier = {"mail_file": "held_as", "dsn_sent": "told"}
        fields = {earlier.get(one.name, one.name) for one in attrs.fields(Job)}
        self.assertEqual({row[1] for row in columns}, fields)

    def test_changed(self) -> None:
        """A job that changes is one job."""
        job = self.device.job_accepted("rx", "a")
        ended = self.device.job_changed(job, result="OK", ended=1002.0)
        self.assertEqual(self.successResultOf(self.journal.jobs(10)), [ended])

    def test_ended(self) -> None:
        """Jobs that have ended are found apart from those that have not."""
        waiting, ended = (self.device.job_accepted("rx", "a") for _ in range(2))
        ended = self.device.job_changed(ended, result="OK", ended=1002.0)
        for query, jobs in ((True, [ended]), (False, [waiting]), (None, [ended, waiting])):
            found = self.successResultOf(self.journal.jobs(10, JobQuery(ended=query)))
            self.assertEqual(found, jobs)

    def test_newest_first(self) -> None:
        """Jobs come newest first, sent and received ones together, as many as are asked for."""
        for direction in ("rx", "tx", "rx"):
            self.device.job_accepted(direction, "a")  # type: ignore[arg-type]
        jobs = self.successResultOf(self.journal.jobs(2))
        self.assertEqual([job.number for job in jobs], ["5002", "0001"])

    def test_wrapped_number(self) -> None:
        """Of two jobs with one number the newer one is meant, and both are in the report."""
        older = self.device.job_accepted("rx", "older")
        self.device.last_numbers["rx"] = "9999"
        newer = self.device.job_accepted("rx", "newer")
        self.assertEqual((older.number, newer.number), ("5001", "5001"))
        self.assertEqual(self.successResultOf(self.journal.job("5001")), newer)
        self.assertEqual(self.successResultOf(self.journal.jobs(10)), [newer, older])

    def test_no_such(self) -> None:
        """One that does not exist is NoSuchRecord."""
        failure = self.failureResultOf(self.journal.job("5001"), NoSuchRecord)
        self.assertEqual(str(failure.value), "There is no job 5001.")

    def test_numbers_go_on(self) -> None:
        """After a restart numbers and serials go on, the wrapped ones too."""
        self.device.last_numbers = {"rx": "9998", "tx": "4998"}
        self.device.job_accepted("rx", "")
        self.device.job_accepted("tx", "")
        self.switch_off_and_on()
        jobs = [self.device.job_accepted("rx", ""), self.device.job_accepted("tx", "")]
        self.assertEqual([job.number for job in jobs], ["5001", "0001"])
        self.assertEqual([job.serial for job in jobs], [3, 4])
        self.switch_off_and_on()
        self.assertEqual(self.device.job_accepted("rx", "").number, "5002")

    def test_in_memory(self) -> None:
        """At the start those are known whose mail was in memory or kept, and no others."""
        held = self.device.job_accepted("rx", "a", mail_file="1.x")
        gone = self.device.job_accepted("rx", "b", mail_file="2.x")
        self.device.job_changed(gone, mail_file=None)
        self.device.job_accepted("tx", "c")
        self.switch_off_and_on()
        self.assertEqual(self.journal.jobs_with_mail(), [held])


class StatusTests(Case):
    """The status line and its history."""

    def history(self, limit: int = 10) -> list[tuple[float, str, int | None]]:
        """The history."""
        entries = self.successResultOf(self.journal.status_history(limit))
        return [(entry.at, entry.text.value, entry.session) for entry in entries]

    def test_history(self) -> None:
        """The history keeps each text with time and session, newest first, cleared or not."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.device.clear_status()
        self.clock.advance(1)
        self.device.show_status(StatusText.SMTP_RX_REJECT, 2)
        self.clock.advance(1)
        self.device.show_status(StatusText.SSL_ERROR_SMTP_RECEIVE, None)
        expected = [
            (1002.0, "SSL Error (SMTP Receive)", None),
            (1001.0, "SSL Error (SMTP RX Reject)", 2),
            (1000.0, "SSL Error (POP)", 1),
        ]
        for _ in range(2):
            self.assertEqual(self.history(), expected)
            self.assertEqual(self.history(1), expected[:1])
            self.switch_off_and_on()

    def test_shown_again(self) -> None:
        """What stood on the line stands there after a restart, with its time and session."""
        self.device.show_status(StatusText.SMTP_RX_REJECT, 1)
        self.device.show_status(StatusText.SSL_ERROR_POP, 2)
        before = self.device.status
        self.clock.advance(100)
        self.switch_off_and_on()
        self.assertEqual(self.device.status, before)
        self.assertEqual(len(self.history()), 2)

    def test_cleared_stays_cleared(self) -> None:
        """A line that was cleared, by the operator or by a success, is empty after a restart."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.device.clear_status()
        self.switch_off_and_on()
        self.assertEqual(self.device.status.text, "")
        self.device.show_status(StatusText.SSL_ERROR_POP, 2)
        session = self.device.session_began("pop-receive", "x")
        self.device.session_ended(session, "OK", succeeded=True)
        self.switch_off_and_on()
        self.assertEqual(self.device.status.text, "")

    def test_restart_after_restart(self) -> None:
        """A line that was shown again is taken off by a success after the restart."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.switch_off_and_on()
        session = self.device.session_began("pop-receive", "x")
        self.device.session_ended(session, "OK", succeeded=True)
        self.assertEqual(self.device.status.text, "")
        self.switch_off_and_on()
        self.assertEqual(self.device.status.text, "")


class SettingsTests(Case):
    """What the settings were."""

    def at(self, when: float) -> dict[str, Any]:
        """Ask."""
        return self.successResultOf(self.journal.settings_at(when))

    def test_then(self) -> None:
        """The settings of a time are given, without secrets; before the first of them there are none."""
        self.journal.keep_settings(self.device.settings)
        self.clock.advance(10)
        self.device.change_settings(
            {"email_ifax.pop": True, "email_ifax.pop_password": "marked"}
        )
        self.assertEqual(self.at(999), {})
        self.assertEqual(
            [self.at(when)["email_ifax.pop"] for when in (1000, 1009, 1010, 2000)],
            [False, False, True, True],
        )
        self.assertNotIn("marked", str(self.at(2000)))

    def test_pruned(self) -> None:
        """Settings older than the oldest session are forgotten, but for those that it began with."""
        database = open_database(self.path)
        for when in (1.0, 2.0, 3.0):
            database.execute("INSERT INTO settings VALUES (?, '{}')", (when,))
        database.execute("INSERT INTO session (id, started) VALUES (1, 2.5)")
        prune(database, 10)
        left = [row[0] for row in database.execute("SELECT at FROM settings")]
        database.close()
        self.assertEqual(left, [2.0, 3.0])


class FetchedTests(Case):
    """What was fetched and may still be on the server."""

    def fetched(self, maildrop: str = "pop ir") -> set[str]:
        """The marks of a maildrop."""
        return self.successResultOf(self.journal.fetched(maildrop))

    def test_remembered(self) -> None:
        """Marks are remembered for their maildrop, also over a restart; twice is once."""
        for mark in ("a", "b", "a"):
            self.journal.remember_fetched("pop ir", mark)
        self.journal.remember_fetched("other ir", "c")
        for _ in range(2):
            self.assertEqual(self.fetched(), {"a", "b"})
            self.assertEqual(self.fetched("other ir"), {"c"})
            self.switch_off_and_on()

    def test_forgotten(self) -> None:
        """What is no longer on the server is forgotten; what is unknown is no error."""
        for mark in "abc":
            self.journal.remember_fetched("pop ir", mark)
        self.journal.forget_fetched(["a", "c", "x"])
        self.assertEqual(self.fetched(), {"b"})


class TranscriptTests(Case):
    """Transcripts are kept in the journal's thread."""

    def test_kept(self) -> None:
        """A transcript is taken when it is written, and read back."""
        lines = [TranscriptLine(1000.0, "C", "QUIT")]
        self.journal.keep_transcript(1, lambda: lines)
        self.assertEqual(self.successResultOf(self.journal.transcript(1)), lines)

    def test_none(self) -> None:
        """One that does not exist is NoSuchRecord."""
        self.failureResultOf(self.journal.transcript(2), NoSuchRecord)


class ThreadTests(Case):
    """What is written, and when."""

    def setUp(self) -> None:
        super().setUp()
        self.successResultOf(self.journal.close())
        self.thread = self.held = HeldThread()
        self.switch_on()

    def test_gathered(self) -> None:
        """What comes within a moment is written as one batch; so is what comes while that is written."""
        for _ in range(5):
            self.session()
        self.assertEqual(self.held.work, [])
        self.clock.advance(1)
        self.assertEqual(len(self.held.work), 1)
        self.session()
        self.session()
        self.clock.advance(1)
        self.assertEqual(len(self.held.work), 1)
        self.held.run()
        self.clock.advance(1)
        self.assertLessEqual(len(self.held.work), 1)
        self.held.run_all()
        self.clock.advance(10)
        self.assertEqual((self.held.work, self.clock.getDelayedCalls()), ([], []))
        self.assertEqual(len(self.found()), 7)

    def test_nothing_waits_behind_close(self) -> None:
        """A closed journal leaves no delayed call, whatever was pending."""
        self.session()
        self.journal.close()
        self.session()
        self.held.run_all()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_query_sees_what_was_written_before(self) -> None:
        """A question sees all that was written down before it, though nothing of it was written yet."""
        self.session()
        self.device.job_accepted("rx", "a")
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.journal.remember_fetched("pop", "a")
        self.journal.keep_transcript(1, lambda: [TranscriptLine(1.0, "C", "x")])
        questions = [
            self.journal.sessions(10),
            self.journal.jobs(10),
            self.journal.status_history(10),
            self.journal.fetched("pop"),
            self.journal.transcript(1),
        ]
        self.held.run_all()
        for question in questions:
            self.assertEqual(len(self.successResultOf(question)), 1)

    def test_flush(self) -> None:
        """Flushed, all that was written down is in the database file."""
        self.session()
        done = self.journal.flush()
        self.assertNoResult(done)
        self.held.run_all()
        self.successResultOf(done)
        (self.directory / "copy.sqlite").write_bytes(self.path.read_bytes())
        copy = sqlite3.connect(self.directory / "copy.sqlite")
        self.assertEqual(copy.execute("SELECT count(*) FROM session").fetchone(), (1,))
        copy.close()

    def test_close_writes(self) -> None:
        """Closing writes what is pending first."""
        self.session()
        done = self.journal.close()
        self.held.run_all()
        self.successResultOf(done)
        self.switch_on()
        self.assertEqual(len(self.found()), 1)

    def found(self) -> list[Session]:
        """All sessions."""
        question = self.journal.sessions(100)
        self.held.run_all()
        return self.successResultOf(question)


class FailureTests(Case):
    """When it cannot be written."""

    def rename(self, before: str, after: str) -> None:
        """Give a table another name behind the journal's back."""
        other = sqlite3.connect(self.path)
        other.execute(f"ALTER TABLE {before} RENAME TO {after}")
        other.close()

    def try_to_write(self) -> None:
        """Let the moment come when it is written, which fails and is told with path and cause."""
        self.disk_errors.clear()
        self.clock.advance(1)
        (error,) = self.disk_errors
        self.assertEqual(error.filename, str(self.path))
        self.assertIn("no such table: session", str(error))

    def test_kept_until_it_can(self) -> None:
        """What could not be written is not lost: it is written at the next occasion, in order."""
        self.session()
        self.successResultOf(self.journal.flush())
        self.rename("session", "away")
        self.session(peer="x")
        self.try_to_write()
        self.device.job_accepted("rx", "a")
        self.try_to_write()
        self.failureResultOf(self.journal.sessions(10), OSError)
        self.rename("away", "session")
        self.session()
        found = self.successResultOf(self.journal.sessions(10))
        self.assertEqual([one.id for one in found], [3, 2, 1])
        self.assertEqual(len(self.successResultOf(self.journal.jobs(10))), 1)

    def test_transcript_that_cannot_be_written(self) -> None:
        """A transcript that there is no room for is given up, and holds up nothing else."""
        (self.directory / "sessions").rename(self.directory / "away")
        self.session()
        self.journal.keep_transcript(1, lambda: [TranscriptLine(1.0, "C", "x")])
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.assertEqual(len(self.successResultOf(self.journal.sessions(10))), 1)
        self.clock.advance(1)
        (self.directory / "away").rename(self.directory / "sessions")
        self.failureResultOf(self.journal.transcript(1), NoSuchRecord)
        (error,) = self.disk_errors
        self.assertEqual(error.filename, str(self.directory / "sessions" / "000000001.txt"))
        self.assertEqual(len(self.successResultOf(self.journal.status_history(10))), 1)

    def test_change_that_cannot_be_kept(self) -> None:
        """Paper and a cleared status line that cannot be written fail, and are not written later."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.successResultOf(self.journal.flush())
        for table in ("drawer", "shown"):
            self.rename(table, "away")
            kept = (
                self.journal.keep_paper(False, True)
                if table == "drawer"
                else self.journal.keep_status_cleared()
            )
            self.failureResultOf(kept, OSError)
            self.rename("away", table)
        self.successResultOf(self.journal.flush())
        self.switch_off_and_on()
        self.assertEqual((self.device.paper, self.device.status.text != ""), (True, True))
        self.successResultOf(self.journal.keep_paper(False, True))
        self.successResultOf(self.journal.keep_status_cleared())
        self.switch_off_and_on()
        self.assertEqual((self.device.paper, self.device.status.text), (False, ""))

    def test_no_database(self) -> None:
        """A file that is no journal is refused with its name and what to do."""
        self.successResultOf(self.journal.close())
        self.path.write_bytes(b"this is no database, and long enough to be told apart from one")
        error = self.assertRaises(StateError, self.switch_on)
        self.assertTrue(str(error).startswith(f"{self.path}: "), error)
        self.assertIn("move it away to begin a new journal", str(error))

    def test_unknown_text(self) -> None:
        """A text on the status line that another release wrote is refused in words too."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 1)
        self.successResultOf(self.journal.close())
        other = sqlite3.connect(self.path)
        other.execute("UPDATE status SET text = 'Toner low'")
        other.commit()
        other.close()
        error = self.assertRaises(StateError, self.switch_on)
        self.assertIn("'Toner low'", str(error))

    def test_no_directory(self) -> None:
        """Without its directory it is refused in words."""
        journal = Journal(
            self.directory / "x" / "journal.sqlite",
            Transcripts(self.directory),
            at_once,
            self.clock,
            sessions_kept=lambda: 10,
        )
        error = self.assertRaises(StateError, journal.open, self.device)
        self.assertIn("unable to open database file", str(error))


class PruneTests(Case):
    """The oldest sessions go first."""

    sessions_kept = 10

    def test_pruned(self) -> None:
        """When a thousand sessions have ended, those beyond the limit go, with their transcripts."""
        self.device.job_accepted("rx", "a", sessions=(1,))
        for number in range(1, 1001):
            self.session()
            if number > 980:
                self.journal.keep_transcript(number, list)
        found = self.successResultOf(self.journal.sessions(2000))
        self.assertEqual([one.id for one in found], list(range(1000, 990, -1)))
        left = sorted(int(path.stem) for path in (self.directory / "sessions").iterdir())
        self.assertEqual([one for one in left if one != 1000], list(range(991, 1000)))
        self.assertEqual(len(self.successResultOf(self.journal.jobs(10))), 1)

    def test_few(self) -> None:
        """Up to the limit all sessions stay, through any restart."""
        for _ in range(10):
            self.session()
        self.switch_off_and_on()
        self.assertEqual(len(self.successResultOf(self.journal.sessions(100))), 10)
