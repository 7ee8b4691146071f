"""A contest: us and the peers at the same work, round by round in turn, after a warm-up.

What disturbs the whole machine for a while so disturbs all sides alike; a ratio
is taken within its round, and the median of these is what is compared.
"""

from __future__ import annotations

import abc
import contextlib
import os
import statistics
import time

from attrs import define, field, frozen

from benchmarks.bench import Bench, Failed


class Side(abc.ABC):
    """One of those who do the work."""

    name: str
    keeps: str
    """What becomes of the mail: "thrown away", "written", "synced"."""

    def missing(self) -> str:
        """Return what has to be installed first; empty where everything is there."""
        return ""

    @abc.abstractmethod
    def start(self) -> None:
        """Start what serves; raise Failed."""

    def prepare(self) -> None:  # noqa: B027 - most sides have nothing to prepare
        """Make ready for a round; not measured."""

    @abc.abstractmethod
    def measure(self, seconds: float) -> float:
        """Do one round within so many seconds and return its figure; raise Failed."""

    @abc.abstractmethod
    def stop(self) -> None:
        """End what was started; called also where `start` failed."""


@frozen
class Bar:
    """What is to be reached: beside a peer, or by itself in the contest's unit.

    Without a limit it is only told.
    """

    peer: str = ""
    at_least: float | None = None
    at_most: float | None = None

    def met(self, measured: float) -> bool:
        """Tell whether the bar is met."""
        if self.at_least is not None and measured < self.at_least:
            return False
        return self.at_most is None or measured <= self.at_most

    def __str__(self) -> str:
        """Return it as the table has it."""
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return "" if self.at_most is None else f"<= {self.at_most:g}"

    def verdict(self, measured: float) -> str:
        """Return in a word how it went."""
        if not str(self):
            return "no bar"
        return "met" if self.met(measured) else "NOT MET"


@frozen(kw_only=True)
class Contest:
    """A work, those who do it (us first), and the bars."""

    title: str
    unit: str
    """Of the figures; a ratio of two has none."""
    sides: list[Side]
    bars: list[Bar]
    seconds: float
    """After this no further round is begun; one side has a quarter of it for one round."""
    most_rounds: int = 1000
    """However many are asked for: where a round is long, or always the same."""
    notes: tuple[str, ...] = ()


@define
class Course:
    """How one side has fared."""

    name: str
    keeps: str
    figures: list[float] = field(factory=list)
    failure: str = ""


@define
class Outcome:
    """What came of a contest."""

    contest: Contest
    courses: list[Course]
    cut_short: bool = False

    def course(self, name: str) -> Course:
        """Return the course of one side."""
        return next(course for course in self.courses if course.name == name)

    def measured(self, bar: Bar) -> list[float]:
        """Return, round by round, what a bar is held against."""
        ours = self.courses[0].figures
        if not bar.peer:
            return ours
        return [
            us / peer for us, peer in zip(ours, self.course(bar.peer).figures, strict=False)
        ]


def hold(contest: Contest, bench: Bench, rounds: int) -> Outcome:
    """Hold a contest; a side that fails or is missing is named, and the others go on."""
    courses = [Course(side.name, side.keeps) for side in contest.sides]
    outcome = Outcome(contest, courses)
    entrants = list(zip(contest.sides, courses, strict=True))
    end = time.monotonic() + contest.seconds
    try:
        for side, course in entrants:
            course.failure = side.missing()
            if not course.failure:
                with _failure_noted(course):
                    side.start()
        for number in range(min(rounds, contest.most_rounds) + 1):
            if time.monotonic() > end and number > 1:
                outcome.cut_short = True
                break
            for side, course in entrants:
                if course.failure:
                    continue
                began = time.monotonic()
                with _failure_noted(course):
                    side.prepare()
                    # The disk is to have nothing left to do from the side before.
                    os.sync()
                    figure = side.measure(contest.seconds / 4)
                    turn = f"round {number}" if number else "warm-up"
                    bench.say(f"  {turn}: {course.name} {figure:.2f} {contest.unit}")
                    if number:
                        course.figures.append(figure)
                if course.failure:
                    # What a failing side has waited for is not taken from the others.
                    end += time.monotonic() - began
    finally:
        for side, course in entrants:
            with _failure_noted(course):
                side.stop()
    return outcome


@contextlib.contextmanager
def _failure_noted(course: Course):
    try:
        yield
    except (Failed, OSError) as failure:
        course.failure = course.failure or " ".join(str(failure).split())


def median(figures: list[float]) -> float:
    """Return the median; 0 of nothing."""
    return statistics.median(figures) if figures else 0.0
