"""The stand-in answers as the panel does: its recorded answers have the panel's shapes."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from irsend.device import Device, StatusText, TLSUse, load_model
from irsend.interfaces import TranscriptLine
from irsend.panel import shapes
from tests.ctl import stand_in


class ShapeTests(SynchronousTestCase):
    """Each recorded answer against `irsend.panel.shapes`."""

    def setUp(self) -> None:
        """Make a device of the recorded model."""
        model = load_model("ir2270")
        self.device = Device(model=model, settings=model.initial_settings(), now=lambda: 1.7e9)

    def assert_same_shape(self, recorded: Any, served: Any) -> None:
        """Check that both have the same members, of the same types where neither is null."""
        served = json.loads(shapes.dumps(served))
        self.assertEqual(sorted(recorded), sorted(served))
        for name, value in recorded.items():
            if value is not None and served[name] is not None:
                self.assertIs(type(value), type(served[name]), name)

    def test_status(self) -> None:
        """The status."""
        self.device.show_status(StatusText.SSL_ERROR_POP, 3)
        entry = self.device.status.shown
        assert entry is not None
        self.assert_same_shape(stand_in.STATUS, shapes.status(self.device, (0, 1)))
        self.assert_same_shape(stand_in.HISTORY[0], shapes.status_entry(entry))

    def test_settings(self) -> None:
        """The windows, and each recorded item with its key, path, label and range."""
        served = {one["key"]: one for one in shapes.settings(self.device)["windows"]}
        for window in stand_in.WINDOWS:
            self.assert_same_shape(window, served[window["key"]])
            self.assertEqual(window["path"], served[window["key"]]["path"])
            items = {one["key"]: one for one in served[window["key"]]["items"]}
            for item in window["items"]:
                self.assert_same_shape(item, items[item["key"]])
                for name in ("label", "type", "allowed", "secret"):
                    self.assertEqual(item[name], items[item["key"]][name])

    def test_session(self) -> None:
        """A session, a reception, and a line of a transcript."""
        session = self.device.session_began("smtp-receive", "192.0.2.17")
        tls = TLSUse(version="TLS 1.2", cipher="x")
        session = self.device.session_ended(session, "OK", succeeded=True, tls=tls)
        self.assert_same_shape(stand_in.SESSION, shapes.session(session))
        self.assert_same_shape(stand_in.RECEIVED, shapes.reception(session))
        line = TranscriptLine(1.7e9, "C", "NOOP")
        self.assert_same_shape(stand_in.TRANSCRIPT[0], shapes.transcript_line(line))

    def test_job(self) -> None:
        """A job."""
        job = self.device.job_accepted("rx", "scanner@bench.test")
        self.assert_same_shape(stand_in.JOB, shapes.job(job))

    def test_models(self) -> None:
        """The models, those that are recorded to the letter."""
        for model in stand_in.MODELS:
            self.assertIn(model, shapes.models())
