"""Metrics for Prometheus: gauges read from the machine at each scrape, and counters of its events.

Standards: the text format of Prometheus, or OpenMetrics 1.0 where that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from irsend import __version__
from irsend.device.events import (
    DocumentPrinted,
    Event,
    FaultHappened,
    SessionChanged,
    StatusChanged,
)
from irsend.machine_interface import IMachine


class Metrics:
    """The metrics of one machine, from its panel's start on."""

    def __init__(self, machine: IMachine) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_MachineCollector(machine))
        self._sessions = Counter(
            "irsend_sessions",
            "Sessions with mail servers and clients that have ended.",
            ("kind", "result"),
            registry=self._registry,
        )
        self._raised = Counter(
            "irsend_status_line",
            "Texts that have come on the status line.",
            ("text",),
            registry=self._registry,
        )
        self._documents = Counter(
            "irsend_documents_printed", "Documents printed.", registry=self._registry
        )
        self._pages = Counter("irsend_pages_printed", "Their pages.", registry=self._registry)
        self._faults = Counter(
            "irsend_faults",
            "Faults on purpose that have happened.",
            ("kind", "step", "role"),
            registry=self._registry,
        )
        self._unobserve = machine.device.observe(self._observe)

    def stop(self) -> None:
        """Stop counting; calling it twice does no harm."""
        unobserve, self._unobserve = self._unobserve, lambda: None
        unobserve()

    def _observe(self, event: Event) -> None:
        if isinstance(event, SessionChanged) and event.session.result is not None:
            self._sessions.labels(event.session.kind, event.session.result).inc()
        elif isinstance(event, StatusChanged) and event.raised is not None:
            self._raised.labels(event.raised.text.value).inc()
        elif isinstance(event, DocumentPrinted):
            self._documents.inc()
            self._pages.inc(event.document.pages)
        elif isinstance(event, FaultHappened):
            fault = event.fault
            self._faults.labels(fault.kind, fault.step, fault.role).inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the format that an Accept header asks for, and their content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _MachineCollector(Collector):
    """Reads the gauges at each scrape."""

    def __init__(self, machine: IMachine) -> None:
        self._machine = machine

    def collect(self) -> Iterator[Metric]:
        """Give the gauges."""
        device = self._machine.device
        used, capacity = self._machine.memory()
        way, dropped = self._machine.mac_filter()
        identity = {"version": __version__, "model": device.model.name}
        yield InfoMetricFamily("irsend", "Which machine it is.", identity)
        for name, value, description in (
            ("irsend_memory_used_bytes", used, "Octets of what waits in memory."),
            ("irsend_memory_capacity_bytes", capacity, "Octets that the memory has."),
            ("irsend_sessions_under_way", len(device.sessions), "Sessions that are open."),
            ("irsend_paper", int(device.paper), "1 while there is paper in the drawer."),
            ("irsend_tray_documents", len(self._machine.documents()), "Documents in the tray."),
        ):
            yield GaugeMetricFamily(name, description, value)
        drops = CounterMetricFamily(
            "irsend_mac_filter_dropped",
            "Frames that the MAC address filter dropped; connections refused where it cannot.",
            labels=("way",),
        )
        drops.add_metric((way,), dropped)
        yield drops
