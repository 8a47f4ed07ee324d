"""Issues of thirty stories, from their contents to finished messages, against npm's mjml and juice.

Ours does more: Jinja, the strict check, MJML, inlined CSS, the text part, MIME. The reference gets the MJML and the CSS
that our templates made, and does MJML and inlining alone. No two rounds have an issue in common: every story has other
words, names, addresses and minutes, in kinds that stay the same; one line measures issues whose kinds change as well,
so that nothing kept of another issue helps. Warm is the tenth round and later of one process, and of these the quickest
one on both sides: the others tell what else the machine had to do. Cold is a process from its start to its first issue.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from shutil import which
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from markupsafe import escape

from benchmarks.harness import ROOT, Ratio, Setting
from newsletter.delivery.message import Reader, mould
from newsletter.issues.contents import Contents, Item
from newsletter.rendering import inline, values
from newsletter.rendering.render import Rendered, edition
from newsletter.rendering.templates import Templates
from tests.builders import KEYS, NOW, a_config
from tests.rendering import issues

STORIES = 30
WARMING = 10
ROUNDS = 20
PAPER = a_config().newsletters[0]
PACKAGES = ("mjml@4", "juice@11")
SCRIPT = Path(__file__).parent / "mjml_and_juice.js"
_TEXT = """
harbour ferry council bridge market clock light morning people’s quay rain school “bell” letters & boats island mayor
tram winter street don’t garden museum price engine café night bakery river library long quiet brass old new
"""
_WORDS = _TEXT.split()
_SOURCES = ("Skerry Radio", "Island Gazette", "Port News", "The Tide & Times", "Morgenpost")


def ratios(setting: Setting) -> list[Ratio]:
    """How many times faster than the reference; nothing where there is no node."""
    if not (which("node") and which("npm")):
        print("rendering: there is no node here, so there is no reference", file=sys.stderr)
        return []
    node = _node_with_packages(setting.folder)
    warm, new, cold = [], [], []
    for number in range(setting.rounds):
        same, other = [[_contents(number, n, is_new) for n in range(WARMING + ROUNDS)] for is_new in (False, True)]
        theirs = _node_warm(node, _for_node(setting.folder, same))
        warm.append(theirs / ours_warm(same))
        new.append(_node_warm(node, _for_node(setting.folder, other)) / ours_warm(other))
        first = _for_node(setting.folder, same[:1])
        cold.append(_seconds(["node", str(node), str(first)]) / _seconds(_ours_cold()))
    note = f"{STORIES} stories; Jinja, check, MJML, CSS, text and MIME against npm's mjml + juice"
    return [
        Ratio("rendering, warm", tuple(warm), wanted=5, note=f"{note}; other words each time"),
        Ratio("rendering, warm, no two alike", tuple(new), wanted=2.5, note="other kinds of stories each time as well"),
        Ratio("rendering, cold", tuple(cold), wanted=0.5, note="from the start of the process to the first issue"),
    ]


def ours_warm(issues_to_render: Sequence[Contents]) -> float:
    """Our milliseconds for an issue, at best."""
    templates, times = Templates(ROOT), []
    for contents in issues_to_render:
        start = monotonic()
        an_issue(templates, contents)
        times.append((monotonic() - start) * 1000)
    return min(times[WARMING:])


def an_issue(templates: Templates, contents: Contents) -> bytes:
    """All that happens once an edition, and one reader's message."""
    made: Rendered = edition(contents, templates, issues.SITE)
    reader = Reader(delivery_id=1, subscriber_id=1, subscription_id=1, email="reader@example.com")
    return mould(issues.SITE, PAPER, 1, made.subject, made.html, made.text).fill(reader, KEYS, NOW)


def _contents(turn: int, number: int, is_new: bool) -> Contents:
    """An issue in words of its own; with `is_new`, its stories are of other kinds too."""
    dice = Random(f"{turn}/{number}/{is_new}")
    plain = issues.many_items(STORIES)
    sections = tuple(
        replace(section, items=tuple(_told(item, dice, is_new) for item in section.items)) for section in plain.sections
    )
    lead = plain.lead and _told(plain.lead, dice, False)
    return replace(plain, lead=lead, sections=sections, subject=_said(dice, 8), preheader=_said(dice, 16))


def _told(item: Item, dice: Random, is_new: bool) -> Item:
    """The story in other words, as long as before."""
    changes: dict[str, Any] = {}
    if is_new:
        changes = {"is_update": dice.random() < 0.2, "is_paid": dice.random() < 0.2}
        changes |= {} if dice.random() < 0.7 else {"image": "", "image_alt": ""}
    body = "".join(f"<p>{escape(_said(dice, 45))}</p>" for _ in range(4))
    return replace(
        item,
        title=_said(dice, 9),
        standfirst=_said(dice, 12),
        body=body,
        url=f"https://{dice.choice(_WORDS[:8])}.example.com/{dice.randrange(10**6)}?from=feed&n={item.position}",
        source=dice.choice(_SOURCES),
        minutes=dice.randint(1, 9),
        **({"image_alt": _said(dice, 5)} | changes),
    )


def _said(dice: Random, words: int) -> str:
    return " ".join(dice.choice(_WORDS) for _ in range(words)).capitalize()


def _for_node(folder: Path, issues_to_render: Sequence[Contents]) -> Path:
    """The same issues as MJML and CSS, as our own templates write them."""
    templates, sources = Templates(ROOT), []
    for contents in issues_to_render:
        rest, css = inline.take_out(templates.render("digest/issue.mjml", **values.of(contents, issues.SITE)))
        sources.append({"mjml": rest, "css": css})
    file = folder / "issues.json"
    file.write_text(json.dumps(sources), encoding="utf-8")
    return file


def _node_with_packages(folder: Path) -> Path:
    """The reference's script beside its packages, which npm installs for this run alone."""
    script = folder / SCRIPT.name
    script.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return script


def _node_warm(script: Path, source: Path) -> float:
    """The reference's milliseconds for an issue, at best."""
    done = subprocess.run(["node", str(script), str(source)], check=True, stdout=subprocess.PIPE, text=True)
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
        print(len(an_issue(Templates(ROOT), _contents(0, 0, False))))
    else:
        with TemporaryDirectory() as place:
            for ratio in ratios(Setting(Path(place))):
                print(ratio.name, ratio.values)
