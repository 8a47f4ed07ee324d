"""What stops a send, and what an editor should look at first.

    findings.py   what a rule is given (Case) and gives back (Fault), and what comes out (Finding)
    rules.py      the table of all rules
    duties.py     what the law and mailbox providers demand
    marks.py      what a template left behind, and a mail that is too long
    words.py      subject, preheader, headings, names of links, stories told twice
    addresses.py  where links lead, by their own letters
    pictures.py   alt, size, weight
    contrast.py   readable by day and by night
    clients.py    what mail programs lack (support.py: the data of it)
    outside.py    what only others can say: dead links, SpamAssassin

Each rule has one name and, in the config's [preflight], one level. Nothing here asks the network but `outside`.
"""

from collections.abc import Iterable
from dataclasses import replace

from newsletter.config import Preflight
from newsletter.rendering.preflight import outside
from newsletter.rendering.preflight.findings import Case, Finding, Form, Level
from newsletter.rendering.preflight.rules import RULES
from subscribers.topics import unpacked

__all__ = ["RULES", "Case", "Finding", "Form", "Level", "blocks", "findings", "more"]


def findings(case: Case, levels: Preflight, *, look_outside: bool = False) -> list[Finding]:
    """What is wrong; an empty list is a clean bill. Blocks come first. `look_outside` follows links: seconds."""
    if look_outside:
        case = replace(case, answers=outside.ask(case))
    found = [
        Finding(rule.name, Level(level), fault.message, fault.where)
        for rule in RULES
        if (level := levels.level(rule.name)) != "off"
        for fault in rule.look(case)
    ]
    return sorted(found, key=lambda finding: list(Level).index(finding.level))


def more(found: list[Finding], case: Case, levels: Preflight, topics: str) -> list[Finding]:
    """`found` with what is wrong in another edition besides, by the `topics` it holds; what is said already is not said
    again."""
    said = {(finding.rule, finding.message) for finding in found}
    edition = ", ".join(sorted(unpacked(topics)))
    new = [
        replace(one, where=f"{one.where} ({edition})".strip())
        for one in findings(case, levels)
        if (one.rule, one.message) not in said
    ]
    return sorted([*found, *new], key=lambda finding: list(Level).index(finding.level))


def blocks(found: Iterable[Finding]) -> bool:
    """Whether any of the findings stops a send."""
    return any(finding.level is Level.BLOCK for finding in found)
