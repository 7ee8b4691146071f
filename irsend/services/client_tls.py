"""TLS of the machine as a client of mail servers: what its model can do, and what its settings check."""

from __future__ import annotations

from irsend.device.model_tables import ModelTLS
from irsend.protocols.tls import ClientTLS


def client_tls(
    server: str, model: ModelTLS, *, verify: bool, check_name: bool, trust: str
) -> ClientTLS:
    """Return what a session with this server begins TLS with.

    `verify` and `check_name` are the settings; `trust` is the path of the root
    certificates, empty for the system's.
    """
    return ClientTLS.build(
        server,
        oldest=model.oldest,
        newest=model.newest,
        ciphers=model.ciphers,
        server_name=model.server_name,
        verify=verify,
        check_name=check_name,
        trust=trust,
    )
