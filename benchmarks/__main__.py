"""`python -m benchmarks [NAME …] [--quick] [--write]`: ratios against references measured in the same run.

speed      20 kB messages to smtp-sink: against smtp-source and against a plain smtplib loop
signed     the same, signed with RSA-2048: against the signatures a core can make
signing    one message filled and signed, on one core and without a wire: against its signature alone
distance   the relay 50 ms away: against smtplib
rendering  an issue of thirty stories: against npm's mjml and juice (wants node)
million    the cost of a message at a million readers: against that at ten thousand; drawing them
desk       each page of the desk with a million readers and 400 past issues, on both databases
importing  people in and out: against the database's own bulk load; the audience with and without a segment
one_click  leaving by one POST, and following a counted link, while a send runs
counting   what counted links add to a message: against straight ones
answers    how long the sign-up form takes for known, suppressed and unknown addresses
stories    who tells the same event: F1 on labelled stories; grouping 5,000 articles (wants the data)
order      our order against newest first and chance, as editors have it (wants the data)
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import (
    answers,
    counting,
    desk,
    distance,
    importing,
    million,
    one_click,
    order,
    rendering,
    signed,
    signing,
    speed,
    stories,
)
from benchmarks.harness import DATA, ROOT, Ratio, Setting, table

BENCHES: dict[str, Callable[[Setting], list[Ratio]]] = {
    "speed": speed.ratios,
    "signed": signed.ratios,
    "signing": signing.ratios,
    "distance": distance.ratios,
    "million": million.ratios,
    "rendering": rendering.ratios,
    "desk": desk.ratios,
    "importing": importing.ratios,
    "one_click": one_click.ratios,
    "counting": counting.ratios,
    "answers": answers.ratios,
    "stories": stories.ratios,
    "order": order.ratios,
}
WANT_DATA = ("stories", "order")
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run them and print the table; 1 if a figure falls short."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="some of them; all without")
    parser.add_argument("--quick", action="store_true", help="a tenth of the readers, one round: to see that it works")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with `stories` and `feeds` (%(default)s)")
    wanted = parser.parse_args()
    if unknown := set(wanted.names) - set(BENCHES):
        parser.error(f"there is no {min(unknown)!r}; there is {', '.join(BENCHES)}")
    if not wanted.data.is_dir() and set(wanted.names) & set(WANT_DATA):
        parser.error(f"there is no data in {wanted.data}; name its folder with --data")
    found: list[Ratio] = []
    for name in wanted.names or BENCHES:
        if name in WANT_DATA and not wanted.data.is_dir():
            print(f"{name}: left out, there is no data in {wanted.data}", file=sys.stderr)
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        with TemporaryDirectory(prefix="newsletter-bench-") as folder:
            found += BENCHES[name](Setting(Path(folder), wanted.data, wanted.quick))
    print(table(found))
    if wanted.write:
        _write(found)
    return 0 if all(ratio.is_met for ratio in found) else 1


def _write(found: list[Ratio]) -> None:
    where = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    PAGE.write_text(
        f"{_INTRO}\nMeasured on {datetime.now(UTC):%Y-%m-%d}, {where}.\n\n{table(found)}\n", encoding="utf-8"
    )


_INTRO = """# How fast it is

`make bench` measures this on your own machine. Each figure is a ratio: the program against a reference, both measured
in turns in the same run, so that a slow or busy machine changes little. Messages have 20 kB, are made for each reader,
and are written into the ledger and the journal; the receiver is Postfix's `smtp-sink`, which takes one core for itself.
"""

if __name__ == "__main__":
    sys.exit(main())
