"""The public address of the readers' pages: mailbox providers send the one-click POST there (RFC 8058)."""

import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx2

from newsletter.config import Config
from newsletter.doctor.findings import Finding, fail, ok, warn

PATIENCE_SECONDS = 10.0
_NOT_UP = {502, 503, 504}  # what a proxy says for a site behind it


def findings(config: Config) -> Iterator[Finding]:
    """Whether links in mails lead to us, safely and without a detour."""
    url = config.site.url
    if _is_local(urlsplit(url).hostname or ""):
        yield warn(
            "site", url, "Only this machine reaches it: before real mail goes out, set site.url to its https name."
        )
    elif urlsplit(url).scheme != "https":
        words = "One-click leaving wants https (RFC 8058): put a proxy with TLS before it, and set site.url to that."
        yield fail("site", url, words)
    yield _answer(url)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answer(url: str) -> Finding:
    """What it says to who asks whether it is well."""
    try:
        with httpx2.Client(follow_redirects=False, timeout=PATIENCE_SECONDS) as client:
            answer = client.get(f"{url}/healthz")
    except httpx2.HTTPError as error:
        if _is_about_trust(error):
            return fail("site", url, f"Its certificate is not to be trusted, so no provider leads there: {error}.")
        return warn("site", url, f"Nobody answers there ({error}): start `newsletter run`, or correct site.url.")
    if answer.is_redirect:
        words = (
            f"It leads on to {answer.headers.get('location', 'another place')}, which a one-click POST may not follow"
        )
        return fail("site", url, f"{words}: set site.url to where it ends.")
    if answer.status_code in _NOT_UP:
        return warn("site", url, f"The proxy says {answer.status_code}: start `newsletter run` behind it.")
    if answer.status_code != 200 or answer.text.strip() != "ok":
        return fail("site", url, f"Another site answers there ({answer.status_code}): correct site.url, or the proxy.")
    return ok("site", url, "It answers.")


def _is_about_trust(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
