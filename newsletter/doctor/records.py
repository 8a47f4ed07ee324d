"""What the TXT records of a domain say about its mail: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989). Pure."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

Texts = Callable[[str], list[str]]

MOST_SPF_LOOKUPS = 10  # RFC 7208 §4.6.4
_MECHANISMS = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}
_ASKING = {"include", "a", "mx", "ptr", "exists", "redirect"}  # each is a question to the DNS
_TERM = re.compile(r"[+?~-]?([A-Za-z0-9]+)(?=$|[:/])[:]?(.*)|([A-Za-z][A-Za-z0-9._-]*)=(.*)")
MOST_LEVELS = 8  # of a DMARC tree walk (RFC 9989 §4.10)


class Fault(NamedTuple):
    """What is wrong with a record, and whether mail suffers from it now."""

    words: str
    is_grave: bool = True


def spf_of(texts: Sequence[str]) -> list[str]:
    """Those of a domain's TXT records that are SPF."""
    return [text for text in texts if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]


def spf_fault(domain: str, texts: Sequence[str], ask: Texts) -> Fault | None:
    """What receivers would stumble over in the SPF of `domain`, whose TXT records are `texts`. `ask` gives those of
    another name, and may raise."""
    found = spf_of(texts)
    if not found:
        example = f'publish a TXT record at {domain} such as "v=spf1 include:YOUR-RELAY -all"'
        return Fault(f"There is no SPF record, which large providers want: {example}.")
    if len(found) > 1:
        return Fault(f"There are {len(found)} SPF records, and receivers then believe none: join them in one.")
    terms = _terms(found[0])
    for term, name, _ in terms:
        if not name:
            return Fault(f"{term!r} is no term of SPF, and receivers then believe nothing of it: correct it.")
    if terms and all(name == "all" for _, name, _ in terms) and terms[0][0].startswith("-"):
        return Fault("Its SPF record says that no mail comes from it at all: name your relay's addresses in it.")
    if (count := spf_lookups(found[0], ask)) > MOST_SPF_LOOKUPS:
        words = f"Its SPF record leads to {count} look-ups; over {MOST_SPF_LOOKUPS} receivers give up: name fewer."
        return Fault(words)
    return _spf_end(terms)


def spf_lookups(record: str, ask: Texts, seen: frozenset[str] = frozenset()) -> int:
    """How many questions to the DNS evaluating `record` takes at the most; a circle is over the limit."""
    count = 0
    for _, name, value in _terms(record):
        count += name in _ASKING
        if name in ("include", "redirect") and "%" not in value:
            if value in seen:
                return MOST_SPF_LOOKUPS + 1
            inner = spf_of(ask(value))
            count += spf_lookups(inner[0], ask, seen | {value}) if inner else 0
        if count > MOST_SPF_LOOKUPS:
            break
    return count


def dkim_fault(record_name: str, wanted: str, texts: Sequence[str]) -> Fault | None:
    """What is wrong with the DKIM record at `record_name`; `wanted` is what our key wants there."""
    found = [text for text in texts if "p" in tags(text)]
    advice = "`newsletter keys show` prints what to publish"
    if not found:
        return Fault(f"There is no key in the DNS at {record_name}, so what we sign is worth nothing: {advice}.")
    if len(found) > 1:
        return Fault(f"There are {len(found)} keys at {record_name}, and receivers take any: leave one.")
    ours, theirs = tags(wanted), tags(found[0])
    if not theirs["p"]:
        return Fault(f"The key at {record_name} is revoked (p= is empty): make a new one under a new selector.")
    if theirs["p"] != ours["p"] or theirs.get("k", "rsa") != ours["k"]:
        return Fault(f"The key at {record_name} is another one than ours, so signatures are wrong: {advice}.")
    if "y" in theirs.get("t", "").split(":"):
        return Fault("Its record says t=y, a test: some receivers pass over such signatures. Take it out.", False)
    return None


class Dmarc(NamedTuple):
    """A policy: the domain that it was found at, its record, and the tags of it."""

    domain: str
    record: str
    tags: dict[str, str]


def dmarc_at(domain: str, ask: Texts) -> Dmarc | Fault:
    """The policy for mail from `domain`, its own or that of the nearest domain above it. `ask` may raise."""
    labels = domain.split(".")
    places = [".".join(labels[start:]) for start in range(len(labels))]
    for place in places[:1] + places[1:][-MOST_LEVELS + 1 :]:
        found = [text for text in ask(f"_dmarc.{place}") if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]
        if len(found) > 1:
            return Fault(f"There are {len(found)} DMARC records at _dmarc.{place}, so none counts: leave one.")
        if found:
            return Dmarc(place, found[0], tags(found[0]))
    example = f'publish a TXT record at _dmarc.{domain} such as "v=DMARC1; p=none; rua=mailto:dmarc@{domain}"'
    return Fault(f"There is no DMARC record, which large providers want of who sends much: {example}.")


def dmarc_fault(domain: str, policy: Dmarc) -> Fault | None:
    """What is wrong with the policy itself."""
    asked = policy.tags.get("p", "") if domain == policy.domain else policy.tags.get("sp", policy.tags.get("p", ""))
    if asked.lower() not in ("none", "quarantine", "reject"):
        return Fault(f"The policy at _dmarc.{policy.domain} is {asked!r}: write p=none, p=quarantine or p=reject.")
    return None


def is_aligned(domain: str, other: str, policy: Dmarc, tag: str) -> bool:
    """Whether DMARC takes `other` (of the envelope, tag "aspf"; of a signature, "adkim") for the same as `domain` of
    From: the very same, or, unless the policy is strict, both at or below the domain that has the policy."""
    if domain == other:
        return True
    shared = f".{other}".endswith(f".{policy.domain}") and f".{domain}".endswith(f".{policy.domain}")
    return policy.tags.get(tag, "r").lower() != "s" and shared


def tags(record: str) -> dict[str, str]:
    """ "v=DKIM1; p=AB C" → {"v": "DKIM1", "p": "ABC"}: names in lower case, values without white space."""
    pairs = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): re.sub(r"\s", "", value) for name, _, value in pairs}


def _terms(record: str) -> list[tuple[str, str, str]]:
    """Each term after the version with its name in lower case and its value; no name for what is no term."""
    found = []
    for term in record.split()[1:]:
        match = _TERM.fullmatch(term)
        name = (match[1] or match[3]).lower() if match else ""
        known = match is not None and (bool(match[3]) or name in _MECHANISMS)
        found.append((term, name if known else "", (match[2] or match[4] or "") if match else ""))
    return found


def _spf_end(terms: Sequence[tuple[str, str, str]]) -> Fault | None:
    """How the record ends: what becomes of everybody else."""
    end = next((term for term, name, _ in terms if name == "all"), "")
    if end in ("all", "+all"):
        return Fault(f"Its SPF record ends in {end}, which lets everybody send in your name: write -all or ~all.")
    if end == "?all" or not (end or any(name == "redirect" for _, name, _ in terms)):
        return Fault("Its SPF record leaves open who else may send in your name: end it with -all or ~all.", False)
    return None
