"""TLS of the machine: what its model can do, and what its settings check of mail servers."""

from __future__ import annotations

from collections.abc import Collection

from irsend.device.model import Model
from irsend.device.model_tables import ModelTLS
from irsend.protocols.tls import ClientTLS
from irsend.protocols.tls_context import TLSProfile


def tls_profile(model: ModelTLS) -> TLSProfile:
    """Return what a model's TLS can do, as the protocol takes it."""
    return TLSProfile(
        oldest=model.oldest,
        newest=model.newest,
        ciphers=model.ciphers,
        suites=model.suites,
        groups=model.groups,
        signatures=model.signatures,
        extensions=model.extensions,
    )


def is_implicit(model: Model, port: int, implicit_ports: Collection[str]) -> bool:
    """Say whether a session of this model at this port begins TLS with the connection."""
    tls = model.tls
    if tls is None:
        return False
    return tls.implicit_always or (tls.implicit and str(port) in implicit_ports)


def client_tls(
    server: str, model: ModelTLS, *, verify: bool, check_name: bool, trust: str
) -> ClientTLS:
    """Return what a session with this server begins TLS with.

    `verify` and `check_name` are the settings; `trust` is the path of the root
    certificates, empty for the system's.
    """
    return ClientTLS.build(
        server,
        tls_profile(model),
        server_name=model.server_name,
        verify=verify,
        check_name=check_name,
        trust=trust,
    )
