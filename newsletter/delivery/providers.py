"""Domains whose mail is taken by one provider's servers: to the sender they are one lane. Pure data.

Only the large ones, and no look-ups: a list that is short of one loses a little evenness, nothing else.
"""

PROVIDERS: dict[str, tuple[str, ...]] = {
    "google": ("gmail.com", "googlemail.com"),
    "microsoft": (
        "outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.fr", "outlook.de", "outlook.es", "hotmail.co.uk",
        "hotmail.fr", "hotmail.de", "hotmail.it", "hotmail.es", "live.co.uk", "live.fr", "live.de", "live.nl",
    ),
    "yahoo": (
        "yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.es",
        "yahoo.it", "yahoo.ca", "yahoo.co.in", "yahoo.com.br", "yahoo.com.au", "aim.com", "verizon.net",
    ),
    "apple": ("icloud.com", "me.com", "mac.com"),
    "united internet": ("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "mail.com"),
    "telekom": ("t-online.de", "magenta.de"),
    "orange": ("orange.fr", "wanadoo.fr"),
    "laposte": ("laposte.net",),
    "free": ("free.fr",),
    "bt": ("btinternet.com", "btopenworld.com"),
    "virgin": ("virginmedia.com", "ntlworld.com", "blueyonder.co.uk"),
    "comcast": ("comcast.net",),
    "at&t": ("att.net", "sbcglobal.net", "bellsouth.net"),
    "charter": ("charter.net", "rr.com", "twc.com"),
    "mail.ru": ("mail.ru", "inbox.ru", "list.ru", "bk.ru"),
    "yandex": ("yandex.ru", "yandex.com", "ya.ru"),
    "tencent": ("qq.com", "foxmail.com"),
    "netease": ("163.com", "126.com", "yeah.net"),
    "libero": ("libero.it", "virgilio.it", "inwind.it", "iol.it"),
    "proton": ("proton.me", "protonmail.com", "pm.me"),
    "fastmail": ("fastmail.com", "fastmail.fm"),
    "wp": ("wp.pl", "o2.pl"),
    "onet": ("onet.pl", "op.pl", "poczta.onet.pl"),
    "seznam": ("seznam.cz", "email.cz"),
    "uol": ("uol.com.br", "bol.com.br"),
    "naver": ("naver.com",),
}  # fmt: skip


def provider_of(domain: str) -> str | None:
    """The provider that takes a domain's mail, if it is one of the large ones."""
    return _BY_DOMAIN.get(domain)


_BY_DOMAIN = {domain: provider for provider, domains in PROVIDERS.items() for domain in domains}
