"""The machine's key and certificate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from twisted.trial.unittest import SynchronousTestCase

from irsend.errors import KeyMaterialError
from irsend.store.keys import (
    KeyMaterial,
    KeyStore,
    generate_key_material,
    read_key_material,
)

AT = 1_234_567_890.0
NAMES = ("ir2270.bench.test", "192.0.2.1", "2001:db8::1")
DAY = 86_400

_made: dict[int, tuple[bytes, bytes]] = {}


def pair(number: int = 0) -> tuple[bytes, bytes]:
    """A certificate and its key, the same for all tests of a run."""
    if number not in _made:
        _made[number] = generate_key_material(NAMES, 1024, AT)
    return _made[number]


def pem(key: Any, password: bytes | None = None) -> bytes:
    """A key as PEM."""
    protection = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    octets: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    )
    return octets


def certificate_of(key: Any, *, begins: float = AT, days: int = 30) -> bytes:
    """A certificate without names that a key signs itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    begin = datetime.fromtimestamp(begins, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


class Case(SynchronousTestCase):
    """A directory for keys."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.certificate = self.directory / "certificate.pem"
        self.key = self.directory / "key.pem"
        self.store = KeyStore(self.directory)

    def refused(self, ask: Any, *args: Any) -> str:
        """The sentence that something is refused with."""
        return str(self.assertRaises(KeyMaterialError, ask, *args))


class GenerateTests(Case):
    """Keys that the machine makes itself."""

    def test_certificate(self) -> None:
        """It is for the names given, addresses as addresses, the first of them its subject."""
        material = read_key_material(*pair())
        names = material.certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["ir2270.bench.test"])
        self.assertEqual(
            [str(one) for one in names.get_values_for_type(x509.IPAddress)],
            ["192.0.2.1", "2001:db8::1"],
        )
        self.assertEqual(material.certificate.subject.rfc4514_string(), "CN=ir2270.bench.test")
        self.assertEqual(material.certificate.issuer, material.certificate.subject)

    def test_use(self) -> None:
        """It is a server's certificate and no authority's."""
        extensions = read_key_material(*pair()).certificate.extensions
        usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        self.assertEqual(list(usage), [ExtendedKeyUsageOID.SERVER_AUTH])
        self.assertFalse(extensions.get_extension_for_class(x509.BasicConstraints).value.ca)

    def test_bits(self) -> None:
        """The key has the length of the model's."""
        key = read_key_material(*pair()).key
        assert isinstance(key, rsa.RSAPrivateKey)
        self.assertEqual(key.key_size, 1024)

    def test_valid(self) -> None:
        """It is valid from its making on, and for years."""
        material = read_key_material(*pair())
        for at in (AT, AT + 9 * 365 * DAY):
            material.check_valid(at)

    def test_long_name(self) -> None:
        """A name that is too long for a subject is a name of it all the same."""
        name = "x" * 60 + ".bench.test"
        material = read_key_material(*generate_key_material([name], 1024, AT))
        self.assertEqual(material.describe()["names"], [name])

    def test_no_names(self) -> None:
        """Without names there is a certificate too."""
        material = read_key_material(*generate_key_material([], 1024, AT))
        self.assertEqual(
            (material.describe()["names"], material.describe()["subject"]), ([], "CN=irsend")
        )


class MaterialTests(Case):
    """Reading, checking and describing."""

    def test_expired(self) -> None:
        """An expired certificate, and one that is not valid yet, are refused with the day."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        material = read_key_material(certificate_of(key), pem(key))
        material.check_valid(AT)
        material.check_valid(AT + 30 * DAY)
        self.assertEqual(
            self.refused(material.check_valid, AT + 30 * DAY + 1),
            "the certificate expired on 2009-03-15",
        )
        self.assertEqual(
            self.refused(material.check_valid, AT - 1),
            "the certificate is not valid before 2009-02-13",
        )

    def test_does_not_fit(self) -> None:
        """A key that belongs to another certificate is refused, RSA or not."""
        self.assertEqual(
            self.refused(read_key_material, pair(0)[0], pair(1)[1]),
            "the key does not fit the certificate",
        )
        other = pem(ec.generate_private_key(ec.SECP256R1()))
        self.assertEqual(
            self.refused(read_key_material, pair()[0], other),
            "the key does not fit the certificate",
        )

    def test_password(self) -> None:
        """A key that is protected by a password is refused with what to do."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        self.assertEqual(
            self.refused(read_key_material, certificate_of(key), pem(key, b"hunter2")),
            "the key is protected by a password; give it without one",
        )

    def test_not_pem(self) -> None:
        """A file that is no PEM is refused; the error says which of the two."""
        certificate, key = pair()
        for wrong in (
            b"",
            b"x",
            b"\xff\x00",
            key,
            certificate[:200],
            certificate.hex().encode(),
        ):
            self.assertEqual(
                self.refused(read_key_material, wrong, key),
                "the certificate is not a certificate in PEM form",
            )
        for wrong in (b"", b"x", b"\xff\x00", certificate, key[:200], key.hex().encode()):
            self.assertEqual(
                self.refused(read_key_material, certificate, wrong),
                "the key is not a private key in PEM form",
            )

    def test_other_kinds(self) -> None:
        """Keys of other kinds than RSA are read too."""
        key = ec.generate_private_key(ec.SECP256R1())
        material = read_key_material(certificate_of(key), pem(key))
        self.assertEqual(material.describe()["bits"], 256)

    def test_chain(self) -> None:
        """Behind the certificate its chain may stand; the first one is the machine's."""
        certificate, key = pair()
        material = read_key_material(certificate + pair(1)[0], key)
        self.assertEqual(len(material.certificates), 2)
        self.assertEqual(material.certificate, x509.load_pem_x509_certificate(certificate))
        self.refused(read_key_material, pair(1)[0] + certificate, key)

    def test_describe(self) -> None:
        """It is described by subject, names, validity, bits and fingerprint."""
        material = read_key_material(*pair())
        told = material.describe()
        self.assertEqual(
            {key: told[key] for key in told if key != "sha256"},
            {
                "subject": "CN=ir2270.bench.test",
                "names": ["ir2270.bench.test", "192.0.2.1", "2001:db8::1"],
                "not_before": "2009-02-13T22:31:30+00:00",
                "not_after": "2019-02-11T22:31:30+00:00",
                "bits": 1024,
            },
        )
        self.assertEqual(
            told["sha256"], material.certificate.fingerprint(hashes.SHA256()).hex(":")
        )

    def test_describe_without_names(self) -> None:
        """A certificate without names is described without any."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        material = read_key_material(certificate_of(key), pem(key))
        self.assertEqual(material.describe()["names"], [])

    def test_repr(self) -> None:
        """The key is in no repr."""
        self.assertNotIn("PrivateKey", repr(read_key_material(*pair())))


class StoreTests(Case):
    """Where they are kept."""

    def first_start(self) -> KeyMaterial:
        """Start with nothing there."""
        return self.store.load_or_generate(NAMES, 1024, AT)

    def test_first_start(self) -> None:
        """At the first start key and certificate are made, closed to others."""
        material = self.first_start()
        self.assertEqual(material.describe()["names"], list(NAMES))
        for path in (self.certificate, self.key):
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(len(list(self.directory.iterdir())), 2)

    def test_second_start(self) -> None:
        """At the second start they are the same, even under other names."""
        first = self.first_start()
        second = KeyStore(self.directory).load_or_generate(["other.test"], 2048, AT)
        self.assertEqual(first.certificates, second.certificates)

    def test_one_is_missing(self) -> None:
        """Where one of both is missing nothing is made over the other; the missing one is named."""
        for missing, left in ((self.key, self.certificate), (self.certificate, self.key)):
            self.first_start()
            content = left.read_bytes()
            missing.unlink()
            self.assertEqual(
                self.refused(self.first_start), f"{missing}: No such file or directory"
            )
            self.assertEqual(left.read_bytes(), content)
            left.unlink()

    def test_spoilt(self) -> None:
        """Files that cannot be used are refused, and not changed."""
        self.first_start()
        self.key.write_bytes(b"spoilt")
        self.assertEqual(
            self.refused(self.first_start), "the key is not a private key in PEM form"
        )
        self.assertEqual(self.key.read_bytes(), b"spoilt")

    def test_unreadable(self) -> None:
        """What cannot be read is refused by its name."""
        self.first_start()
        self.key.unlink()
        self.key.mkdir()
        self.assertEqual(self.refused(self.store.load), f"{self.key}: Is a directory")

    def test_nothing_there(self) -> None:
        """To load where nothing is there is refused by the name of what is missing."""
        self.assertIn("No such file", self.refused(self.store.load))

    def test_save(self) -> None:
        """A pair that was imported is kept as it was given, and is the machine's from now on."""
        self.first_start()
        certificate, key = pair()
        saved = self.store.save(certificate, key)
        self.assertEqual(self.store.load().certificates, saved.certificates)
        self.assertEqual(self.certificate.read_bytes(), certificate)
        self.assertEqual(self.key.stat().st_mode & 0o777, 0o600)

    def test_wrong_pair_is_not_saved(self) -> None:
        """A pair that does not fit leaves what is there as it was."""
        before = self.first_start()
        self.refused(self.store.save, pair(0)[0], pair(1)[1])
        self.assertEqual(self.store.load().certificates, before.certificates)


