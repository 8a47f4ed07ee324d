"""Where links lead, as far as their own letters say it: https, somebody else's, a private network. Nothing is asked."""

from collections.abc import Iterator
from ipaddress import ip_address

from newsletter.rendering.preflight.findings import Case, Fault, host_of, is_web

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PRIVATE_NAMES = (".local", ".localhost", ".internal", ".intranet", ".lan", ".home", ".corp", ".home.arpa")


def own_links(case: Case) -> Iterator[Fault]:
    plain = [link for link in _all(case) if link.startswith("http://") and host_of(link) == case.host]
    if plain and case.host not in LOOPBACK:
        yield Fault(
            f"{len(plain)} links to our own site are not https. Set site.url to an https address.", plain[0][:200]
        )


def own_machine(case: Case) -> Iterator[Fault]:
    ours = [link for link in _all(case) if host_of(link) == case.host]
    if ours and case.host in LOOPBACK:
        yield Fault(
            "Links lead to this machine only. Before real readers get them, set site.url to an https address.",
            ours[0][:200],
        )


def https(case: Case) -> Iterator[Fault]:
    plain = [link for link in _foreign(case) if link.startswith("http://") and not _is_private(case, link)]
    if plain:
        count = f"{len(plain)} links are" if len(plain) > 1 else "A link is"
        yield Fault(f"{count} not https: anybody on the way can read and change what comes.", plain[0][:200])


def private_link(case: Case) -> Iterator[Fault]:
    for link in _foreign(case):
        if _is_private(case, link):
            yield Fault(
                "This link leads into a private network, where readers can't follow. Mend it, or name the network in "
                "collecting.private_networks if they can.",
                link[:200],
            )


def _all(case: Case) -> list[str]:
    """Links and pictures of the web, each once."""
    pictures = (str(picture.get("src", "")) for picture in case.pictures)
    return [link for link in dict.fromkeys([*case.links, *pictures]) if is_web(link)]


def _foreign(case: Case) -> list[str]:
    return [link for link in _all(case) if host_of(link) != case.host]


def _is_private(case: Case, link: str) -> bool:
    host = host_of(link)
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host in LOOPBACK or host.endswith(PRIVATE_NAMES)
    return not address.is_global and not any(address in network for network in case.collecting.allowed_networks)
