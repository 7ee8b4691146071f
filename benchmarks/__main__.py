"""`python -m benchmarks [ROW...]`: hold the contests and print their tables."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.contest import hold
from benchmarks.rows import ROWS
from benchmarks.table import as_data, printed


def _arguments(words: list[str]) -> argparse.Namespace:
    numbers = [row.number for row in ROWS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the machine beside its peers; only ratios of one run are told.",
        epilog="rows: " + "; ".join(f"{row.number} {row.work}" for row in ROWS),
    )
    parser.add_argument("rows", nargs="*", type=int, metavar="ROW", help="which rows (all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds after the warm-up (5)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="how much of the full load, such as 0.1 (1)"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="on the disk to be measured (%(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    parser.add_argument("--quiet", action="store_true", help="say nothing while it runs")
    given = parser.parse_args(words)
    for row in given.rows:
        if row not in numbers:
            parser.error(f"there is no row {row}; there are: {', '.join(map(str, numbers))}")
    if given.rounds < 1:
        parser.error(f"--rounds {given.rounds}: at least 1")
    if given.scale <= 0:
        parser.error(f"--scale {given.scale:g}: more than 0")
    if not given.directory.is_dir():
        parser.error(f"--directory {given.directory}: there is no such directory")
    return given


def main(words: list[str]) -> int:
    """Hold the contests of the rows asked for; return 1 where we could not be measured."""
    given = _arguments(words)
    # Ended from outside, the servers are ended all the same.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bench = Bench(given.directory.resolve(), given.scale, given.quiet)
    figures, failed = [], False
    try:
        for row in ROWS:
            if given.rows and row.number not in given.rows:
                continue
            for contest in row.contests(bench):
                bench.say(f"Row {row.number}: {contest.title}")
                outcome = hold(contest, bench, given.rounds)
                print(printed(row.number, outcome), flush=True)
                figures.append(as_data(row.number, outcome))
                failed = failed or bool(outcome.courses[0].failure)
    except KeyboardInterrupt:
        return 130
    finally:
        bench.clear_away()
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