class ConfiguredTests(Case):
    """Files that the configuration names."""

    def setUp(self) -> None:
        super().setUp()
        self.own = self.directory / "elsewhere"
        self.own.mkdir()
        self.paths = [self.own / "printer.crt", self.own / "printer.key"]
        self.configured = KeyStore(self.directory, *map(str, self.paths))

    def test_used(self) -> None:
        """They are used where they are."""
        for path, content in zip(self.paths, pair(), strict=True):
            path.write_bytes(content)
        material = self.configured.load_or_generate(NAMES, 1024, AT)
        self.assertEqual(material.certificate, x509.load_pem_x509_certificate(pair()[0]))
        self.assertFalse(self.certificate.exists())

    def test_not_made(self) -> None:
        """Where they are missing nothing is made; the missing file is named."""
        self.assertEqual(
            self.refused(self.configured.load_or_generate, NAMES, 1024, AT),
            f"{self.paths[0]}: No such file or directory",
        )
        self.assertEqual(list(self.own.iterdir()), [])

    def test_not_overwritten(self) -> None:
        """They are never overwritten: another pair is refused with the names of both files."""
        for path, content in zip(self.paths, pair(), strict=True):
            path.write_bytes(content)
        self.assertEqual(
            self.refused(self.configured.save, *pair(1)),
            f"the configuration names {self.paths[0]} and {self.paths[1]}; "
            "change these files instead",
        )
        self.assertEqual(self.paths[0].read_bytes(), pair()[0])

    def test_both_or_none(self) -> None:
        """One without the other is refused."""
        for given in (("x.crt", ""), ("", "x.key")):
            self.assertEqual(
                self.refused(KeyStore, self.directory, *given),
                "tls.certificate and tls.key are given both or not at all",
            )
