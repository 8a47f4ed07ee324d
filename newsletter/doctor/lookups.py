"""Questions to the DNS. A name that does not exist, or has no such record, has an empty answer; what can't be found out
raises NoAnswer. Each question is asked once."""

import dns.exception
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

PATIENCE_SECONDS = 5.0  # for one question, with all its retries


class NoAnswer(Exception):
    """The DNS could not be asked; the words say what happened."""


class Lookups:
    """Asks the system's resolver, or the one at `resolver`: "9.9.9.9", or with a port "127.0.0.1:5353"."""

    def __init__(self, resolver: str = "") -> None:
        """Raises NoAnswer where the system names no resolver, ValueError for an address that is none."""
        try:
            self._resolver = dns.resolver.Resolver(configure=not resolver)
        except dns.resolver.NoResolverConfiguration as error:
            raise NoAnswer("this machine names no resolver; --resolver 9.9.9.9 names one") from error
        if resolver:
            host, _, port = resolver.partition(":") if resolver.count(":") == 1 else (resolver, "", "")
            self._resolver.nameservers = [host]
            self._resolver.port = int(port or 53)
        self._known: dict[tuple[str, str], list[dns.rdata.Rdata] | NoAnswer] = {}

    def texts(self, name: str) -> list[str]:
        """The TXT records of `name`, each with its strings joined (RFC 7208 §3.3). Raises NoAnswer."""
        records = [record for record in self._ask(name, "TXT") if isinstance(record, TXT)]
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]

    def mail_hosts(self, name: str) -> list[str]:
        """Where mail for `name` goes, the best first; "" alone says that it takes none (RFC 7505). Raises NoAnswer."""
        records = [record for record in self._ask(name, "MX") if isinstance(record, MX)]
        ordered = sorted(records, key=lambda record: (record.preference, record.exchange))
        return [record.exchange.to_text(omit_final_dot=True).rstrip(".") for record in ordered]

    def has_address(self, name: str) -> bool:
        """Whether there is an A or AAAA record. Raises NoAnswer."""
        return bool(self._ask(name, "A") or self._ask(name, "AAAA"))

    def _ask(self, name: str, kind: str) -> list[dns.rdata.Rdata]:
        if (name, kind) not in self._known:
            self._known[name, kind] = self._asked(name, kind)
        found = self._known[name, kind]
        if isinstance(found, NoAnswer):
            raise found
        return found

    def _asked(self, name: str, kind: str) -> list[dns.rdata.Rdata] | NoAnswer:
        if silent := next((one for one in self._known.values() if isinstance(one, _Silent)), None):
            return silent
        try:
            return list(self._resolver.resolve(name, kind, lifetime=PATIENCE_SECONDS, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.resolver.LifetimeTimeout:
            return _Silent("no resolver answers; does this machine reach the network? --resolver 9.9.9.9 asks another")
        except dns.resolver.NoNameservers:
            return NoAnswer(f"the name servers of {name} fail")
        except (dns.exception.DNSException, OSError) as error:
            return NoAnswer(f"{name} can't be looked up: {error}")


class _Silent(NoAnswer):
    """Nobody answers at all: others need not be waited for."""
