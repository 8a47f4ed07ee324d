"""Slips of the finger in the names of the big mailbox providers: "gmial.com" for "gmail.com". Pure.

A slip is one key too many, one missing, a wrong one, or two in the wrong order. It is only ever asked about, never
mended in silence: a name that looks like a slip may be somebody's own.
"""

PROVIDERS = (
    *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "aol.com"),
    *("gmx.de", "gmx.net", "web.de", "t-online.de", "freenet.de", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net"),
    *("yahoo.fr", "hotmail.fr", "hotmail.co.uk", "yahoo.co.uk", "btinternet.com", "proton.me", "protonmail.com"),
    *("comcast.net", "verizon.net", "libero.it", "virgilio.it", "terra.es", "yahoo.es", "hotmail.es", "msn.com"),
)
REAL = frozenset(  # other people's real domains, one key away from a provider's
    (*PROVIDERS, "mail.com", "email.com", "gmx.com", "gmx.at", "gmx.ch", "ymail.com", "me.com", "mac.com", "web.com")
)


def meant(email: str) -> str | None:
    """The address that was probably meant by a good one; None where it looks right as it is."""
    local, _, written = email.rpartition("@")
    domain = written.lower()
    if domain in REAL or len(domain) < 6:
        return None
    found = [provider for provider in PROVIDERS if _is_one_slip(domain, provider)]
    return f"{local}@{found[0]}" if len(found) == 1 else None


def _is_one_slip(written: str, right: str) -> bool:
    """Whether one key more, one less, one wrong, or two swapped make `written` out of `right`."""
    if abs(len(written) - len(right)) > 1:
        return False
    at = next(
        (n for n, (a, b) in enumerate(zip(written, right, strict=False)) if a != b), min(len(written), len(right))
    )
    rest, wanted = written[at:], right[at:]
    return (
        rest != wanted
        and (
            (rest[1:] == wanted[1:] and bool(rest and wanted))  # a wrong one
            or rest[1:] == wanted  # one too many
            or rest == wanted[1:]  # one missing
            or (rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:])  # two swapped
        )
    )
