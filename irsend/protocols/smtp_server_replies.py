"""The replies of the receiving side, each once: code, text, enhanced status code.

Standards: RFC 5321 4.2.3 (codes), RFC 3463 and RFC 2034 (enhanced codes).
"""

from __future__ import annotations

from irsend.interfaces import Reply

OK = Reply(250, "OK", "2.0.0")
SENDER_OK = Reply(250, "Sender OK", "2.1.0")
RECIPIENT_OK = Reply(250, "Recipient OK", "2.1.5")
MESSAGE_ACCEPTED = Reply(250, "Message accepted", "2.6.0")
START_INPUT = Reply(354, "Start mail input; end with <CRLF>.<CRLF>")
GO_AHEAD = Reply(220, "Go ahead", "2.0.0")
CANNOT_VERIFY = Reply(252, "Cannot verify, but mail for this machine is taken", "2.1.5")
HELP = Reply(214, "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP STARTTLS QUIT", "2.0.0")

TIMEOUT = Reply(421, "Timed out, closing connection", "4.4.2")
SHUTTING_DOWN = Reply(421, "Machine is being switched off, closing connection", "4.3.2")
TOO_MANY_ERRORS = Reply(421, "Too many errors, closing connection", "4.7.0")
TOO_MANY_COMMANDS = Reply(421, "Too many commands without a mail, closing connection", "4.7.0")
LOCAL_ERROR = Reply(451, "Local error in processing", "4.3.0")
MEMORY_FULL = Reply(452, "Insufficient memory", "4.3.1")
TOO_MANY_RECIPIENTS = Reply(452, "Too many recipients", "4.5.3")

UNKNOWN_COMMAND = Reply(500, "Command not recognized", "5.5.1")
CONTROL_CHARACTER = Reply(500, "Bare CR, bare LF or NUL in a command", "5.5.2")
LINE_TOO_LONG = Reply(500, "Line too long", "5.5.2")
NAME_EXPECTED = Reply(501, "A host name or address literal is expected", "5.5.4")
ARGUMENT_EXPECTED = Reply(501, "An argument is expected", "5.5.4")
NO_ARGUMENT = Reply(501, "No argument is allowed here", "5.5.4")
NOT_IMPLEMENTED = Reply(502, "Command not implemented", "5.5.1")
HELLO_FIRST = Reply(503, "Send EHLO or HELO first", "5.5.1")
NESTED_MAIL = Reply(503, "A sender has been given already", "5.5.1")
MAIL_FIRST = Reply(503, "Send MAIL first", "5.5.1")
RECIPIENT_FIRST = Reply(503, "Send MAIL and RCPT first", "5.5.1")
TLS_ALREADY = Reply(503, "TLS is in use already", "5.5.1")
TOO_LARGE = Reply(552, "Message exceeds the size this machine takes", "5.3.4")
NO_VALID_RECIPIENTS = Reply(554, "No valid recipients", "5.5.1")
PLAIN_TEXT_BEHIND_STARTTLS = Reply(
    554, "Plain text behind STARTTLS, closing connection", "5.5.0"
)

ALREADY_AUTHENTICATED = Reply(503, "Already authenticated", "5.5.1")
NOT_DURING_MAIL = Reply(503, "AUTH is not allowed during a mail transaction", "5.5.1")
AUTH_ABORTED = Reply(501, "Authentication aborted", "5.7.0")
NOT_BASE64 = Reply(501, "Cannot decode the response as base64", "5.5.2")
UNKNOWN_MECHANISM = Reply(504, "Unrecognized authentication mechanism", "5.5.4")
AUTHENTICATED = Reply(235, "Authentication successful", "2.7.0")
AUTH_REFUSED = Reply(535, "Authentication credentials invalid", "5.7.8")


def closing(host: bytes) -> Reply:
    """Return the answer to QUIT."""
    return Reply(221, f"{host.decode('ascii')} closing connection", "2.0.0")
