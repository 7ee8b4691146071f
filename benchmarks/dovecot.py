"""The maildrop that row 5 empties: a Dovecot of our own, POP3 with STLS and POP3S."""

from __future__ import annotations

import datetime
import grp
import itertools
import os
import pwd
import shutil
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.bench import Bench, empty
from benchmarks.processes import Server, free_port

USER = PASSWORD = "bench"
_DOVECOT = shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin")
_numbers = itertools.count(1)


class Dovecot:
    """A POP3 server with one account, whose maildrop is filled again for each round."""

    def __init__(self, bench: Bench) -> None:
        self._directory = bench.place("dovecot")
        self._directory.chmod(0o755)
        self._maildrop = self._directory / "maildrop"
        self._server: Server | None = None
        self.port = self.tls_port = 0

    def missing(self) -> str:
        """Return what is missing for it."""
        pop3 = (
            Path("/usr/lib/dovecot/pop3").exists() or Path("/usr/libexec/dovecot/pop3").exists()
        )
        return (
            ""
            if _DOVECOT and pop3
            else "Dovecot's POP3 server is missing (Debian: dovecot-pop3d)"
        )

    def start(self) -> None:
        """Start it; started already, it stays."""
        if self._server:
            return
        self.port, self.tls_port = free_port(), free_port()
        _write_certificate(self._directory)
        self._owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        for name in ("new", "cur", "tmp"):
            (self._maildrop / name).mkdir(parents=True, exist_ok=True)
        for path in (self._maildrop, *self._maildrop.iterdir()):
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)
        configuration = self._directory / "dovecot.conf"
        configuration.write_text(self._configuration())
        self._server = Server(
            [str(_DOVECOT), "-F", "-c", str(configuration)], self.port, self._directory
        )

    def _configuration(self) -> str:
        me, rootless = self._owner.pw_name, ""
        if os.getuid() != 0:
            rootless = f"""
default_login_user = {me}
default_internal_user = {me}
default_internal_group = {grp.getgrgid(self._owner.pw_gid).gr_name}
service anvil {{
  chroot =
}}
"""
        return f"""\
protocols = pop3
listen = 127.0.0.1
base_dir = {self._directory}/run
state_dir = {self._directory}/run
log_path = {self._directory}/log
ssl = yes
ssl_cert = <{self._directory}/certificate.pem
ssl_key = <{self._directory}/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={self._owner.pw_uid} gid={self._owner.pw_gid} home={self._maildrop}
}}
first_valid_uid = 1
mail_location = maildir:{self._maildrop}
# A mail is told by its file's name, which is new at each filling: no client
# takes it for one that it has had.
pop3_uidl_format = %g
service pop3-login {{
  {"" if os.getuid() == 0 else "chroot ="}
  inet_listener pop3 {{
    port = {self.port}
  }}
  inet_listener pop3s {{
    port = {self.tls_port}
    ssl = yes
  }}
}}
{rootless}"""

    def fill(self, count: int, mail: bytes) -> None:
        """Make the maildrop hold exactly this mail, so many times.

        They are one file by many names: reading it is no part of the work. The
        sizes stand in the names, as Dovecot's own delivery writes them.
        """
        empty(self._maildrop)
        size = len(mail)
        kept = self._directory / f"mail-{size}"
        if not kept.exists():
            kept.write_bytes(mail)
            os.chown(kept, self._owner.pw_uid, self._owner.pw_gid)
        for _ in range(count):
            name = f"1072915200.M{next(_numbers)}P{os.getpid()}.localhost,S={size},W={size}"
            os.link(kept, self._maildrop / "new" / name)

    def left(self) -> int:
        """Count the mails that are still there."""
        return sum(len(list((self._maildrop / name).iterdir())) for name in ("new", "cur"))

    def stop(self) -> None:
        """End it."""
        if self._server:
            self._server.end()
            self._server = None


def _write_certificate(directory: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (directory / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
