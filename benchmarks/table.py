"""What is printed: for each bar the ratio, its spread, and whether it is met."""

from __future__ import annotations

from benchmarks.contest import Bar, Outcome, median


def printed(number: int, outcome: Outcome) -> str:
    """Return the table of one contest."""
    contest = outcome.contest
    us = outcome.courses[0]
    lines = [f"Row {number}. {contest.title}", ""]
    head = (
        "against",
        "does with the mail",
        "bar",
        "measured",
        "spread",
        "",
        f"[{contest.unit}]",
    )
    rows = [head, (us.name, us.keeps, "", "", "", "", _absolute(us.figures))]
    for bar in (bar for bar in contest.bars if not bar.peer):
        rows.append(("(by itself)", "", f"{bar} {contest.unit}", *_verdict(outcome, bar), ""))
    barred = {bar.peer: bar for bar in contest.bars}
    for course in outcome.courses[1:]:
        bar = barred.get(course.name)
        held = (str(bar), *_verdict(outcome, bar)) if bar else ("", "", "", "no bar")
        if course.failure:
            held = (*held[:3], held[3] if course.figures else "not measured")
        rows.append((course.name, course.keeps, *held, _absolute(course.figures)))
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  " + "  ".join(cells).rstrip())
    lines.append("")
    rounds = max(len(course.figures) for course in outcome.courses)
    cut = (
        f", then the {contest.seconds:.0f} s of this row were over" if outcome.cut_short else ""
    )
    lines.append(f"  Medians of {rounds} rounds in turn after a warm-up{cut}.")
    lines += [f"  {note}" for note in contest.notes]
    lines += [
        f"  {course.name}: {course.failure}" for course in outcome.courses if course.failure
    ]
    return "\n".join(lines) + "\n"


def _verdict(outcome: Outcome, bar: Bar) -> tuple[str, str, str]:
    ratios = outcome.measured(bar)
    if not ratios:
        return ("-", "", "not measured")
    measured = median(ratios)
    return (
        _figure(measured),
        f"{_figure(min(ratios))}..{_figure(max(ratios))}",
        bar.verdict(measured),
    )


def _figure(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}"


def _absolute(figures: list[float]) -> str:
    return f"{median(figures):.1f}" if figures else "-"


def as_data(number: int, outcome: Outcome) -> dict[str, object]:
    """Return one contest with all its figures, for a file."""
    contest = outcome.contest
    return {
        "row": number,
        "work": contest.title,
        "unit": contest.unit,
        "cut_short": outcome.cut_short,
        "sides": [
            {
                "name": course.name,
                "keeps": course.keeps,
                "figures": course.figures,
                "failure": course.failure or None,
            }
            for course in outcome.courses
        ],
        "bars": [
            {
                "peer": bar.peer or None,
                "bar": str(bar),
                "measured": median(outcome.measured(bar)) if outcome.measured(bar) else None,
                "met": bar.met(median(outcome.measured(bar)))
                if str(bar) and outcome.measured(bar)
                else None,
            }
            for bar in contest.bars
        ],
    }
