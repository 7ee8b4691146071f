"""A test with pytest of a mail gateway: a Postfix in a directory of its own relays to a printer.

Needs root, as Postfix does. Run it with: pytest docs/examples/test_postfix.py
"""

import shutil
import smtplib
import socket
import subprocess

import pytest

MAIN = """
compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/mail.log
maillog_file_prefixes = {directory}
inet_interfaces = 127.0.0.1
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
disable_dns_lookups = yes
# The gateway under test: all mail goes to the printer, under TLS that is verified.
relayhost = [127.0.0.1]:{printer}
smtp_tls_security_level = verify
smtp_tls_verify_cert_match = localhost
smtp_tls_CAfile = {directory}/printer.pem
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@pytest.fixture
def printer(irsend_machines):
    """Start a printer that takes encrypted mail only."""
    return irsend_machines(model="iradvance", allow_ssl_smtp_receive="ssl")


@pytest.fixture
def gateway(printer, tmp_path_factory):
    """Start Postfix; give the port where it takes mail."""
    directory = tmp_path_factory.mktemp("postfix")
    # Postfix gives up root, and must reach its directory.
    for above in (directory, *directory.parents[:2]):
        above.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("etc", "queue", "data"):
        (directory / name).mkdir()
    shutil.chown(directory / "data", "postfix")
    (directory / "printer.pem").write_text(printer.ca_pem)
    values = {"directory": directory, "printer": printer.smtp.port, "port": port}
    (directory / "etc" / "main.cf").write_text(MAIN.format(**values))
    (directory / "etc" / "master.cf").write_text(MASTER.format(**values))
    postfix = ["postfix", "-c", str(directory / "etc")]
    subprocess.run([*postfix, "start"], check=True)
    yield port
    subprocess.run([*postfix, "stop"], check=True)


def test_relayed_under_tls(printer, gateway):
    """Mail to the gateway in plain text reaches the printer under TLS."""
    with smtplib.SMTP("127.0.0.1", gateway, timeout=20) as server:
        server.sendmail("shop@office.test", "scan@localhost", "Subject: Invoice 17\n\nPay.\n")
    [mail] = printer.wait_for_mail(1, timeout=30)
    assert mail["Subject"] == "Invoice 17"
    assert "with ESMTPS" in mail.trace
