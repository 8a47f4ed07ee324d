"""Which relay takes a letter: by the reader's domain, else by newsletter, else [smtp]. Pure.

A relay that is down gives way to its fallback. Only letters that were provably not handed over are asked about again,
so a reader never gets one from each.
"""

from collections.abc import Collection

from newsletter.config import Config, Newsletter, Relay


def choose(config: Config, newsletter: Newsletter, domain: str, down: Collection[str] = ()) -> Relay:
    """The relay for a reader at `domain` (as stored: ASCII, lower case), passing over those named in `down`.

    Where all that could take it are down, it is the first choice: its trouble is the one to tell.
    """
    first = next((relay for relay in config.relays if domain in relay.domains), None)
    wanted: Relay = first or config.relay(newsletter.relay)
    relay = wanted
    while relay.known_as in down:
        if not relay.fallback:
            return wanted
        relay = config.relay(relay.fallback)
    return relay


def all_of(config: Config) -> tuple[Relay, ...]:
    """Every relay of the file, [smtp] first."""
    return (config.smtp, *config.relays)
