"""The login of a POP session: USER and PASS, APOP, or AUTH, as POP AUTH Method says (docs/fidelity).

Standards: RFC 1939 7 (USER, PASS, APOP), RFC 5034 (AUTH).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from irsend.device.mechanism_choice import Choice, choose_mechanism
from irsend.device.model import Model
from irsend.device.windows import PopAuthMethod, Settings
from irsend.protocols.pop3_client import POP3Client
from irsend.protocols.sasl import (
    MECHANISMS,
    READABLE,
    Credentials,
    MechanismFailed,
    make_mechanism,
    unusable,
)
from irsend.services.error_text import WITHHELD
from irsend.store.group_commit import InThread

# The token of [sending] is for the SMTP server.
_NO_TOKEN = {"XOAUTH2": "no token for POP"}


class LoginFailed(Exception):
    """The machine cannot log in with what the server offers; says why."""


class POPLogin:
    """One login. With POP AUTH, `chosen` is called with the choice of a mechanism.

    Without `in_plain_text` no password goes out that can be read on the wire.
    """

    def __init__(
        self,
        *,
        client: POP3Client,
        model: Model,
        settings: Settings,
        server: str,
        blocking: InThread,
        chosen: Callable[[Choice], None],
        in_plain_text: bool,
    ) -> None:
        self._client = client
        self._model = model
        self._settings = settings
        self._server = server
        self._blocking = blocking
        self._chosen = chosen
        self._in_plain_text = in_plain_text
        self._user = settings.email_ifax.pop_address.encode("utf-8")
        self._password = settings.email_ifax.pop_password.encode("utf-8")

    async def run(self, offered: list[bytes]) -> str | None:
        """Log in; return the mechanism, None for USER and PASS. `offered` are the server's mechanisms.

        Raises LoginFailed, or Twisted's ServerErrorResponse where the server refuses.
        """
        try:
            match self._settings.authent_encryption.pop_auth_method:
                case PopAuthMethod.STANDARD:
                    self._check_readable("USER and PASS")
                    await self._client.user(self._user)
                    await self._client.password(self._password)
                    return None
                case PopAuthMethod.APOP:
                    await self._apop()
                    return "APOP"
                case PopAuthMethod.POP_AUTH:
                    mechanism = self._choose(offered)
                    if mechanism in READABLE:
                        self._check_readable(mechanism)
                    exchange = make_mechanism(mechanism, self._credentials())
                    await self._client.authenticate(exchange)
                    return mechanism
        except MechanismFailed as error:
            raise LoginFailed(f"login failed: {error}") from None

    def _check_readable(self, way: str) -> None:
        if self._client.tls is None and not self._in_plain_text:
            raise LoginFailed(f"{WITHHELD} ({way})")

    async def _apop(self) -> None:
        if self._client.serverChallenge is None:
            raise LoginFailed("APOP: the server's greeting has no timestamp")
        digest = hashlib.md5(self._client.serverChallenge + self._password).hexdigest()
        await self._client.apop(self._user, digest.encode("ascii"))

    def _choose(self, offered: list[bytes]) -> str:
        choice = choose_mechanism(
            self._model,
            [name.decode("ascii", "replace") for name in offered],
            secured=self._client.tls is not None,
            disabled=self._settings.service_mode.disabled_mechanisms,
            unusable={name: unusable(name) for name in MECHANISMS} | _NO_TOKEN,
        )
        self._chosen(choice)
        if choice.mechanism is None:
            raise LoginFailed(f"no mechanism in common: {choice.why}")
        return choice.mechanism

    def _credentials(self) -> Credentials:
        quirks = self._settings.quirks
        return Credentials(
            user=self._user,
            password=self._password,
            service="pop",
            host=self._server,
            in_thread=self._blocking,
            strict_prompts=quirks.login_prompts == "strict",
            initial_response=self._model.sasl.initial_response,
            user_inline=quirks.inline_login_name,
        )
