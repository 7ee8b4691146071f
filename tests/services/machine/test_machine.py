"""The machine as a whole: what survives a restart, and what a setting needs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from irsend.configuration import configuration
from irsend.errors import CannotCancel, ConfigurationError, KeyMaterialError, SettingsRefused
from irsend.machine_interface import IMachine
from irsend.services.machine.machine import Machine
from irsend.store.keys import generate_key_material
from irsend.store.memory import maildrop_mark, uidl_mark
from tests.parts import key_pem

_POLICY = "authent_encryption.allow_ssl_smtp_receive"


class MachineTests(unittest.TestCase):
    """A machine on a state directory, switched on and off."""

    def setUp(self) -> None:
        """Choose the state directory."""
        self.state = Path(self.mktemp()).absolute()
        self.machine: Machine | None = None
        self.addCleanup(self.switch_off)

    def configured(self, **given: Any) -> Any:
        """Return a configuration that listens nowhere."""
        given.setdefault("listen", {"smtp": "tcp:0:interface=127.0.0.1", "panel": ""})
        return configuration(state=str(self.state), **given)

    def switch_on(self, configured: Any = None) -> Machine:
        """Switch a machine on, on the state directory."""
        machine = Machine(configured or self.configured(), reactor, time.time)
        machine.acquire()
        try:
            machine.startService()
        except BaseException:
            machine.abort_start()
            raise
        self.machine = machine
        return machine

    def switch_off(self) -> Any:
        """Switch it off."""
        machine, self.machine = self.machine, None
        return machine.stopService() if machine is not None else None

    def test_interface(self) -> None:
        """It is an IMachine."""
        verifyObject(IMachine, self.switch_on().control)

    async def test_settings_survive(self) -> None:
        """What was changed at the machine holds after a restart, over the file and below --set."""
        machine = self.switch_on(
            self.configured(settings={"email_ifax": {"pop_interval": 1, "pop_address": "file"}})
        )
        self.assertEqual(machine.device.settings.email_ifax.pop_interval, 1)
        machine.control.change_settings(
            {"email_ifax.pop_interval": 2, "email_ifax.default_subject": "x"}
        )
        await self.switch_off()
        configured = self.configured(
            settings={"email_ifax": {"pop_interval": 1, "pop_address": "file"}}
        )
        object.__setattr__(configured, "overrides", {"email_ifax.default_subject": "set"})
        window = self.switch_on(configured).device.settings.email_ifax
        self.assertEqual(
            (window.pop_interval, window.pop_address, window.default_subject),
            (2, "file", "set"),
        )

    async def test_factory_reset(self) -> None:
        """A factory reset forgets what was changed at the machine, now and after a restart."""
        machine = self.switch_on()
        machine.control.change_settings({"email_ifax.pop_interval": 2})
        machine.control.factory_reset()
        self.assertEqual(machine.device.settings.email_ifax.pop_interval, 0)
        await self.switch_off()
        self.assertEqual(self.switch_on().device.settings.email_ifax.pop_interval, 0)

    async def test_quirks_of_the_model(self) -> None:
        """A model's quirks hold until they are changed at the machine, and a factory reset restores them."""
        model = Path(self.mktemp() + ".toml")
        model.write_text('name = "quits-not"\n[quirks]\nno_quit = true\n')
        machine = self.switch_on(self.configured(model=str(model)))
        self.assertIs(machine.device.settings.quirks.no_quit, True)
        machine.control.change_settings({"quirks.no_quit": "off", "quirks.date": "none"})
        self.assertIs(machine.device.settings.quirks.no_quit, False)
        machine.control.factory_reset()
        quirks = machine.device.settings.quirks
        self.assertEqual((quirks.no_quit, quirks.date), (True, "standard"))

    async def test_saved_by_another_model(self) -> None:
        """What another model saved is left alone by one that does not have the item."""
        self.switch_on().control.change_settings({_POLICY: "on"})
        await self.switch_off()
        machine = self.switch_on(self.configured(model="ir2200"))
        self.assertEqual(machine.device.settings.value(_POLICY).value, "off")
        await self.switch_off()
        self.assertEqual(self.switch_on().device.settings.value(_POLICY).value, "on")

    def test_encrypted_reception_needs_a_key(self) -> None:
        """Turning encrypted reception on without a key, or with one that does not fit, is refused."""
        machine = self.switch_on()
        keys = self.state / "keys"
        own = (keys / "certificate.pem").read_bytes()
        other, _ = generate_key_material(["other"], 1024, time.time())
        expired, expired_key = generate_key_material(
            ["old"], 1024, time.time() - 20 * 365 * 86_400
        )
        own_key = (keys / "key.pem").read_bytes()
        for certificate, key, why in (
            (None, own_key, "No such file"),
            (other, own_key, "the key does not fit the certificate"),
            (expired, expired_key, "the certificate expired on"),
            (b"nonsense", own_key, "not a certificate in PEM form"),
        ):
            (keys / "certificate.pem").unlink(missing_ok=True)
            if certificate is not None:
                (keys / "certificate.pem").write_bytes(certificate)
            (keys / "key.pem").write_bytes(key)
            refused = self.assertRaises(
                SettingsRefused, machine.control.change_settings, {_POLICY: "ssl"}
            )
            self.assertIn(why, str(refused))
            self.assertIn("ssl needs a valid key and certificate", str(refused))
        (keys / "certificate.pem").write_bytes(own)
        (keys / "key.pem").write_bytes(own_key)
        machine.control.change_settings({_POLICY: "ssl"})

    async def test_no_start_without_the_key(self) -> None:
        """A machine whose file turns encrypted reception on does not start with a key it cannot use."""
        self.switch_on()
        await self.switch_off()
        (self.state / "keys" / "key.pem").write_bytes(b"nonsense")
        configured = self.configured(
            settings={"authent_encryption": {"allow_ssl_smtp_receive": "on"}}
        )
        error = self.assertRaises(ConfigurationError, self.switch_on, configured)
        self.assertIn(f"settings.{_POLICY}", str(error))
        self.assertIn("not a private key in PEM form", str(error))

    async def test_another_model(self) -> None:
        """Another model on the same state directory makes a key where it cannot use the other's."""
        self.switch_on()
        await self.switch_off()
        machine = self.switch_on(self.configured(model="iradvance"))
        machine.control.change_settings({_POLICY: "ssl"})
        description = machine.control.key_description()
        assert description is not None
        self.assertEqual(description["bits"], 2048)

    def test_port_in_use(self) -> None:
        """A port that another program listens on is refused, and the machine listens where it did."""
        machine = self.switch_on()
        machine.control.change_settings({"email_ifax.smtp_receive": True})
        port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        error = self.assertRaises(
            SettingsRefused,
            machine.control.change_settings,
            {"service_mode.smtp_rx_port": port.getHost().port},
        )
        self.assertIn("service_mode.smtp_rx_port: the machine cannot listen there", str(error))
        self.assertEqual(machine.device.settings.service_mode.smtp_rx_port, 25)

    async def test_keys(self) -> None:
        """A key is made at the first start, kept, described, made anew and imported."""
        machine = self.switch_on()
        first = machine.control.key_description()
        assert first is not None
        self.assertEqual((first["bits"], first["names"]), (1024, ["localhost", "127.0.0.1"]))
        second = await machine.control.generate_key()
        self.assertNotEqual(first["sha256"], second["sha256"])
        certificate, key = generate_key_material(["imported.test"], 1024, time.time())
        machine.control.import_key(certificate, key)
        self.assertRaises(
            KeyMaterialError, machine.control.import_key, certificate, b"nonsense"
        )
        await self.switch_off()
        description = self.switch_on().control.key_description()
        assert description is not None
        self.assertEqual(description["names"], ["imported.test"])
        self.assertEqual((self.state / "keys" / "key.pem").stat().st_mode & 0o777, 0o600)

    async def test_key_that_the_model_cannot_use(self) -> None:
        """A key that cannot be used, or has expired, is refused before the old one is overwritten."""
        machine = self.switch_on(self.configured(model="iradvance"))
        machine.control.change_settings({_POLICY: "ssl"})
        before = machine.control.key_description()
        short = generate_key_material(["x"], 1024, time.time())
        # Of 2009, for ten years.
        expired = key_pem(2048)
        for certificate, key in (short, expired):
            self.assertRaises(KeyMaterialError, machine.control.import_key, certificate, key)
        self.assertEqual(machine.control.key_description(), before)
        await self.switch_off()
        self.assertEqual(
            self.switch_on(self.configured(model="iradvance")).control.key_description(), before
        )

    async def test_reload_with_a_wrong_key(self) -> None:
        """SIGHUP with a key that cannot be used changes nothing: encrypted reception does not fall silent."""
        machine = self.switch_on()
        machine.control.change_settings({_POLICY: "ssl"})
        before = machine.control.key_description()
        wrong = {"certificate": "/nowhere", "key": "/nowhere"}
        self.assertRaises(ConfigurationError, machine.reload, self.configured(tls=wrong))
        self.assertEqual(machine.control.key_description(), before)
        own = str(self.state / "keys" / "certificate.pem"), str(self.state / "keys" / "key.pem")
        machine.reload(self.configured(tls={"certificate": own[0], "key": own[1]}))
        await self.switch_off()

    async def test_fetched_before_a_crash(self) -> None:
        """A mail of a POP server whose job was lost in a crash is known by its mark at the next start."""
        self.switch_on()
        await self.switch_off()
        mark = uidl_mark("pop.bench.test", "ir", b"1")
        mail = self.state / "memory" / "new" / f"1.M1P1Q1.host,U={mark}"
        mail.write_bytes(b"Subject: left\r\n\r\n")
        machine = self.switch_on()
        fetched = await machine.storage.journal.fetched(maildrop_mark("pop.bench.test", "ir"))
        self.assertEqual(fetched, {mark})

    async def test_mail_without_a_job(self) -> None:
        """A mail whose job was lost in a crash gets one at the next start; numbers go on."""
        self.switch_on()
        await self.switch_off()
        mail = self.state / "memory" / "new" / "1.M1P1Q1.host"
        mail.write_bytes(b"From: a@b.test\r\nSubject: left\r\n\r\n")
        (self.state / "memory" / "tmp" / "unfinished").write_bytes(b"x")
        machine = self.switch_on()
        (job,) = await machine.control.jobs()
        self.assertEqual((job.number, job.party, job.subject), ("5001", "a@b.test", "left"))
        self.assertFalse((self.state / "memory" / "tmp" / "unfinished").exists())
        await self.switch_off()
        self.assertEqual(len(await self.switch_on().control.jobs()), 1)

    async def test_cancel(self) -> None:
        """A job that waits can be cancelled: #995, and its mail leaves the memory; one that ended cannot."""
        self.state.mkdir()
        (self.state / "memory" / "new").mkdir(parents=True)
        mail = self.state / "memory" / "new" / "1.M1P1Q1.host"
        mail.write_bytes(b"Subject: x\r\n\r\n")
        machine = self.switch_on()
        self.assertEqual(machine.control.memory()[0], 14)
        job = await machine.control.cancel_job("5001")
        self.assertEqual((job.result, job.code), ("NG", "#995"))
        self.assertEqual((mail.exists(), machine.control.memory()[0]), (False, 0))
        await self.assertFailure(machine.control.cancel_job("5001"), CannotCancel)

    async def test_status_survives(self) -> None:
        """What stands on the status line stands there after a restart, until it is cleared."""
        from irsend.device.status import StatusText

        self.switch_on().device.show_status(StatusText.SSL_ERROR_POP, None)
        await self.switch_off()
        machine = self.switch_on()
        self.assertEqual(machine.device.status.text, "SSL Error (POP)")
        machine.device.clear_status()
        await self.switch_off()
        machine = self.switch_on()
        self.assertEqual(machine.device.status.text, "")
        self.assertEqual(
            [one.text.value for one in (await machine.control.status_history())],
            ["SSL Error (POP)"],
        )

    async def test_listening_follows_the_setting(self) -> None:
        """SMTP Receive opens and closes the port at once."""
        machine = self.switch_on()
        self.assertEqual(machine.smtp_listener.addresses, [])
        machine.control.change_settings({"email_ifax.smtp_receive": True})
        await machine.smtp_listener.settled()
        self.assertEqual(len(machine.smtp_listener.addresses), 1)
        machine.control.change_settings({"email_ifax.smtp_receive": False})
        await machine.smtp_listener.settled()
        self.assertEqual(machine.smtp_listener.addresses, [])
