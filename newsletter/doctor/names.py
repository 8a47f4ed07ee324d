"""The domains that our mail comes from: would a receiver believe it, and would an answer find its way back?"""

from collections.abc import Iterator
from email.utils import parseaddr

from newsletter.config import Config, Newsletter
from newsletter.delivery import dkim
from newsletter.doctor import records
from newsletter.doctor.findings import Finding, fail, ok, warn
from newsletter.doctor.lookups import Lookups, NoAnswer
from newsletter.doctor.records import Dmarc, Fault
from newsletter.errors import ConfigError


def findings(config: Config, lookups: Lookups) -> Iterator[Finding]:
    """Of each domain: where its mail goes, its SPF, its DMARC, and the keys that sign for it."""
    for domain in _addressed(config):
        yield from _asked("mx", domain, _way_back(domain, lookups))
    for envelope in dict.fromkeys(_envelope(config, newsletter) for newsletter in config.newsletters):
        yield from _asked("spf", envelope, _spf(envelope, lookups))
    for domain, newsletter in {n.sender_domain: n for n in config.newsletters}.items():
        yield from _asked("dmarc", domain, _policy(domain, _envelope(config, newsletter), newsletter, lookups))
        yield from _asked("dkim", domain, _signatures(domain, newsletter, lookups))


def _asked(check: str, where: str, found: Iterator[Finding]) -> Iterator[Finding]:
    """What was found out until the DNS could not be asked any more."""
    try:
        yield from found
    except NoAnswer as error:
        yield warn(check, where, f"It could not be looked up: {error}.")


def _addressed(config: Config) -> list[str]:
    """The domains that mail to us goes to: answers of readers, returned mail, leavings."""
    addresses = [address for n in config.newsletters for address in (n.sender, n.reply_to)]
    addresses += [config.smtp.bounce_address, config.mailbox.address]
    return list(dict.fromkeys(_domain(address) for address in addresses if address))


def _envelope(config: Config, newsletter: Newsletter) -> str:
    return _domain(config.smtp.bounce_address) or newsletter.sender_domain


def _domain(address: str) -> str:
    return parseaddr(address)[1].rpartition("@")[2].lower()


def _way_back(domain: str, lookups: Lookups) -> Iterator[Finding]:
    hosts = lookups.mail_hosts(domain)
    lost = "answers and returned mail are lost"
    if hosts == [""]:
        yield fail("mx", domain, f"Its MX record says that it takes no mail, so {lost}: use an address that does.")
    elif not hosts and not lookups.has_address(domain):
        yield fail("mx", domain, f"There is no MX record, so {lost}: publish one, or use an address that takes mail.")
    elif hosts and not any(lookups.has_address(host) for host in hosts):
        yield fail("mx", domain, f"{', '.join(hosts)} of its MX record has no address, so {lost}: correct it.")
    else:
        yield ok("mx", domain, f"Its mail goes to {', '.join(hosts) or 'the host of that name'}.")


def _spf(domain: str, lookups: Lookups) -> Iterator[Finding]:
    texts = lookups.texts(domain)
    fault = records.spf_fault(domain, texts, lookups.texts)
    if fault:
        yield _told("spf", domain, fault)
    else:
        yield ok("spf", domain, f"{records.spf_of(texts)[0]} (only your relay's operator knows whether that is all)")


def _policy(domain: str, envelope: str, newsletter: Newsletter, lookups: Lookups) -> Iterator[Finding]:
    """DMARC of the domain in From, and whether the envelope counts for it."""
    policy = records.dmarc_at(domain, lookups.texts)
    fault = policy if isinstance(policy, Fault) else records.dmarc_fault(domain, policy)
    if fault:
        yield _told("dmarc", domain, fault)
    elif isinstance(policy, Dmarc):
        yield ok("dmarc", domain, policy.record)
        if not newsletter.dkim and not records.is_aligned(domain, envelope, policy, "aspf"):
            words = f"returned mail goes to {envelope}, so SPF does not count for {domain}: have it signed (DKIM)."
            yield warn("dmarc", domain, f"DMARC goes by the signature alone here: {words}")


def _signatures(domain: str, newsletter: Newsletter, lookups: Lookups) -> Iterator[Finding]:
    """The keys that sign for the domain, each held against the DNS and against what DMARC asks of it."""
    if not newsletter.dkim:
        words = f"No key signs its mail here: your relay must (d={domain}), or `newsletter keys create` makes one."
        yield warn("dkim", domain, words)
    for table in newsletter.dkim:
        try:
            key = dkim.read(table)
        except ConfigError:
            continue  # said among the keys
        fault = records.dkim_fault(key.record_name, key.record, lookups.texts(key.record_name))
        if fault:
            yield _told("dkim", key.record_name, fault)
        elif key.domain != domain and _is_strict(domain, key.domain, lookups):
            words = f"DMARC is strict (adkim=s): mail from {domain} wants a key of {domain}, not of {key.domain}."
            yield fail("dkim", key.record_name, words)
        else:
            yield ok("dkim", key.record_name, f"The DNS has our key ({key.algorithm}).")


def _is_strict(domain: str, of_key: str, lookups: Lookups) -> bool:
    """Whether DMARC lets a key of a domain above it not count."""
    policy = records.dmarc_at(domain, lookups.texts)
    return isinstance(policy, Dmarc) and not records.is_aligned(domain, of_key, policy, "adkim")


def _told(check: str, where: str, fault: Fault) -> Finding:
    return (fail if fault.is_grave else warn)(check, where, fault.words)
