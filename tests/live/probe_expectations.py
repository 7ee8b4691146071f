"""What a model's file leads one to expect of a probe, worked out without a session.

A `Way` is how a relay is set up. `expected` goes through a sending as the documentation
says a machine does it, by the model's file and the way alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from irsend.device.items import Value
from irsend.device.model import Model
from irsend.device.model_tables import TLS_VERSIONS
from irsend.probe.offers import VERSIONS
from irsend.probe.plan import SMTP_AUTH, SMTP_TLS
from irsend.protocols.sasl import READABLE, unusable


@frozen(kw_only=True)
class Way:
    """How a relay is set up: its Postfix options, and what they mean for a printer."""

    options: Mapping[str, str]
    versions: tuple[str, ...] = VERSIONS
    """The TLS versions that it accepts; none where it has no STARTTLS."""
    plain: tuple[str, ...] = ()
    secured: tuple[str, ...] = ()
    """The mechanisms that it offers in plain text, and under TLS."""
    broken: tuple[str, ...] = ()
    """Those of them that it refuses, whatever the password."""
    success: str = "2.7.0 Authentication successful"
    """What stands behind its 235."""
    wants_tls: bool = False
    wants_login: bool = True
    refusal: str = ""
    """The code of what it refuses though all else is right; empty for nothing."""
    bad_certificate: bool = False
    tls_fails: bool = False
    """It offers STARTTLS, and no handshake succeeds."""


@frozen
class Expected:
    """The cells of a row."""

    result: str
    code: str | None = None
    tls: str | None = None
    mechanism: str | None = None


def newest_common(model: Model, versions: tuple[str, ...]) -> str | None:
    """Return the newest version that a model and a server have in common."""
    if model.tls is None:
        return None
    first, last = (TLS_VERSIONS.index(one) for one in (model.tls.oldest, model.tls.newest))
    common = [one for one in TLS_VERSIONS[first : last + 1] if one in versions]
    return common[-1] if common else None


def expected(model: Model, varied: Mapping[str, Value], way: Way) -> Expected:
    """Return what the row of a model with these settings says."""
    version = None
    if varied[SMTP_TLS] and model.tls is not None and model.tls.implicit_always:
        # Every relay here waits for STARTTLS.
        return Expected("NG", "#801")
    if varied[SMTP_TLS] and model.tls is not None and way.tls_fails:
        return Expected("NG", "#801" if newest_common(model, VERSIONS) else "#841")
    if varied[SMTP_TLS] and model.tls is not None and way.versions:
        version = newest_common(model, way.versions)
        if version is None:
            return Expected("NG", "#841")
        if way.bad_certificate and model.has_item("authent_encryption.verify_smtp_send"):
            return Expected("NG", "#801")
    mechanism = None
    if varied[SMTP_AUTH]:
        offered, order = (
            (way.secured, model.sasl.secured) if version else (way.plain, model.sasl.plain)
        )
        usable = [
            one for one in order if one in offered and not unusable(one) and one != "XOAUTH2"
        ]
        mechanism = usable[0] if usable else None
        if mechanism in READABLE and version is None:
            return Expected("not tried")
        if mechanism and not model.sasl.takes_for_success(way.success):
            return Expected("NG", "#839", version)
        if mechanism in way.broken:
            return Expected("NG", "#839", version)
    if way.wants_tls and version is None:
        return Expected("NG", "#839", version, mechanism)
    if way.wants_login and mechanism is None:
        return Expected("NG", "#806", version)
    if way.refusal:
        return Expected("NG", way.refusal, version, mechanism)
    return Expected("OK", None, version, mechanism)
