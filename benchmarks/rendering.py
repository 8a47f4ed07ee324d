"""An issue of thirty stories, from its contents to a finished message, against npm's mjml and juice.

Ours does more: Jinja, the strict check, MJML, inlined CSS, the text part, MIME. The reference gets the MJML and the CSS
that our templates made, and does MJML and inlining alone. Warm is the tenth round and later of one process, and of
these the quickest one on both sides: the others tell what else the machine had to do. Cold is a process from its start
to its first issue.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks.harness import ROOT, Ratio, Setting
from newsletter.delivery.message import Reader, mould
from newsletter.issues.contents import Contents
from newsletter.rendering import inline, values
from newsletter.rendering.render import Rendered, edition
from newsletter.rendering.templates import Templates
from tests.builders import KEYS, NOW, a_config
from tests.rendering import issues

STORIES = 30
WARMING = 10
PAPER = a_config().newsletters[0]
PACKAGES = ("mjml@4", "juice@11")
SCRIPT = Path(__file__).parent / "mjml_and_juice.js"


def ratios(setting: Setting) -> list[Ratio]:
    """How many times faster than the reference; nothing where there is no node."""
    if not (which("node") and which("npm")):
        print("rendering: there is no node here, so there is no reference", file=sys.stderr)
        return []
    node = _node_with_packages(setting.folder)
    issue = _source_for_node(setting.folder)
    warm, cold = [], []
    for _ in range(setting.rounds):
        warm.append(_node_warm(node, issue) / ours_warm())
        cold.append(_seconds(["node", str(node), str(issue), "1"]) / _seconds(_ours_cold()))
    note = f"{STORIES} stories; Jinja, check, MJML, CSS, text and MIME against npm's mjml + juice"
    return [
        Ratio("rendering, warm", tuple(warm), wanted=5, note=note),
        Ratio("rendering, cold", tuple(cold), wanted=0.5, note="from the start of the process to the first issue"),
    ]


def ours_warm(rounds: int = 20) -> float:
    """Our milliseconds for an issue."""
    templates, contents = Templates(ROOT), issues.many_items(STORIES)
    for _ in range(WARMING):
        an_issue(templates, contents)
    times = []
    for _ in range(rounds):
        start = monotonic()
        an_issue(templates, contents)
        times.append((monotonic() - start) * 1000)
    return min(times)


def an_issue(templates: Templates, contents: Contents) -> bytes:
    """All that happens once an edition, and one reader's message."""
    made: Rendered = edition(contents, templates, issues.SITE)
    reader = Reader(delivery_id=1, subscriber_id=1, subscription_id=1, email="reader@example.com")
    return mould(issues.SITE, PAPER, 1, made.subject, made.html, made.text).fill(reader, KEYS, NOW)


def _source_for_node(folder: Path) -> Path:
    """The same issue as MJML and CSS, as our own templates write them."""
    contents: Contents = issues.many_items(STORIES)
    source = Templates(ROOT).render("digest/issue.mjml", **values.of(contents, issues.SITE))
    rest, css = inline.take_out(re.sub(r"<!--@.*?-->", "", source))
    file = folder / "issue.json"
    file.write_text(json.dumps({"mjml": rest, "css": css}), encoding="utf-8")
    return file


def _node_with_packages(folder: Path) -> Path:
    """The reference's script beside its packages, which npm installs for this run alone."""
    script = folder / SCRIPT.name
    script.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return script


def _node_warm(script: Path, issue: Path) -> float:
    """The reference's milliseconds for an issue."""
    command = ["node", str(script), str(issue), str(WARMING + 20)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    times: list[float] = json.loads(done.stdout)["times"]
    return min(times[WARMING:])


def _ours_cold() -> list[str]:
    return [sys.executable, "-m", "benchmarks.rendering", "--once"]


def _seconds(command: list[str]) -> float:
    start = monotonic()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return monotonic() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="one issue, and no more: for the cold figure")
    if parser.parse_args().once:
        print(len(an_issue(Templates(ROOT), issues.many_items(STORIES))))
    else:
        with TemporaryDirectory() as place:
            for ratio in ratios(Setting(Path(place))):
                print(ratio.name, ratio.values)
