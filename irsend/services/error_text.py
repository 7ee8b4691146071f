"""The text of errors in the journal: those of Twisted, bugs of irsend, and the switching off."""

from __future__ import annotations

OWN_ERROR = "an error of irsend's own; its log has more"
SWITCHED_OFF = "the machine was switched off"
WITHHELD = "the password would go in plain text, which tls.plain_passwords forbids"
"""Of a login that is not begun."""


def error_text(problem: BaseException) -> str:
    """Return an error's text; str() of a Twisted error puts a sentence of its class before it."""
    text = problem.args[0] if problem.args else ""
    return text if text and isinstance(text, str) else str(problem) or type(problem).__name__
