"""The machine: the one place that knows all the parts, makes them, and switches them on and off.

It speaks no protocol and decides nothing about mail.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger

from irsend.configuration import Configuration
from irsend.device.device import Device
from irsend.errors import ConfigurationError, KeyMaterialError, NotKept, ValueRefused
from irsend.link.enforcement import choose_way
from irsend.link.link import Link
from irsend.services.blocking import run_blocking
from irsend.services.fault_orders import FaultOrders
from irsend.services.keyring import Keyring
from irsend.services.live_configuration import LiveConfiguration
from irsend.services.machine.control import Control
from irsend.services.machine.job_log import log_machine
from irsend.services.machine.mac_filter import MacFilter
from irsend.services.machine.makers import USUAL, Makers
from irsend.services.machine.recovery import Recovery
from irsend.services.machine.settings_precedence import SettingsPrecedence, for_model
from irsend.services.pop_session_queue import POPSessionQueue
from irsend.services.print.page_viewer import PAGE_CPU_SECONDS, PageViewer
from irsend.services.print.print_pool import PoolMaker, WorkerPools, make_print_pool
from irsend.services.print.print_queue import PrintQueue
from irsend.services.print.retention import Retention
from irsend.services.reactor import IReactor
from irsend.services.receive.dispatch import Dispatch
from irsend.services.receive.mail_archive import READ_CPU_SECONDS, MailArchive
from irsend.services.receive.pop_poller import POPPoller
from irsend.services.receive.reassembly import Reassembly
from irsend.services.receive.received_jobs import ReceivedJobs
from irsend.services.receive.smtp_listener import SMTPListener
from irsend.services.send.attempt import AttemptParts
from irsend.services.send.full_mode import FullMode
from irsend.services.send.job_submission import JobSubmission
from irsend.services.send.notifier import Notifier
from irsend.services.send.send_queue import SendQueue
from irsend.services.sessions import Sessions


class Machine(MultiService):
    """One printer. `acquire` its state directory, then start the service.

    The configuration says what is left out (docs/architecture). Panel and mail host are
    not part of it (see `irsend.assembly`).
    """

    log = Logger()
    logs = True  # False, before it starts, for one of which the log has errors only.

    def __init__(
        self,
        configuration: Configuration,
        reactor: IReactor,
        now: Callable[[], float],
        make_print_pool: PoolMaker = make_print_pool,
        makers: Makers = USUAL,
    ) -> None:
        MultiService.__init__(self)
        self._live = live = LiveConfiguration(configuration)
        model, link, printing = configuration.model, configuration.link, configuration.printing
        self.device = device = Device(model=model, settings=model.initial_settings(), now=now)
        device.paper = printing.loaded

        # What it stores, its key, its settings.
        self.faults = faults = FaultOrders(live, reactor, device)
        self.storage = storage = makers.storage(live, reactor, device.now)
        memory, journal = storage.memory, storage.journal
        outbox, tray = storage.outbox, storage.tray
        self.keyring = Keyring(
            storage.state.keys,
            device=device,
            configuration=live,
            at_first_use=storage.in_memory,
        )
        self.settings = SettingsPrecedence(
            device=device,
            configuration=live,
            saved=storage.saved_settings,
            keyring=self.keyring,
        )

        # The network, and its sessions.
        self.link = Link(choose_way(link.way))
        self.mac_filter = MacFilter(
            clock=reactor, device=device, link=self.link, configuration=live
        )
        self.network = network = makers.network(
            reactor=reactor, link=self.link, on_disk=storage.on_disk
        )
        self.sessions = sessions = Sessions(device, journal, live, faults)
        blocking = lambda work: run_blocking(reactor, work)  # noqa: E731
        workers = WorkerPools(reactor, make_print_pool)
        self.pop_sessions = POPSessionQueue(
            clock=reactor,
            device=device,
            configuration=live,
            sessions=sessions,
            network=network,
            blocking=blocking,
        )

        # What sends: an order is scanned into the outbox, queued, attempted; notifications are awaited.
        self.scanner = makers.scanner(reactor, timeout=lambda: live.current.limits.scan)
        self.full_mode = FullMode(
            clock=reactor,
            device=device,
            journal=journal,
            outbox=outbox,
            receiver_features=storage.receiver_features,
        )
        self.send_queue = SendQueue(
            journal=journal,
            submission=JobSubmission(
                device=device,
                memory=memory,
                configuration=live,
                outbox=outbox,
                scanner=self.scanner,
                receiver_features=storage.receiver_features,
                on_disk=storage.on_disk,
            ),
            full_mode=self.full_mode,
            attempts=AttemptParts(
                clock=reactor,
                device=device,
                configuration=live,
                outbox=outbox,
                sessions=sessions,
                network=network,
                pop_sessions=self.pop_sessions,
                on_disk=storage.on_disk,
                blocking=blocking,
            ),
        )
        notifier = Notifier(
            device=device,
            journal=journal,
            configuration=live,
            outbox=outbox,
            send_queue=self.send_queue,
        )

        # What prints: a mail waits for paper and becomes a document; the tray is kept within its limits.
        self.retention = Retention(
            clock=reactor,
            device=device,
            journal=journal,
            configuration=live,
            tray=tray,
            memory=memory,
            kept_mails=storage.kept_mails,
            mail_index=storage.mail_index,
        )
        self.print_queue = PrintQueue(
            clock=reactor,
            device=device,
            memory=memory,
            configuration=live,
            tray=tray,
            pool=workers.printing(printing.workers, lambda: live.current.limits.print),
            notifier=notifier,
            retention=self.retention,
            on_disk=storage.on_disk,
        )
        self.page_viewer = PageViewer(
            tray=tray,
            pool=workers.printing(min(1, printing.workers), lambda: PAGE_CPU_SECONDS),
            configuration=live,
            on_disk=storage.on_disk,
        )

        # What receives: a mail that is safe in memory goes to dispatch, and from there to its queue.
        self.reassembly = Reassembly(clock=reactor, device=device, print_queue=self.print_queue)
        self.dispatch = Dispatch(
            clock=reactor,
            device=device,
            memory=memory,
            journal=journal,
            on_disk=storage.on_disk,
            print_queue=self.print_queue,
            reassembly=self.reassembly,
            full_mode=self.full_mode,
            notifier=notifier,
            retention=self.retention,
        )
        self.smtp_listener = SMTPListener(
            configuration.listen.smtp,
            reactor=reactor,
            device=device,
            memory=memory,
            configuration=live,
            sessions=sessions,
            network=network,
            keyring=self.keyring,
            dispatch=self.dispatch,
        )
        faults.restart = self.smtp_listener.restart
        self.pop_poller = POPPoller(
            clock=reactor,
            device=device,
            memory=memory,
            journal=journal,
            configuration=live,
            pop_sessions=self.pop_sessions,
            dispatch=self.dispatch,
        )

        received_jobs = ReceivedJobs(
            device=device,
            memory=memory,
            journal=journal,
            dispatch=self.dispatch,
            reassembly=self.reassembly,
            print_queue=self.print_queue,
        )
        self.mail_archive = MailArchive(
            memory=memory,
            kept=storage.kept_mails,
            index=storage.mail_index,
            tray=tray,
            pool=workers.reading(lambda: READ_CPU_SECONDS),
            received_jobs=received_jobs,
            on_disk=storage.on_disk,
        )

        # What goes on after a restart, and what the panel asks.
        self._recovery = Recovery(
            device=device,
            memory=memory,
            kept_mails=storage.kept_mails,
            journal=journal,
            configuration=live,
            outbox=outbox,
            tray=tray,
            dispatch=self.dispatch,
            full_mode=self.full_mode,
            send_queue=self.send_queue,
        )
        self.control = Control(
            device=device,
            storage=storage,
            link=self.link,
            keyring=self.keyring,
            settings=self.settings,
            sessions=sessions,
            pop_sessions=self.pop_sessions,
            poller=self.pop_poller,
            send_queue=self.send_queue,
            received_jobs=received_jobs,
            mail_archive=self.mail_archive,
            page_viewer=self.page_viewer,
            faults=faults,
        )
        # They start in this order: the filter is in force before anything listens.
        inner = (
            self.mac_filter,
            self.retention,
            self.print_queue,
            self.reassembly,
            self.dispatch,
        )
        receiving = self.smtp_listener, self.pop_sessions, self.pop_poller
        for service in (*inner, *receiving, self.full_mode, self.send_queue):
            service.setServiceParent(self)

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""
        return self._live.current

    # -- its life -------------------------------------------------------------

    def acquire(self) -> None:
        """Make and lock the state directory; StateError where that cannot be done."""
        self.storage.acquire()

    def startService(self) -> None:
        """Switch on: read what is kept, then listen and poll; raises IrsendError, CannotListen."""
        self.storage.state.write_pid()
        self.keyring.load()
        self.settings.load()
        self.storage.open(self.device)
        self._recovery.run()
        self.faults.configure()
        self.device.save_settings = self.settings.save
        self.device.checks.append(self.keyring.check)
        self.storage.start_threads()
        self.device.running = True
        if self.logs:
            log_machine(self.device, self.storage.state.path)
        MultiService.startService(self)

    def abort_start(self) -> None:
        """Undo a start that failed: close and release everything, and wait for nothing."""
        self.smtp_listener.abort_start()
        for part in (self.retention, self.print_queue, self.reassembly, self.dispatch):
            if part.running:
                part.stopService()
        self.scanner.stop()
        self.page_viewer.stop()
        self.mail_archive.stop()
        self.storage.abort_start()

    def quiesce(self) -> Deferred[None]:
        """Accept no more work, and end what is under way; fires when that has ended."""
        ending: list[Deferred[None]] = []
        if self.running:
            processes = self.scanner, self.page_viewer, self.mail_archive
            ending = [maybeDeferred(MultiService.stopService, self)]
            ending += [maybeDeferred(one.stop) for one in processes]
        return DeferredList(ending).addCallback(lambda _: None)

    def stopService(self) -> Deferred[None]:
        """Switch off: end what is under way, write what is pending, release the state directory."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self.quiesce()
        self.device.running = False
        await self.storage.close()

    def reload(self, configuration: Configuration) -> None:
        """Take another configuration while running: settings, limits and certificates.

        Keys that are declared `at_start` stay as they are until the next start.
        """
        for key in configuration.start_only_changes(self.configuration):
            self.log.warn("{key}: changes with the next start only", key=key)
        configuration = for_model(configuration, self.device.model)
        settings = self.settings.of(configuration)
        try:
            use_key = self.keyring.prepare(configuration.tls, settings)
        except (KeyMaterialError, NotKept, ValueRefused) as error:
            raise ConfigurationError(str(error)) from None
        self._live.current = configuration
        self.faults.configure()
        use_key()
        self.mac_filter.apply()
        self.device.reset_settings(settings)
        self.log.info("Configuration and certificates were read again")
