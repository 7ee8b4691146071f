"""The machine's metrics, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from irsend.device.status import StatusText
from tests.panel.served import ServedPanel
from tests.panel.test_tray import BROKEN, ORDER


class MetricsTests(ServedPanel):
    """GET /metrics."""

    async def numbers(self) -> dict[tuple[str, ...], float]:
        """Return each sample by its name and the values of its labels."""
        answer = await self.ask("GET", "/metrics")
        self.assertIn("text/plain; version=", answer.headers["content-type"])
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.body.decode("utf-8"))
            for sample in family.samples
        }

    async def test_now(self) -> None:
        """Memory, frames dropped and the model have their present values."""
        self.machine.used = 1234
        metrics = await self.numbers()
        self.assertEqual(metrics["irsend_memory_used_bytes",], 1234)
        self.assertEqual(metrics["irsend_memory_capacity_bytes",], 512_000_000)
        self.assertEqual(metrics["irsend_mac_filter_dropped_total", "kernel"], 3)
        self.assertIn("ir2270", [part for key in metrics for part in key])

    async def test_counted(self) -> None:
        """Sessions that have ended and texts of the status line are each counted once."""
        device = self.machine.device
        session = device.session_began("smtp-receive", "192.0.2.7")
        self.assertEqual((await self.numbers())["irsend_sessions_under_way",], 1)
        device.show_status(StatusText.SMTP_RX_REJECT, session.id)
        device.session_ended(session, "NG", succeeded=False)
        metrics = await self.numbers()
        self.assertEqual(metrics["irsend_sessions_total", "smtp-receive", "NG"], 1)
        self.assertEqual(metrics["irsend_status_line_total", "SSL Error (SMTP RX Reject)"], 1)
        self.assertEqual(metrics["irsend_sessions_under_way",], 0)

    async def test_printed(self) -> None:
        """Documents and their pages are counted as they are printed; removal takes none away."""
        device = self.machine.device
        for document in (ORDER, BROKEN):
            device.document_printed(document)
        device.document_removed(ORDER, "it was taken out")
        metrics = await self.numbers()
        self.assertEqual(metrics["irsend_documents_printed_total",], 2)
        self.assertEqual(metrics["irsend_pages_printed_total",], 4)

    async def test_paper_and_tray(self) -> None:
        """Paper and documents in the tray have their present values."""
        for paper, printed in ((True, [ORDER]), (False, [])):
            self.machine.device.change_paper(paper)
            self.machine.tray = list(printed)
            metrics = await self.numbers()
            self.assertEqual(metrics["irsend_paper",], int(paper))
            self.assertEqual(metrics["irsend_tray_documents",], len(printed))

    async def test_openmetrics(self) -> None:
        """A client that accepts OpenMetrics gets it."""
        answer = await self.ask(
            "GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        )
        self.assertIn("application/openmetrics-text", answer.headers["content-type"])
        self.assertTrue(answer.body.endswith(b"# EOF\n"))
