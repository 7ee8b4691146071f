"""The machine, its panel and the mail host beside it, as one service: what `twistd irsend` and tests run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.logger import Logger

from irsend.configuration import Configuration
from irsend.configuration_sections import MB
from irsend.extras import PANEL
from irsend.link.endpoints import LinkServerEndpoint
from irsend.link.enforcement import choose_way
from irsend.panel.options import PanelOptions
from irsend.protocols.server_endpoints import (
    EndpointMaker,
    address_text,
    listen,
    server_endpoint,
)
from irsend.services.keyring import check_key
from irsend.services.machine.machine import Machine
from irsend.services.print.print_pool import PoolMaker, make_print_pool, printing_lacks

if TYPE_CHECKING:
    from irsend.mailhost import MailHost
    from irsend.panel.site import PanelSite
    from irsend.probe.service import Probes


class Assembly(MultiService):
    """A machine with its panel and mail host. Starting raises IrsendError or CannotListen."""

    log = Logger()

    def __init__(
        self,
        configuration: Configuration,
        reactor: Any,
        now: Callable[[], float],
        make_print_pool: PoolMaker = make_print_pool,
    ) -> None:
        MultiService.__init__(self)
        self._reactor = reactor
        self._panel_ports: list[IListeningPort] = []
        self._now = now
        self._site: PanelSite | None = None
        self._probes: Probes | None = None
        self.machine = Machine(configuration, reactor, now, make_print_pool)
        self.machine.setServiceParent(self)
        self.mailhost: MailHost | None = None
        if configuration.mailhost.enabled:
            from irsend.mailhost import MailHost

            self.mailhost = MailHost(
                configuration.mailhost,
                self.machine.storage.state.path / "mailhost",
                reactor,
                now,
                machine=self.machine.smtp_listener,
                steps=self.machine.faults.steps,
                key_at_first_use=self.machine.storage.in_memory,
            )
            self.mailhost.setServiceParent(self)

    def startService(self) -> None:
        """Lock the state directory, then switch everything on."""
        self.machine.acquire()
        try:
            MultiService.startService(self)
            self._log_missing()
            if self.machine.configuration.listen.panel:
                self._open_panel(self.machine.configuration.listen.panel)
        except BaseException:
            if self.mailhost is not None:
                self.mailhost.abort_start()
            self.machine.abort_start()
            raise

    def _log_missing(self) -> None:
        """Name the libraries that the configuration asks for and that are not installed."""
        configuration = self.machine.configuration
        missing = []
        if configuration.printing.workers:
            missing.append((printing_lacks(), "received mail waits in memory"))
        if configuration.listen.panel:
            missing.append((PANEL.lacks("The panel's page"), "/api and irsendctl work"))
        for sentence, consequence in missing:
            if sentence:
                self.log.warn(
                    "{sentence} ({consequence})",
                    sentence=sentence,
                    consequence=consequence,
                    log_system="irsend",
                )

    def stopService(self) -> Deferred[None]:
        """Close every port, end all that is under way, then release the state directory."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        ports, self._panel_ports = self._panel_ports, []
        ending: list[Deferred[Any]] = [maybeDeferred(port.stopListening) for port in ports]
        if self._probes is not None:
            ending.append(self._probes.stop())
        if self._site is not None:
            ending.append(self._site.stop())
        if self.mailhost is not None:
            ending.append(maybeDeferred(self.mailhost.disownServiceParent))
        ending.append(self.machine.quiesce())
        await DeferredList(ending)
        await MultiService.stopService(self)

    def reload(self, configuration: Configuration) -> None:
        """Take another configuration, as far as it can change while running."""
        self.machine.reload(configuration)
        if self._site is not None:
            self._site.change_options(_panel_options(self.machine.configuration))

    @property
    def panel_addresses(self) -> list[IAddress]:
        """Where the panel listens."""
        return [port.getHost() for port in self._panel_ports]

    def _open_panel(self, description: str) -> None:
        from irsend.panel import panel_site
        from irsend.probe.service import Probes

        self._probes = Probes(self.machine.device, self._reactor, self._now)
        self._site = panel_site(
            self.machine.control,
            probes=self._probes,
            options=_panel_options(self.machine.configuration),
            clock=self._reactor,
            addresses=lambda: [
                address_text(one) for one in self.machine.smtp_listener.addresses
            ],
        )
        self._panel_ports = listen(
            self._reactor,
            "listen.panel",
            description,
            self._site,
            through=self._on_the_wire if self.machine.configuration.link.covers_panel else None,
        )
        for address in self.panel_addresses:
            self.log.info(
                "Panel: http://{address}/", address=address_text(address), log_system="irsend"
            )

    def _on_the_wire(self, make: EndpointMaker) -> LinkServerEndpoint:
        # The panel stays reachable from this host, whatever the filter is set to.
        return LinkServerEndpoint(self._reactor, self.machine.link, make, spares_loopback=True)


def _panel_options(configuration: Configuration) -> PanelOptions:
    return PanelOptions(
        password=configuration.panel.password,
        hostnames=configuration.tls.hostnames,
        most_upload=configuration.limits.upload * MB,
    )


def check(configuration: Configuration, reactor: Any) -> None:
    """Raise ConfigurationError for what a start would refuse; nothing is made or opened."""
    for key, description in (
        ("listen.smtp", configuration.listen.smtp),
        ("listen.panel", configuration.listen.panel),
        ("mailhost.smtp", configuration.mailhost.smtp),
        ("mailhost.pop3", configuration.mailhost.pop3),
    ):
        if description:
            server_endpoint(reactor, key, description)
    check_key(configuration)
    choose_way(configuration.link.way)
    if configuration.mailhost.enabled:
        from irsend.mailhost.accounts import Accounts

        Accounts(configuration.mailhost.accounts)
