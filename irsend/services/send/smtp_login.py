"""The login of an SMTP session: AUTH, by the mechanism that the model chooses (docs/mechanisms).

Standards: RFC 4954.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from irsend.device import codes
from irsend.device.mechanism_choice import Choice, choose_mechanism
from irsend.device.model import Model
from irsend.device.send_policy import Step
from irsend.device.windows import Settings
from irsend.interfaces import ITranscript
from irsend.protocols.esmtp_client import ESMTPClient
from irsend.protocols.sasl import (
    MECHANISMS,
    READABLE,
    Credentials,
    MechanismFailed,
    make_mechanism,
    unusable,
)
from irsend.protocols.smtp_client_replies import ServerReply
from irsend.services.error_text import WITHHELD
from irsend.services.send.delivery import Login
from irsend.services.send.delivery_results import (
    SessionFailed,
    not_taken_for_success,
    refused,
)
from irsend.store.group_commit import InThread


class SMTPLogin:
    """One login. `chosen` is called with the choice of a mechanism.

    `read_token` gives the access token of XOAUTH2. Without `in_plain_text` no password
    goes out that can be read on the wire.
    """

    def __init__(
        self,
        *,
        model: Model,
        settings: Settings,
        server: str,
        login: Login,
        read_token: Callable[[], Deferred[bytes]] | None,
        blocking: InThread,
        transcript: ITranscript,
        chosen: Callable[[Choice], None],
        in_plain_text: bool,
    ) -> None:
        self._model = model
        self._settings = settings
        self._server = server
        self._login = login
        self._read_token = read_token
        self._token: Deferred[bytes] | None = None
        self._blocking = blocking
        self._transcript = transcript
        self._chosen = chosen
        self._in_plain_text = in_plain_text

    def abort(self) -> None:
        """Wait for no token any more."""
        if self._token is not None:
            self._token.cancel()

    async def run(self, client: ESMTPClient) -> str | None:
        """Log in; return the mechanism, None where none can be used and the session goes on without.

        Raises SessionFailed, MechanismFailed, and what ends the session.
        """
        secured = client.tls is not None
        passed_over = {name: unusable(name) for name in MECHANISMS}
        if self._read_token is None:
            passed_over["XOAUTH2"] = "no token is configured"
        choice = choose_mechanism(
            self._model,
            client.mechanisms,
            secured=secured,
            disabled=self._settings.service_mode.disabled_mechanisms,
            unusable=passed_over,
        )
        self._chosen(choice)
        if choice.mechanism is None:
            self._transcript.note(f"{choice.why}: going on without authentication")
            return None
        self._transcript.note(choice.why)
        if choice.mechanism in READABLE and not secured:
            if not self._in_plain_text:
                raise SessionFailed(f"{WITHHELD} ({choice.mechanism})", codes.SMTP_LOGIN)
            self._transcript.note("user name and password go in plain text")
        credentials: Credentials = await self._credentials(choice.mechanism)
        reply: ServerReply = await client.log_in(
            make_mechanism(choice.mechanism, credentials),
            (credentials.password, credentials.token),
        )
        if not reply.means(235):
            raise refused(reply, Step.LOGIN)
        if not self._model.sasl.takes_for_success(str(reply)):
            raise not_taken_for_success(reply, self._model.called)
        return choice.mechanism

    async def _credentials(self, mechanism: str) -> Credentials:
        token = b""
        if mechanism == "XOAUTH2" and self._read_token is not None:
            self._token = self._read_token()
            try:
                token = await self._token
            except Exception as problem:
                raise MechanismFailed(str(problem)) from None
            finally:
                self._token = None
        quirks = self._settings.quirks
        return Credentials(
            user=self._login.user.encode("utf-8"),
            password=self._login.password.encode("utf-8"),
            service="smtp",
            host=self._server,
            token=token,
            in_thread=self._blocking,
            strict_prompts=quirks.login_prompts == "strict",
            initial_response=self._model.sasl.initial_response,
            user_inline=quirks.inline_login_name,
        )
