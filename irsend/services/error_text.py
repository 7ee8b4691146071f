"""What an error says in the journal, for errors of Twisted and for our own bugs."""

from __future__ import annotations

OWN_ERROR = "an error of irsend's own; its log has more"


def error_text(problem: BaseException) -> str:
    """Return an error's own words: Twisted's put a sentence of their class in front of them."""
    told = problem.args[0] if problem.args else ""
    return told if told and isinstance(told, str) else str(problem) or type(problem).__name__
