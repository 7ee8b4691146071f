"""A sphinx extension: what is made from the code comes into the pages, and what they name exists.

`.. irsend:: settings` puts in what `generated.settings` returns.
`:transcript:` names a conversation of tests/transcripts, `:test:` a test by the
id that trial takes, `:file:` a file of the repository. Each warns where there
is no such thing, so that the build fails.
"""

from __future__ import annotations

from typing import Any

import generated
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.nodes import nested_parse_with_titles
from test_names import test_problem

_PARTS = (
    "codes",
    "configuration",
    "explanations",
    "form",
    "import_table",
    "model_keys",
    "models",
    "order_canon",
    "order_later",
    "order_toshiba",
    "picks",
    "quirks",
    "renamed_keys",
    "routes",
    "schemas",
    "settings",
    "standings",
    "transcripts",
)


class FromTheCode(Directive):
    """Puts in one of the parts that are made from the code."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse the part as if it stood in the page."""
        part = self.arguments[0]
        if part not in _PARTS:
            raise self.error(f"{part!r} is not allowed; allowed: {', '.join(_PARTS)}")
        # What it is made of is no file of the documentation's: it is made anew each time.
        self.state.document.settings.env.note_reread()
        lines = StringList(getattr(generated, part)(), source=f"generated.{part}")
        parent = nodes.section()
        parent.document = self.state.document
        nested_parse_with_titles(self.state, lines, parent)
        return parent.children


def link_transcript(
    _name: str, rawtext: str, text: str, lineno: int, inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Link to a conversation on the page of transcripts."""
    if not (generated.TRANSCRIPTS / f"{text}.txt").exists():
        return _missing(rawtext, f"there is no tests/transcripts/{text}.txt", lineno, inliner)
    link = addnodes.pending_xref(
        rawtext,
        nodes.inline(rawtext, text),
        refdomain="std",
        reftype="ref",
        reftarget=f"transcript-{text}".lower(),
        refexplicit=True,
        refwarn=True,
        refdoc=inliner.document.settings.env.docname,
    )
    return [link], []


def name_test(
    _name: str, rawtext: str, text: str, lineno: int, inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Show a test by the id that trial takes."""
    problem = test_problem(text)
    if problem:
        return _missing(rawtext, problem, lineno, inliner)
    # A long id may be broken behind its dots.
    literal = nodes.literal(rawtext, "")
    for number, part in enumerate(text.split(".")):
        if number:
            literal += [nodes.Text("."), nodes.raw("", "<wbr>", format="html")]
        literal += nodes.Text(part)
    return [literal], []


def name_file(
    _name: str, rawtext: str, text: str, lineno: int, inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Show a file of the repository."""
    if not (generated.REPOSITORY / text).exists():
        return _missing(rawtext, f"there is no file {text}", lineno, inliner)
    return [nodes.literal(rawtext, text)], []


def _missing(
    rawtext: str, problem: str, lineno: int, inliner: Any
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    message = inliner.reporter.warning(problem, line=lineno)
    return [inliner.problematic(rawtext, rawtext, message)], [message]


def setup(app: Any) -> dict[str, object]:
    """Make the directive and the roles known (called by sphinx)."""
    app.add_directive("irsend", FromTheCode)
    app.add_role("transcript", link_transcript)
    app.add_role("test", name_test)
    app.add_role("file", name_file, override=True)
    return {"version": "1", "parallel_read_safe": True}
